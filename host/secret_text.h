/*
** secret_text.h: the text of a secret. It can outlive the value that Lua holds, because a server may
** send it back after Lua has collected the value. No Lua here.
*/
#ifndef O2X_SECRET_TEXT_H
#define O2X_SECRET_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "scrub.h"

struct secret_text {
	struct scrub_entry entry; /* bytes, length, place in the list of what is masked */
	bool message; /* a whole request or answer: what is secret in it has a text of its own */
	struct secret_text *other, **link; /* the list of all */
	struct secret_text *next;          /* the one that was retired after this one */
};

/* A zeroed text of that length, with a NUL after it, not masked yet; or NULL. */
struct secret_text *secret_text_new(size_t length);

/* Masks it in output from now on, unless it is public. */
void secret_text_mask(struct secret_text *text);

/*
** Declares a text public, such as a name: it is never masked, although a secret may
** have it too. -> false: no memory
*/
bool secret_text_publish(const char *bytes, size_t length);

/* Wipes and frees it; it is not masked any more. */
void secret_text_free(struct secret_text *text);

/*
** Gives up a text whose value was collected. It stays masked until the process ends; their number is
** bounded, the oldest is freed for a new one. What need not stay masked is freed at once: a message,
** one that is too short to be masked, and one that was retired before.
*/
void secret_text_retire(struct secret_text *text);

#endif
