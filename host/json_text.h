/*
** json_text.h: the words of JSON: white space, strings, numbers, and where a text is wrong.
**
** Servers and people are not held to the same rules. What a server sends is read as Go reads it,
** which is what most of our servers are written in and with: an integer beyond 64 bits is the
** nearest float, half a surrogate pair is U+FFFD, \u0000 is a NUL byte, and of two members with
** one name the last one counts. In a file that somebody wrote (`exact`), each of these is an error.
*/
#ifndef O2X_JSON_TEXT_H
#define O2X_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"

struct json_text {
	const char *start, *at, *end;
	bool exact;
	struct buffer *scratch; /* a string with escapes, decoded; it may be secret */
	const char *error;      /* set with `at` at the place */
	char detail[128];
};

struct json_string {
	const char *bytes; /* in the text or in scratch: valid until the next string is read */
	size_t length;
};

struct json_number {
	const char *text;
	size_t length;
	bool integer; /* in 64 bits, else it is a float */
	long long i;
	double d;
};

/* Sets the error, at a place of the text. -> false */
bool json_wrong(struct json_text *t, const char *at, const char *error);

/* Skips white space. -> the next byte, or NUL at the end of the text and at a NUL. */
char json_next(struct json_text *t);

/* Skips a word such as "true" if it is next. */
bool json_word(struct json_text *t, const char *word);

/* Reads a string; `at` is at its opening quote. */
bool json_read_string(struct json_text *t, struct json_string *s);

/* Reads a number; `at` is at its first character. Its value is not looked at. */
bool json_skip_number(struct json_text *t, struct json_number *n);

/* Sets the value of a number that was read. */
bool json_number_value(struct json_text *t, struct json_number *n);

/* The line and the column, from 1, of `at`. */
void json_place(const struct json_text *t, int *line, int *column);

#endif
