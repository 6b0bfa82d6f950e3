/*
** yaml_quote.c: see yaml_quote.h.
*/
#include "yaml_quote.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "luabuffer.h"
#include "utf8.h"
#include "yaml_module.h"
#include "yaml_scalar.h"

#include <lauxlib.h>

/* What there is to look at in each byte. LOOK: its neighbours decide, or it begins a character. */
enum { LOOK = 256 };
static uint16_t classes[256];

static void set_class(const char *bytes, unsigned marks)
{
	for (; *bytes; bytes++)
		classes[(unsigned char)*bytes] |= (uint16_t)marks;
}

void yaml_quote_open(void)
{
	for (int c = 0; c < 256; c++)
		classes[c] = c >= 0x80 ? LOOK : c < 0x20 || c == 0x7f ? UNPRINTABLE : 0;
	classes['\t'] = classes['\r'] = TAB_OR_CR;
	classes['\n'] = NEWLINE;
	set_class(",[]{}:?", NOT_IN_FLOW);
	set_class("\"\\", QUOTES);
	set_class(" :", LOOK);
}

/* C1, the separators of lines and paragraphs, the byte order mark, what is no character. */
static bool is_unprintable(const unsigned char *s, size_t length)
{
	if (length == 2)
		return s[0] == 0xc2 && s[1] < 0xa0;
	return length == 3 && (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3) ||
			       !memcmp(s, "\xef\xbb\xbf", 3) || !memcmp(s, "\xef\xbf\xbe", 3) ||
			       !memcmp(s, "\xef\xbf\xbf", 3));
}

unsigned yaml_marks(const char *text, size_t length)
{
	unsigned marks = 0;
	const char *end = text + length;
	for (const char *s = text; s < end; s++) {
		unsigned class = classes[(unsigned char)*s];
		marks |= class;
		if (!(class & LOOK))
			continue;
		char next = s + 1 < end ? s[1] : '\0';
		if (*s == ' ') {
			marks |= next == '#' ? NOT_PLAIN : next == '\n' ? SPACE_BREAK : 0;
		} else if (*s == ':') {
			marks |= next == ' ' || s + 1 == end ? NOT_PLAIN : 0;
		} else {
			size_t n = utf8_length(s, (size_t)(end - s));
			marks |= !n                                            ? NOT_UTF8
				 : is_unprintable((const unsigned char *)s, n) ? UNPRINTABLE
									       : 0;
			s += n ? n - 1 : 0;
		}
	}
	return marks;
}

/* ---- without quotes ---- */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bytes that mean something at the beginning of a scalar. */
static bool has_plain_start(const char *text, size_t length)
{
	if (is_blank(*text) || strchr(",[]{}#&*!|>'\"%@`", *text))
		return false;
	if (strchr("-?:", *text))
		return length > 1 && !is_blank(text[1]) && text[1] && !strchr(",[]{}", text[1]);
	return true;
}

bool yaml_plain(lua_State *L, int index, unsigned marks, bool flow, int words)
{
	size_t length;
	const char *text = lua_tolstring(L, index, &length);
	if (!length || marks & (UNPRINTABLE | NEWLINE | TAB_OR_CR | NOT_PLAIN) ||
	    (flow && marks & NOT_IN_FLOW))
		return false;
	return has_plain_start(text, length) && !is_blank(text[length - 1]) &&
	       strncmp(text, "---", 3) != 0 && strncmp(text, "...", 3) != 0 &&
	       !yaml_ambiguous(L, index, words);
}

/* ---- in quotes ---- */

static void add_single_quoted(lua_State *L, struct buffer *out, const char *text, size_t length)
{
	luabuffer_addc(L, out, '\'');
	for (const char *end = text + length, *quote; text < end; text = quote + 1) {
		quote = memchr(text, '\'', (size_t)(end - text));
		if (!quote) {
			luabuffer_add(L, out, text, (size_t)(end - text));
			break;
		}
		luabuffer_add(L, out, text, (size_t)(quote - text));
		luabuffer_adds(L, out, "''");
	}
	luabuffer_addc(L, out, '\'');
}

/* The escape of a character, of this many bytes, that needs one. */
static void add_escape(lua_State *L, struct buffer *out, const char *s, size_t length)
{
	static const char plain[] = "\a\b\t\n\v\f\r\x1b\"\\", names[] = "abtnvfre\"\\";
	const char *found = length == 1 ? memchr(plain, *s, sizeof plain - 1) : NULL;
	char escape[8];
	if (found)
		snprintf(escape, sizeof escape, "\\%c", names[found - plain]);
	else if (length == 1 && !*s)
		snprintf(escape, sizeof escape, "\\0");
	else if (length < 3)
		snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)s[length - 1]);
	else if (s[1] == '\x80')
		snprintf(escape, sizeof escape, "\\%c", s[2] == '\xa8' ? 'L' : 'P');
	else
		snprintf(escape, sizeof escape, "\\uf%x%02x", s[1] == '\xbb' ? 0xe : 0xf,
			 s[1] == '\xbb' ? 0xff : (unsigned char)s[2] + 0x40);
	luabuffer_adds(L, out, escape);
}

static void add_double_quoted(lua_State *L, struct buffer *out, const char *text, size_t length)
{
	const char *end = text + length, *from = text;
	luabuffer_addc(L, out, '"');
	for (const char *s = text; s < end;) {
		unsigned class = classes[(unsigned char)*s];
		size_t n = class & LOOK ? utf8_length(s, (size_t)(end - s)) : 1;
		n = n ? n : 1;
		if (class & (UNPRINTABLE | NEWLINE | TAB_OR_CR | QUOTES) ||
		    is_unprintable((const unsigned char *)s, n)) {
			luabuffer_add(L, out, from, (size_t)(s - from));
			add_escape(L, out, s, n);
			from = s + n;
		}
		s += n;
	}
	luabuffer_add(L, out, from, (size_t)(end - from));
	luabuffer_addc(L, out, '"');
}

void yaml_add_string(lua_State *L, struct buffer *out, int index, unsigned marks, bool flow,
		     int words)
{
	size_t length;
	const char *text = lua_tolstring(L, index, &length);
	if (yaml_plain(L, index, marks, flow, words))
		luabuffer_add(L, out, text, length);
	else if (marks & QUOTES && !(marks & (UNPRINTABLE | NEWLINE | TAB_OR_CR)))
		add_single_quoted(L, out, text, length);
	else
		add_double_quoted(L, out, text, length);
}

/* ---- as lines ---- */

void yaml_add_indent(lua_State *L, struct buffer *out, struct yaml_indent indent)
{
	static const char blanks[] = "                                ";
	luabuffer_add(L, out, indent.prefix, indent.length);
	for (int left = indent.spaces; left > 0; left -= (int)sizeof blanks - 1) {
		size_t some = (size_t)left < sizeof blanks - 1 ? (size_t)left : sizeof blanks - 1;
		luabuffer_add(L, out, blanks, some);
	}
}

bool yaml_is_literal(const char *text, size_t length, unsigned marks)
{
	if (!(marks & NEWLINE) || marks & (UNPRINTABLE | TAB_OR_CR | SPACE_BREAK) ||
	    is_blank(*text) || text[length - 1] == ' ')
		return false;
	return (const char *)memchr(text, '\n', length) + 1 < text + length;
}

void yaml_add_literal(lua_State *L, struct buffer *out, const char *text, size_t length,
		      struct yaml_indent indent)
{
	bool ended = text[length - 1] == '\n';
	luabuffer_adds(L, out, !ended ? "|-" : text[length - 2] == '\n' ? "|+" : "|");
	for (const char *end = text + length - ended, *stop; text <= end; text = stop + 1) {
		stop = memchr(text, '\n', (size_t)(end - text));
		stop = stop ? stop : end;
		luabuffer_addc(L, out, '\n');
		if (stop > text)
			yaml_add_indent(L, out, indent);
		luabuffer_add(L, out, text, (size_t)(stop - text));
	}
}

/* ---- for Lua ---- */

/***
 Can a text be written without quotes?
 @function core.yaml.plain
 @param text string
 @param flow boolean in brackets
 @param words table word → boolean, null or float
 @return boolean
*/
int yaml_is_plain(lua_State *L)
{
	size_t length;
	const char *text = luaL_checklstring(L, 1, &length);
	luaL_checktype(L, 3, LUA_TTABLE);
	bool plain = yaml_plain(L, 1, yaml_marks(text, length), lua_toboolean(L, 2), 3);
	lua_pushboolean(L, plain);
	return 1;
}

/***
 A text in quotes.
 @function core.yaml.quote
 @param text string; for single quotes without line breaks and unprintable characters
 @param style string "single" or "double"
 @return string
*/
int yaml_quote(lua_State *L)
{
	static const char *const styles[] = { "single", "double", NULL };
	size_t length;
	const char *text = luaL_checklstring(L, 1, &length);
	bool twice = luaL_checkoption(L, 2, NULL, styles);
	struct buffer *out = luabuffer_new(L);
	(twice ? add_double_quoted : add_single_quoted)(L, out, text, length);
	lua_pushlstring(L, out->bytes, out->length);
	return 1;
}

/***
 A text on one line: plain, or in quotes where it must be.
 @function core.yaml.string
 @param text string
 @param flow boolean in brackets
 @param words table word → boolean, null or float
 @return string
*/
int yaml_string(lua_State *L)
{
	size_t length;
	const char *text = luaL_checklstring(L, 1, &length);
	luaL_checktype(L, 3, LUA_TTABLE);
	bool flow = lua_toboolean(L, 2);
	struct buffer *out = luabuffer_new(L);
	yaml_add_string(L, out, 1, yaml_marks(text, length), flow, 3);
	lua_pushlstring(L, out->bytes, out->length);
	return 1;
}
