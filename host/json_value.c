/*
** json_value.c: see json_value.h.
*/
#include "json_value.h"

#include <lauxlib.h>

#define NULL_TYPE "o2x.null"
#define ARRAY_TYPE "o2x.array"

static const char null_key, array_key; /* their addresses are keys of the registry */

static int null_tostring(lua_State *L)
{
	lua_pushliteral(L, "null");
	return 1;
}

void json_pushnull(lua_State *L)
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

bool json_isnull(lua_State *L, int idx)
{
	return luaL_testudata(L, idx, NULL_TYPE) != NULL;
}

void json_pusharraytype(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	luaL_newmetatable(L, ARRAY_TYPE);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);
}

void json_markarray(lua_State *L, int idx)
{
	idx = lua_absindex(L, idx);
	json_pusharraytype(L);
	lua_setmetatable(L, idx);
}

bool json_isarray(lua_State *L, int idx)
{
	bool same;
	if (lua_type(L, idx) != LUA_TTABLE || !lua_getmetatable(L, idx))
		return false;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
	same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return same;
}

size_t json_count_keys(lua_State *L, int idx, bool *strings, bool *sequence)
{
	size_t n = 0, max = lua_rawlen(L, idx);
	*strings = *sequence = true;
	lua_pushnil(L);
	while (lua_next(L, idx)) {
		lua_Integer i = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
		n++;
		*strings = *strings && lua_type(L, -2) == LUA_TSTRING;
		*sequence = *sequence && i > 0 && (size_t)i <= max;
		lua_pop(L, 1);
	}
	*sequence = *sequence && n == max;
	return n;
}

void json_dropnulls(lua_State *L, int idx)
{
	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 5, "nested too deep");
	lua_pushnil(L);
	while (lua_next(L, idx)) {
		if (lua_istable(L, -1)) {
			json_dropnulls(L, -1);
		} else if (lua_type(L, -2) == LUA_TSTRING && json_isnull(L, -1)) {
			lua_pushvalue(L, -2);
			lua_pushnil(L);
			lua_rawset(L, idx); /* as Lua allows while it goes through a table */
		}
		lua_pop(L, 1);
	}
}
