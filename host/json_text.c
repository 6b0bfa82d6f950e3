/*
** json_text.c: see json_text.h.
*/
#include "json_text.h"
#include "utf8.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REPLACEMENT = 0xfffd };

bool json_wrong(struct json_text *t, const char *at, const char *error)
{
	t->at = at;
	t->error = error;
	return false;
}

/* ---- between the words ---- */

char json_next(struct json_text *t)
{
	while (t->at < t->end && *t->at && strchr(" \t\r\n", *t->at))
		t->at++;
	return t->at < t->end ? *t->at : '\0';
}

bool json_word(struct json_text *t, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0)
		return false;
	t->at += n;
	return true;
}

void json_place(const struct json_text *t, int *line, int *column)
{
	*line = *column = 1;
	for (const char *s = t->start; s < t->at && s < t->end; s++) {
		*column = *s == '\n' ? 1 : *column + 1;
		*line += *s == '\n';
	}
}

/* ---- strings ---- */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c | 0x20) : NULL;
	return found && (c >= 'A' || c <= '9') ? (int)(found - digits) : -1;
}

/* The code unit of the \uXXXX at s, or -1 if there is none. */
static long code_unit(const struct json_text *t, const char *s)
{
	long unit = 0;
	if (t->end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(s[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static bool add(struct json_text *t, const char *bytes, size_t n)
{
	return buffer_append(t->scratch, bytes, n) || json_wrong(t, t->at, "not enough memory");
}

static bool add_character(struct json_text *t, long c)
{
	char out[4];
	if (c < 0x80)
		return out[0] = (char)c, add(t, out, 1);
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)((0xf0 << (4 - n)) | c);
	return add(t, out, n);
}

/* The escape \uXXXX at `at`, or two of them that are one character. */
static bool read_unicode(struct json_text *t)
{
	const char *start = t->at;
	long c = code_unit(t, start), low;
	if (c < 0)
		return json_wrong(t, start, "not JSON: \\u needs four hexadecimal digits");
	t->at += 6;
	if (c == 0 && t->exact)
		return json_wrong(t, start, "\\u0000 in a string");
	if (c >= 0xd800 && c < 0xe000) {
		low = c < 0xdc00 ? code_unit(t, t->at) : -1;
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			t->at += 6;
		} else if (t->exact) {
			return json_wrong(t, start, "not JSON: half of a character");
		} else {
			c = REPLACEMENT;
		}
	}
	return add_character(t, c);
}

static bool read_escape(struct json_text *t)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	char name = t->end - t->at >= 2 ? t->at[1] : '\0';
	if (name == 'u')
		return read_unicode(t);
	const char *found = name ? strchr(names, name) : NULL;
	if (!found)
		return json_wrong(t, t->at, "not JSON: no such escape");
	t->at += 2;
	return add(t, &bytes[found - names], 1);
}

/* Does a byte stand for itself? Bytes of longer characters do, but these are checked. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Skips characters that stand for themselves. */
static bool skip_plain(struct json_text *t)
{
	const char *s = t->at, *end = t->end;
	for (;;) {
		while (s < end && is_plain((unsigned char)*s))
			s++;
		t->at = s;
		if (s == end)
			return json_wrong(t, s, "a string without an end");
		if (*s == '"' || *s == '\\')
			return true;
		if ((unsigned char)*s < 0x20)
			return json_wrong(t, s, "a control character in a string");
		size_t n = utf8_length(s, (size_t)(end - s));
		if (!n)
			return json_wrong(t, s, "not UTF-8");
		s += n;
	}
}

bool json_read_string(struct json_text *t, struct json_string *s)
{
	const char *from = ++t->at;
	if (!skip_plain(t))
		return false;
	*s = (struct json_string){ from, (size_t)(t->at - from) };
	if (*t->at == '"')
		return t->at++, true;
	buffer_consume(t->scratch, t->scratch->length);
	while (add(t, from, (size_t)(t->at - from)) && *t->at != '"') {
		if (!read_escape(t))
			return false;
		from = t->at;
		if (!skip_plain(t))
			return false;
	}
	*s = (struct json_string){ t->scratch->bytes ? t->scratch->bytes : "", t->scratch->length };
	return !t->error && t->at++;
}

/* ---- numbers ---- */

static bool skip_digits(struct json_text *t)
{
	const char *start = t->at;
	while (t->at < t->end && *t->at >= '0' && *t->at <= '9')
		t->at++;
	return t->at > start;
}

static bool skip_one_of(struct json_text *t, const char *set)
{
	if (t->at == t->end || !*t->at || !strchr(set, *t->at))
		return false;
	t->at++;
	return true;
}

bool json_skip_number(struct json_text *t, struct json_number *n)
{
	const char *start = t->at;
	skip_one_of(t, "-");
	const char *first = t->at;
	bool good = skip_digits(t) && (*first != '0' || t->at == first + 1);
	n->integer = true;
	if (good && skip_one_of(t, ".")) {
		n->integer = false;
		good = skip_digits(t);
	}
	if (good && skip_one_of(t, "eE")) {
		n->integer = false;
		skip_one_of(t, "+-");
		good = skip_digits(t);
	}
	n->text = start;
	n->length = (size_t)(t->at - start);
	return (good && !skip_one_of(t, "0123456789+-.eE")) || json_wrong(t, start, "not a number");
}

/*
** What follows a number is no part of one, so strtoll and strtod end where it ends. (A Lua string
** and a secret end with a NUL.)
*/
bool json_number_value(struct json_text *t, struct json_number *n)
{
	if (n->integer) {
		errno = 0;
		n->i = strtoll(n->text, NULL, 10);
		if (!errno)
			return true;
		if (t->exact)
			return json_wrong(t, n->text, "an integer that does not fit 64 bits");
		n->integer = false;
	}
	n->d = strtod(n->text, NULL);
	return isfinite(n->d) ||
	       json_wrong(t, n->text, "a number too large: no double can hold it");
}
