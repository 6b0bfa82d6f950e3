/*
** scrub.h: masks live secrets in text that is about to leave the program. No Lua here.
**
** A secret is found plain, with any of its characters escaped, and in base64, hexadecimal and lists
** of numbers, also where these are nested up to three deep; see scrub_search.h. Its first ten bytes or
** more are found where dots follow, because programs shorten texts so. It is not found when it was cut
** in another way, reversed, compressed, encrypted, or changed to upper or lower case.
*/
#ifndef O2X_SCRUB_H
#define O2X_SCRUB_H

#include <stddef.h>

/*
** A secret with fewer bytes than this, or of white space alone, is not masked: it would be found by
** chance in many texts.
*/
enum { SCRUB_SHORTEST = 6 };

/* What stands in place of a secret, however long that is. */
#define SCRUB_MASK "******"

struct scrub_entry {
	char *bytes;
	size_t length;
	char label[96]; /* what is shown for it */
	struct scrub_entry *next, **link;
};

/*
** Adds a secret to the list of live ones, or removes it. The bytes stay its owner's, who changes
** them only while the secret is not in the list.
*/
void scrub_add(struct scrub_entry *entry);
void scrub_remove(struct scrub_entry *entry);

/* Grows with each secret that is added. A text that was clean stays clean until then. */
unsigned long scrub_generation(void);

/* Value of *length when there is no memory for the search: the text must not be printed. */
#define SCRUB_FAILED ((size_t)-1)

/*
** Returns a copy with every live secret masked, to be freed, with its length; NULL and the length 0
** if there is none in the text. A NUL follows the copy.
*/
char *scrub_text(const char *text, size_t length, size_t *clean);

/* Part of a text that has a live secret, from one byte up to another. */
struct scrub_range {
	size_t from, to;
	const struct scrub_entry *entry; /* one that begins there */
};

/*
** The parts of a text that have live secrets, in order and apart from each other, to be freed; NULL
** and the count 0 if there are none.
*/
struct scrub_range *scrub_ranges(const char *text, size_t length, size_t *count);

/* Is the secret long enough to be found? */
int scrub_can_find(const struct scrub_entry *entry);

/* The first live secret in a text, or NULL. Sets *failed when there is no memory for the search. */
const struct scrub_entry *scrub_find(const char *text, size_t length, int *failed);

#endif
