/*
** value.c: null, array marks and UTF-8.
*/
#include "value.h"

#include <lauxlib.h>

#define NULL_TYPE "o2x.null"
#define ARRAY_TYPE "o2x.array"

static const char null_key; /* its address is the registry key */

static int null_tostring(lua_State *L)
{
	lua_pushliteral(L, "null");
	return 1;
}

void value_pushnull(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &null_key) == LUA_TUSERDATA)
		return;
	lua_pop(L, 1);
	lua_newuserdatauv(L, 0, 0);
	luaL_newmetatable(L, NULL_TYPE);
	lua_pushcfunction(L, null_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &null_key);
}

bool value_isnull(lua_State *L, int idx)
{
	return luaL_testudata(L, idx, NULL_TYPE) != NULL;
}

void value_markarray(lua_State *L, int idx)
{
	idx = lua_absindex(L, idx);
	luaL_newmetatable(L, ARRAY_TYPE);
	lua_setmetatable(L, idx);
}

bool value_isarray(lua_State *L, int idx)
{
	bool same;
	if (lua_type(L, idx) != LUA_TTABLE || !lua_getmetatable(L, idx))
		return false;
	luaL_getmetatable(L, ARRAY_TYPE);
	same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return same;
}

/* The length that the first byte of a character announces. */
static size_t lead_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

size_t value_utf8len(const char *s, size_t left)
{
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	size_t n = lead_length(u[0]);
	unsigned long c;
	if (n < 2 || n > left)
		return n == 1 ? 1 : 0;
	c = u[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}
