/*
** scrub.h: finds live secrets in text that is about to leave the program. No Lua here.
*/
#ifndef O2X_SCRUB_H
#define O2X_SCRUB_H

#include <stddef.h>

struct scrub_entry {
	char *bytes;
	size_t length;
	struct scrub_entry *next, **link;
};

void scrub_add(struct scrub_entry *entry);
void scrub_remove(struct scrub_entry *entry);

/* What is "found" when there is no memory to look: the text must not go out. */
#define SCRUB_FAILED ((size_t)-1)

/*
** A malloc'd copy with every live secret masked, or NULL if there is none in it. A NUL in the text
** becomes '?'.
*/
char *scrub_text(const char *text, size_t length, size_t *found);

#endif
