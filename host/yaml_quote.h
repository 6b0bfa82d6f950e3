/*
** yaml_quote.h: how texts are written as scalars: without quotes where nobody would read them as
** something else, as lines where they are lines, else in quotes.
*/
#ifndef O2X_YAML_QUOTE_H
#define O2X_YAML_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "buffer.h"

/* What there is in a text; bits. */
enum yaml_marks {
	NOT_UTF8 = 1,
	UNPRINTABLE = 2,  /* what YAML requires to be escaped, but for tabs and line breaks */
	NEWLINE = 4,      /* \n */
	TAB_OR_CR = 8,    /* \t, \r */
	NOT_PLAIN = 16,   /* ": ", " #", a colon at the end */
	NOT_IN_FLOW = 32, /* what means something in brackets */
	QUOTES = 64,      /* " or \, which are escaped in double quotes */
	SPACE_BREAK = 128 /* a space at the end of a line but the last one */
};

unsigned yaml_marks(const char *text, size_t length);

/*
** Can the string at an index be written without quotes, in block style or in flow style? `marks` are
** its own. [-0, +0, m]
*/
bool yaml_plain(lua_State *L, int index, unsigned marks, bool flow, int words);

/* Appends the string at an index on one line, plain or in quotes. [-0, +0, m] */
void yaml_add_string(lua_State *L, struct buffer *out, int index, unsigned marks, bool flow,
		     int words);

/* Appends spaces: a prefix, and some more. [-0, +0, m] */
struct yaml_indent {
	const char *prefix;
	size_t length;
	int spaces;
};

void yaml_add_indent(lua_State *L, struct buffer *out, struct yaml_indent indent);

/* Can a text be written as lines after a `|`, exactly? */
bool yaml_is_literal(const char *text, size_t length, unsigned marks);

/* Appends it so. [-0, +0, m] */
void yaml_add_literal(lua_State *L, struct buffer *out, const char *text, size_t length,
		      struct yaml_indent indent);

#endif
