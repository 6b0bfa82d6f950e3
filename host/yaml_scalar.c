/*
** yaml_scalar.c: see yaml_scalar.h.
*/
#include "yaml_scalar.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_module.h"

#include <lauxlib.h>

const char *const yaml_type_names[] = { "string", "null", "bool", "int", "float", "range" };

struct number {
	enum yaml_type
		type; /* TYPE_STRING: not a number; TYPE_RANGE: what the float is, see finite */
	bool finite;
	lua_Integer i;
	double d;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The value of a digit of any base, or 99. */
static unsigned digit_value(char c)
{
	if (is_digit(c))
		return (unsigned)(c - '0');
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a' + 10) : 99;
}

/* Skips what says the base. */
static unsigned read_base(const char **s, const char *end)
{
	const char *at = *s;
	if (end - at < 2 || at[0] != '0')
		return 10;
	*s += 2;
	switch (at[1]) {
	case 'x':
	case 'X': return 16;
	case 'b':
	case 'B': return 2;
	case 'o':
	case 'O': return 8;
	default: break;
	}
	*s = is_digit(at[1]) ? at + 1 : at;
	return is_digit(at[1]) ? 8 : 10;
}

/* ---- floats ---- */

static const char *skip_digits(const char *s, const char *end)
{
	while (s < end && is_digit(*s))
		s++;
	return s;
}

/* Digits with a point anywhere, but not alone, and an exponent. */
static bool is_float(const char *s, const char *end)
{
	if (s < end && (*s == '-' || *s == '+'))
		s++;
	const char *whole = s, *point = skip_digits(s, end);
	s = point;
	if (s < end && *s == '.')
		s = skip_digits(s + 1, end);
	if (point == whole && s - point < 2)
		return false;
	if (s < end && (*s == 'e' || *s == 'E')) {
		s++;
		if (s < end && (*s == '-' || *s == '+'))
			s++;
		const char *exponent = s;
		s = skip_digits(s, end);
		if (s == exponent)
			return false;
	}
	return s == end;
}

/* One that no double can hold stays a text. */
static bool read_float(const char *text, const char *end, double *d)
{
	if (!is_float(text, end))
		return false;
	*d = strtod(text, NULL);
	return isfinite(*d);
}

/* ---- integers ---- */

/* Reads the digits. -> false if these are no digits of the base; `over`: 64 bits do not hold them */
static bool read_digits(const char *s, const char *end, unsigned base, uint64_t *value, bool *over)
{
	if (s == end)
		return false;
	*value = 0;
	*over = false;
	for (; s < end; s++) {
		unsigned digit = digit_value(*s);
		if (digit >= base)
			return false;
		*over = *over || __builtin_mul_overflow(*value, base, value) ||
			__builtin_add_overflow(*value, digit, value);
	}
	return true;
}

/* Of the integers that 64 bits with a sign do not hold, Helm takes those of 64 bits without one. */
static struct number read_number(const char *text, const char *end)
{
	struct number n = { .type = TYPE_INT };
	const char *s = text;
	bool minus = *s == '-', bare = !minus && *s != '+', over;
	uint64_t value;
	s += !bare;
	unsigned base = read_base(&s, end);
	if (read_digits(s, end, base, &value, &over)) {
		n.i = (lua_Integer)(minus ? 0 - value : value);
		if (!over && value <= (uint64_t)INT64_MAX + minus)
			return n;
		n.type = TYPE_RANGE;
		n.finite = bare && base != 10 && !over;
		n.d = (double)value;
		n.finite = n.finite || read_float(text, end, &n.d);
	} else {
		n.type = read_float(text, end, &n.d) ? TYPE_FLOAT : TYPE_STRING;
	}
	return n;
}

/* ---- plain scalars ---- */

/* [-0, +1, m] A copy without the underscores. */
static const char *push_without_underscores(lua_State *L, const char *text, size_t *length)
{
	char *copy = lua_newuserdatauv(L, *length + 1, 0);
	size_t kept = 0;
	for (size_t i = 0; i < *length; i++)
		if (text[i] != '_')
			copy[kept++] = text[i];
	copy[kept] = '\0';
	*length = kept;
	return copy;
}

static struct number parse_number(lua_State *L, const char *text, size_t length)
{
	struct number n = { .type = TYPE_STRING };
	if (*text == '.') {
		n.type = read_float(text, text + length, &n.d) ? TYPE_FLOAT : TYPE_STRING;
	} else if (is_digit(*text) || *text == '-' || *text == '+') {
		int top = lua_gettop(L);
		if (memchr(text, '_', length))
			text = push_without_underscores(L, text, &length);
		n = read_number(text, text + length);
		lua_settop(L, top);
	}
	return n;
}

/* Replaces the text on the top by its number, if it is one. */
static enum yaml_type replace_number(lua_State *L, const char *text, size_t length)
{
	struct number n = parse_number(L, text, length);
	if (n.type == TYPE_STRING || (n.type == TYPE_RANGE && !n.finite))
		return n.type;
	lua_pop(L, 1);
	if (n.type == TYPE_INT)
		lua_pushinteger(L, n.i);
	else
		lua_pushnumber(L, n.d);
	return n.type;
}

static enum yaml_type type_of_word(lua_State *L)
{
	switch (lua_type(L, -1)) {
	case LUA_TBOOLEAN: return TYPE_BOOL;
	case LUA_TNUMBER: return TYPE_FLOAT;
	default: return TYPE_NULL;
	}
}

enum yaml_type yaml_push_plain(lua_State *L, const char *text, size_t length, int words)
{
	lua_pushlstring(L, text, length);
	if (length > LONGEST_WORD)
		return replace_number(L, text, length);
	lua_pushvalue(L, -1);
	if (lua_rawget(L, words) != LUA_TNIL) {
		lua_remove(L, -2);
		return type_of_word(L);
	}
	lua_pop(L, 1);
	return replace_number(L, text, length);
}

/* A number of base 60, such as 12:30. */
static bool is_sexagesimal(const char *s, const char *end)
{
	if (s < end && (*s == '-' || *s == '+'))
		s++;
	if (s == end || !is_digit(*s))
		return false;
	while (s < end && (is_digit(*s) || *s == '_'))
		s++;
	return end - s >= 2 && *s == ':' && is_digit(s[1]);
}

/* Begins as a date: 2026-1-3. */
static bool is_date(const char *s, const char *end)
{
	if (end - s < 8 || skip_digits(s, s + 4) != s + 4 || s[4] != '-' || !is_digit(s[5]))
		return false;
	s += is_digit(s[6]) ? 7 : 6;
	return end - s >= 2 && *s == '-' && is_digit(s[1]);
}

bool yaml_ambiguous(lua_State *L, int index, int words)
{
	size_t length;
	const char *text = lua_tolstring(L, index, &length), *end = text + length;
	if (length <= LONGEST_WORD) {
		lua_pushvalue(L, index);
		bool word = lua_rawget(L, words) != LUA_TNIL;
		lua_pop(L, 1);
		if (word || !strcmp(text, "<<") || !strcmp(text, "="))
			return true;
	}
	return parse_number(L, text, length).type != TYPE_STRING || is_sexagesimal(text, end) ||
	       is_date(text, end);
}

/***
 The value of a plain scalar.
 @function core.yaml.resolve
 @param text string
 @param words table word → boolean, null or float
 @return any value
 @return string "string", "null", "bool", "int", "float", or "range": an integer beyond 64 bits,
 whose value is the nearest float, or the text itself if Helm takes it for one
*/
int yaml_resolve_text(lua_State *L)
{
	size_t length;
	const char *text = luaL_checklstring(L, 1, &length);
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_pushstring(L, yaml_type_names[yaml_push_plain(L, text, length, 2)]);
	return 2;
}

/***
 Would a text be read as another type, if it stood without quotes?
 @function core.yaml.ambiguous
 @param text string
 @param words table word → boolean, null or float
 @return boolean
*/
int yaml_is_ambiguous(lua_State *L)
{
	luaL_checkstring(L, 1);
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_pushboolean(L, yaml_ambiguous(L, 1, 2));
	return 1;
}
