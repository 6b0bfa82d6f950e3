/*
** json_encode.c: encodes Lua values as JSON: sorted keys, exact integers. A value that JSON cannot
** express is an error with its path.
*/
#include "host.h"
#include "json.h"
#include "json_number.h"
#include "json_value.h"
#include "keys.h"
#include "luabuffer.h"
#include "secret.h"
#include "utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct step {
	const char *key; /* NULL: an array's element */
	lua_Integer index;
};

struct writer {
	lua_State *L;
	struct buffer *out;
	struct buffer *keys; /* of the tables that are being written */
	bool open_secrets, pretty;
	int depth;
	struct step path[JSON_MAX_DEPTH + 1];
	const char *error, *code;
};

static bool write_value(struct writer *w, int idx);

static bool refuse(struct writer *w, const char *error, const char *code)
{
	w->error = error;
	w->code = code;
	return false;
}

static void newline(struct writer *w)
{
	if (!w->pretty)
		return;
	luabuffer_addc(w->L, w->out, '\n');
	for (int i = 0; i < w->depth; i++)
		luabuffer_adds(w->L, w->out, "  ");
}

/* Does a byte stand for itself? Bytes of longer characters do, but these are checked. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/*
** Do eight bytes all stand for themselves? A high bit is set where a byte has one, is below a space,
** or is zero once a quote or a backslash is taken from it. A borrow may only set one bit too many.
*/
static bool are_plain(const char *s)
{
	const uint64_t ones = UINT64_MAX / 0xff;
	uint64_t bytes;
	memcpy(&bytes, s, sizeof bytes);
	uint64_t quotes = bytes ^ ones * '"', slashes = bytes ^ ones * '\\';
	return !((bytes | (bytes - ones * 0x20) | (quotes - ones) | (slashes - ones)) &
		 ones * 0x80);
}

/* The first byte that does not stand for itself, or the end. */
static const char *plain_end(const char *s, const char *end)
{
	while (end - s >= 8 && are_plain(s))
		s += 8;
	while (s < end && is_plain((unsigned char)*s))
		s++;
	return s;
}

static void write_escape(struct writer *w, char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
	const char *found = c ? strchr(plain, c) : NULL;
	char hex[8] = { '\\', found ? escaped[found - plain] : '\0' };
	if (!found)
		snprintf(hex, sizeof hex, "\\u%04x", (unsigned)(unsigned char)c);
	luabuffer_adds(w->L, w->out, hex);
}

static bool write_string(struct writer *w, const char *s, size_t len)
{
	const char *end = s + len, *from = s;
	luabuffer_reserve(w->L, w->out, len + 2);
	luabuffer_addc(w->L, w->out, '"');
	while ((s = plain_end(s, end)) < end) {
		if ((unsigned char)*s >= 0x80) {
			size_t n = utf8_length(s, (size_t)(end - s));
			if (!n)
				return refuse(w, "a string that is not UTF-8", "type");
			s += n;
		} else {
			luabuffer_add(w->L, w->out, from, (size_t)(s - from));
			write_escape(w, *s);
			from = ++s;
		}
	}
	luabuffer_add(w->L, w->out, from, (size_t)(end - from));
	luabuffer_addc(w->L, w->out, '"');
	return true;
}

static bool write_number(struct writer *w, int idx)
{
	char text[JSON_NUMBER_SIZE];
	size_t length = json_format_number(w->L, idx, text);
	if (!length)
		return refuse(w, "a number that is not finite", "type");
	luabuffer_add(w->L, w->out, text, length);
	return true;
}

static bool write_array(struct writer *w, int idx, lua_Integer n)
{
	luabuffer_addc(w->L, w->out, '[');
	for (lua_Integer i = 1; i <= n; i++) {
		w->path[w->depth - 1] = (struct step){ .index = i };
		if (i > 1)
			luabuffer_addc(w->L, w->out, ',');
		newline(w);
		lua_rawgeti(w->L, idx, i);
		if (!write_value(w, lua_gettop(w->L)))
			return false;
		lua_pop(w->L, 1);
	}
	w->depth--;
	if (n)
		newline(w);
	luabuffer_addc(w->L, w->out, ']');
	return true;
}

static bool write_object(struct writer *w, int idx, size_t base, size_t n)
{
	luabuffer_addc(w->L, w->out, '{');
	for (size_t i = 0; i < n; i++) {
		struct key key = keys_push(w->L, w->keys, base, i, idx);
		w->path[w->depth - 1] = (struct step){ .key = key.bytes };
		if (i)
			luabuffer_addc(w->L, w->out, ',');
		newline(w);
		if (!write_string(w, key.bytes, key.length))
			return false;
		luabuffer_adds(w->L, w->out, w->pretty ? ": " : ":");
		if (!write_value(w, lua_gettop(w->L)))
			return false;
		lua_pop(w->L, 2);
	}
	w->depth--;
	if (n)
		newline(w);
	luabuffer_addc(w->L, w->out, '}');
	w->keys->length = base;
	return true;
}

static bool write_table(struct writer *w, int idx)
{
	struct keys_found keys = keys_look(w->L, w->keys, idx);
	size_t n = keys.count;
	if (w->depth == JSON_MAX_DEPTH)
		return refuse(w, "a table nested deeper than 256 levels (or in itself)", "depth");
	w->depth++;
	if (keys.sequence && (n > 0 || json_isarray(w->L, idx)))
		return write_array(w, idx, (lua_Integer)n);
	if (keys.strings && !json_isarray(w->L, idx))
		return write_object(w, idx, keys.base, n);
	w->depth--;
	return refuse(w, "a table that is neither a list nor a record", "type");
}

static bool write_other(struct writer *w, int idx)
{
	size_t len;
	const char *bytes;
	if (json_isnull(w->L, idx)) {
		luabuffer_adds(w->L, w->out, "null");
		return true;
	}
	bytes = secret_bytes(w->L, idx, &len);
	if (!bytes)
		return refuse(w, luaL_typename(w->L, idx), "type");
	if (!w->open_secrets)
		return refuse(w, "a secret", "secret");
	if (!secret_is_literal(w->L, idx))
		return write_string(w, bytes, len);
	luabuffer_add(w->L, w->out, bytes, len);
	return true;
}

static bool write_value(struct writer *w, int idx)
{
	size_t len;
	const char *s;
	luaL_checkstack(w->L, 8, "JSON");
	switch (lua_type(w->L, idx)) {
	case LUA_TBOOLEAN:
		luabuffer_adds(w->L, w->out, lua_toboolean(w->L, idx) ? "true" : "false");
		return true;
	case LUA_TNUMBER: return write_number(w, idx);
	case LUA_TSTRING: s = lua_tolstring(w->L, idx, &len); return write_string(w, s, len);
	case LUA_TTABLE: return write_table(w, idx);
	default: return write_other(w, idx);
	}
}

static int push_refusal(struct writer *w)
{
	luaL_Buffer b;
	char index[32];

	luaL_pushfail(w->L);
	luaL_buffinit(w->L, &b);
	luaL_addstring(&b, "cannot write ");
	luaL_addstring(&b, w->error);
	luaL_addstring(&b, w->depth ? " as JSON, at " : " as JSON");
	for (int i = 0; i < w->depth && i < 16; i++) {
		if (w->path[i].key) {
			luaL_addstring(&b, i ? "." : "");
			luaL_addstring(&b, w->path[i].key);
		} else {
			snprintf(index, sizeof index, "[%lld]", (long long)w->path[i].index);
			luaL_addstring(&b, index);
		}
	}
	luaL_pushresult(&b);
	lua_pushstring(w->L, w->code);
	return 3;
}

static int encode(lua_State *L, bool open_secrets)
{
	struct writer w = { .L = L, .open_secrets = open_secrets };
	luaL_checkany(L, 1);
	w.pretty = !open_secrets && lua_toboolean(L, 2);
	lua_settop(L, 1);
	w.out = luabuffer_several(L, 2);
	w.keys = w.out + 1;
	if (!write_value(&w, 1))
		return push_refusal(&w);
	if (open_secrets)
		secret_push_message(L, w.out->bytes, w.out->length, "json");
	else
		lua_pushlstring(L, w.out->bytes, w.out->length);
	return 1;
}

/***
 Encodes a value as JSON with sorted keys. Secrets, functions, NaN, infinities, and tables that are
 neither list nor record are errors.
 @function core.json.encode
 @param v any
 @param pretty boolean indents by two spaces, one member per line
 @return string, or nil, message, "secret" | "type" | "depth"
*/
int json_encode(lua_State *L)
{
	return encode(L, false);
}

/***
 Like encode, but secrets are allowed and the result is a secret.
 @function core.json.encode_secret
 @param v any
 @return secret, or nil, message, code
*/
int json_encode_secret(lua_State *L)
{
	return encode(L, true);
}
