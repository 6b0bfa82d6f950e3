/*
** scrub.h: masks live secrets in text that is about to leave the program. No Lua here.
*/
#ifndef O2X_SCRUB_H
#define O2X_SCRUB_H

#include <stddef.h>

struct scrub_entry {
	char *bytes;
	size_t length;
	struct scrub_entry *next, **link;
};

/* Adds a secret to the list of live ones, or removes it. The bytes stay its owner's. */
void scrub_add(struct scrub_entry *entry);
void scrub_remove(struct scrub_entry *entry);

/* Value of *found when there is no memory for the search: the text must not be printed. */
#define SCRUB_FAILED ((size_t)-1)

/*
** Returns a copy with every live secret masked, to be freed, or NULL if there is none in the text.
** Sets *found to the number of secrets. A NUL in the text becomes '?'.
*/
char *scrub_text(const char *text, size_t length, size_t *found);

#endif
