/*
** pg_value.c: see pg_value.h.
*/
#include "pg_value.h"
#include "encode.h"

#include <lauxlib.h>
#include <stdlib.h>

/* Pushes a bytea in hex format, such as \x0a1b. The old escape format stays text. [-0, +1, m] */
static void push_bytes(lua_State *L, const char *text, size_t length)
{
	if (length < 2 || text[0] != '\\' || text[1] != 'x') {
		lua_pushlstring(L, text, length);
		return;
	}
	luaL_Buffer buffer;
	size_t size = length / 2 - 1;
	bool good = encode_unhex(text + 2, length - 2, luaL_buffinitsize(L, &buffer, size));
	luaL_pushresultsize(&buffer, good ? size : 0);
}

void pg_value_push(lua_State *L, const char *text, size_t length, Oid type)
{
	switch (type) {
	case PG_BOOL: lua_pushboolean(L, text[0] == 't'); return;
	case PG_INT2:
	case PG_INT4:
	case PG_INT8:
	case PG_OID: lua_pushinteger(L, strtoll(text, NULL, 10)); return;
	case PG_FLOAT4:
	case PG_FLOAT8: lua_pushnumber(L, strtod(text, NULL)); return;
	case PG_BYTEA: push_bytes(L, text, length); return;
	default: lua_pushlstring(L, text, length);
	}
}
