/*
** pattern_match.c: matches Lua's patterns, as the Lua manual describes them, for the string functions of
** scripts (pattern.c). In Lua's own matcher a pattern that backtracks runs for as long as it
** likes, inside one C function that nothing can stop. This one counts its work, and every few
** thousand steps it asks the watch over scripts (sandbox.c) whether the script has any time left.
*/
#include "pattern_match.h"
#include "host.h"

#include <ctype.h>
#include <string.h>

enum {
	MAX_DEPTH = 200,  /* of items that may be given back */
	SLICE = 4096,     /* steps between two looks at the time */
	IS_OPEN = -1,     /* length of a capture whose end is not reached */
	IS_POSITION = -2, /* length of a capture "()" */
};

static const char *match_here(struct match *m, const char *s, const char *p);

/* Counts steps, and raises an error when the script has no time left. [-0, +0, v] */
static void count(struct match *m, ptrdiff_t steps)
{
	m->steps += (size_t)steps;
	if (m->steps < SLICE)
		return;
	m->steps = 0;
	host_check_time(m->L);
}

/* ---- one character ---- */

static bool in_class(int c, int class)
{
	bool found;
	switch (tolower(class)) {
	case 'a': found = isalpha(c); break;
	case 'c': found = iscntrl(c); break;
	case 'd': found = isdigit(c); break;
	case 'g': found = isgraph(c); break;
	case 'l': found = islower(c); break;
	case 'p': found = ispunct(c); break;
	case 's': found = isspace(c); break;
	case 'u': found = isupper(c); break;
	case 'w': found = isalnum(c); break;
	case 'x': found = isxdigit(c); break;
	case 'z': found = c == 0; break; /* not in the manual any more, but in use */
	default: return class == c;
	}
	return isupper(class) ? !found : found;
}

/* The end of the item at p, without what repeats it. */
static const char *item_end(struct match *m, const char *p)
{
	if (*p == '%') {
		if (p + 1 >= m->pattern_end)
			luaL_error(m->L, "malformed pattern (ends with '%%')");
		return p + 2;
	}
	if (*p != '[')
		return p + 1;
	p++;
	if (p < m->pattern_end && *p == '^')
		p++;
	do { /* a ']' in the first place is a character of the set */
		if (p >= m->pattern_end)
			luaL_error(m->L, "malformed pattern (missing ']')");
		if (*p++ == '%' && p < m->pattern_end)
			p++;
	} while (p >= m->pattern_end || *p != ']');
	return p + 1;
}

/* last: the ']' of the set that begins at p. */
static bool in_set(int c, const char *p, const char *last)
{
	bool wanted = true;
	if (p[1] == '^') {
		wanted = false;
		p++;
	}
	while (++p < last) {
		if (*p == '%') {
			if (in_class(c, (unsigned char)*++p))
				return wanted;
		} else if (p[1] == '-' && p + 2 < last) {
			if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
				return wanted;
			p += 2;
		} else if ((unsigned char)*p == c) {
			return wanted;
		}
	}
	return !wanted;
}

static bool one(const struct match *m, const char *s, const char *p, const char *end)
{
	if (s >= m->text_end)
		return false;
	int c = (unsigned char)*s;
	switch (*p) {
	case '.': return true;
	case '%': return in_class(c, (unsigned char)p[1]);
	case '[': return in_set(c, p, end - 1);
	default: return (unsigned char)*p == c;
	}
}

/* ---- items that are longer ---- */

/* "%bxy": from an x to its y. */
static const char *balanced(struct match *m, const char *s, const char *p)
{
	if (p + 1 >= m->pattern_end)
		luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
	if (s >= m->text_end || *s != *p)
		return NULL;
	int open = 1;
	for (const char *at = s + 1; at < m->text_end; at++) {
		if (*at == p[1]) {
			if (--open == 0) {
				count(m, at - s);
				return at + 1;
			}
		} else if (*at == *p) {
			open++;
		}
	}
	count(m, m->text_end - s);
	return NULL;
}

/* As many as there are, then fewer and fewer. */
static const char *most(struct match *m, const char *s, const char *p, const char *end)
{
	ptrdiff_t times = 0;
	for (; one(m, s + times, p, end); times++)
		count(m, end - p);
	for (; times >= 0; times--) {
		const char *found = match_here(m, s + times, end + 1);
		if (found)
			return found;
	}
	return NULL;
}

/* None, then more and more. */
static const char *fewest(struct match *m, const char *s, const char *p, const char *end)
{
	for (;; s++) {
		count(m, end - p);
		const char *found = match_here(m, s, end + 1);
		if (found || !one(m, s, p, end))
			return found;
	}
}

/* ---- captures ---- */

static const char *open_capture(struct match *m, const char *s, const char *p, ptrdiff_t length)
{
	if (m->captures >= MAX_CAPTURES)
		luaL_error(m->L, "too many captures");
	m->capture[m->captures++] = (struct capture){ s, length };
	const char *found = match_here(m, s, p);
	if (!found)
		m->captures--;
	return found;
}

static const char *close_capture(struct match *m, const char *s, const char *p)
{
	int n = m->captures - 1;
	while (n >= 0 && m->capture[n].length != IS_OPEN)
		n--;
	if (n < 0)
		luaL_error(m->L, "invalid pattern capture");
	m->capture[n].length = s - m->capture[n].start;
	const char *found = match_here(m, s, p);
	if (!found)
		m->capture[n].length = IS_OPEN;
	return found;
}

/* "%1": the same text as a capture's. */
static const char *same_again(struct match *m, const char *s, int digit)
{
	int n = digit - '1';
	if (n < 0 || n >= m->captures || m->capture[n].length == IS_OPEN)
		luaL_error(m->L, "invalid capture index %%%d", n + 1);
	ptrdiff_t length = m->capture[n].length;
	if (length < 0 || m->text_end - s < length)
		return NULL;
	count(m, length);
	return memcmp(m->capture[n].start, s, (size_t)length) == 0 ? s + length : NULL;
}

/* ---- a whole pattern ---- */

/* "%f[set]": between a character that is not of the set and one that is. -> the end of the item */
static const char *frontier(struct match *m, const char *s, const char *p)
{
	if (p >= m->pattern_end || *p != '[')
		luaL_error(m->L, "missing '[' after '%%f' in pattern");
	const char *end = item_end(m, p);
	count(m, end - p);
	int before = s == m->text ? 0 : (unsigned char)s[-1];
	int after = s == m->text_end ? 0 : (unsigned char)*s;
	return !in_set(before, p, end - 1) && in_set(after, p, end - 1) ? end : NULL;
}

/* -> the end of what the rest of the pattern, p, matches at s; or NULL */
static const char *follow(struct match *m, const char *s, const char *p)
{
	while (p < m->pattern_end) {
		count(m, 1);
		if (*p == '(')
			return p + 1 < m->pattern_end && p[1] == ')'
				       ? open_capture(m, s, p + 2, IS_POSITION)
				       : open_capture(m, s, p + 1, IS_OPEN);
		if (*p == ')')
			return close_capture(m, s, p + 1);
		if (*p == '$' && p + 1 == m->pattern_end)
			return s == m->text_end ? s : NULL;
		int kind = *p == '%' && p + 1 < m->pattern_end ? (unsigned char)p[1] : 0;
		if (kind == 'b' || isdigit(kind)) {
			s = kind == 'b' ? balanced(m, s, p + 2) : same_again(m, s, kind);
			if (!s)
				return NULL;
			p += kind == 'b' ? 4 : 2;
			continue;
		}
		if (kind == 'f') {
			p = frontier(m, s, p + 2);
			if (!p)
				return NULL;
			continue;
		}
		const char *end = item_end(m, p);
		count(m, end - p);
		switch (end < m->pattern_end ? *end : 0) {
		case '*': return most(m, s, p, end);
		case '+': return one(m, s, p, end) ? most(m, s + 1, p, end) : NULL;
		case '-': return fewest(m, s, p, end);
		case '?': {
			const char *found =
				one(m, s, p, end) ? match_here(m, s + 1, end + 1) : NULL;
			if (found)
				return found;
			p = end + 1;
			break;
		}
		default:
			if (!one(m, s, p, end))
				return NULL;
			s++;
			p = end;
		}
	}
	return s;
}

static const char *match_here(struct match *m, const char *s, const char *p)
{
	if (++m->depth > MAX_DEPTH)
		luaL_error(m->L, "pattern too complex");
	s = follow(m, s, p);
	m->depth--;
	return s;
}

const char *match_at(struct match *m, const char *s, const char *p)
{
	m->captures = 0;
	m->depth = 0;
	return match_here(m, s, p);
}

const char *match_candidate(const struct match *m, const char *s, const char *p)
{
	const char *end = m->pattern_end, *first = p;
	if (p < end && *p == '%') {
		first = p + 1;
		if (first == end || isalnum((unsigned char)*first))
			return s; /* a class */
	} else if (p == end || memchr("^$().[*+?-", *p, 10)) {
		return s;
	}
	if (first + 1 < end && memchr("*?-", first[1], 3))
		return s; /* it may be missing */
	return memchr(s, *first, (size_t)(m->text_end - s));
}

/* ---- results ---- */

void match_push(struct match *m, int n, const char *s, const char *end)
{
	if (n >= m->captures) {
		if (n != 0)
			luaL_error(m->L, "invalid capture index %%%d", n + 1);
		lua_pushlstring(m->L, s, (size_t)(end - s));
		return;
	}
	struct capture *capture = &m->capture[n];
	if (capture->length == IS_OPEN)
		luaL_error(m->L, "unfinished capture");
	if (capture->length == IS_POSITION)
		lua_pushinteger(m->L, capture->start - m->text + 1);
	else
		lua_pushlstring(m->L, capture->start, (size_t)capture->length);
}

int match_push_all(struct match *m, const char *s, const char *end, bool whole)
{
	int number = m->captures == 0 && whole ? 1 : m->captures;
	luaL_checkstack(m->L, number, "too many captures");
	for (int n = 0; n < number; n++)
		match_push(m, n, s, end);
	return number;
}
