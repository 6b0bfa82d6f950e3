/*
** pattern_match.h: one text and one pattern of Lua, for pattern.c.
*/
#ifndef O2X_PATTERN_MATCH_H
#define O2X_PATTERN_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

enum { MAX_CAPTURES = 32 };

struct capture {
	const char *start;
	ptrdiff_t length;
};

/* The caller sets the first four fields, and the others to 0. */
struct match {
	lua_State *L;
	const char *text, *text_end, *pattern_end;
	size_t steps;
	int depth, captures;
	struct capture capture[MAX_CAPTURES];
};

/* -> the end of what the pattern p matches at s, or NULL [-0, +0, v] */
const char *match_at(struct match *m, const char *s, const char *p);

/*
** The first place from s on where the pattern p can match, as far as its first character tells; NULL
** if there is none.
*/
const char *match_candidate(const struct match *m, const char *s, const char *p);

/*
** Pushes the n-th capture, from 0; the whole match, s to end, if there is none and n is 0. [-0, +1,
** v]
*/
void match_push(struct match *m, int n, const char *s, const char *end);

/* Pushes all captures; if there is none and whole is set, the match. -> their number [-0, +n, v] */
int match_push_all(struct match *m, const char *s, const char *end, bool whole);

#endif
