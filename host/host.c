/*
** host.c: the helpers declared in host.h.
*/
#include "host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char HOST_WAITS[] = "operations";

struct host *host_of(lua_State *L)
{
	return *(struct host **)lua_getextraspace(L);
}

void host_newtype(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc)
{
	if (!luaL_newmetatable(L, name)) {
		lua_pop(L, 1);
		return;
	}
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, gc);
	lua_setfield(L, -2, "__gc");
	lua_pushcfunction(L, gc);
	lua_setfield(L, -2, "__close");
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_pushboolean(L, true);
	lua_rawsetp(L, -2, name); /* see host_checkudata */
	lua_rawsetp(L, LUA_REGISTRYINDEX, name);
}

void *host_checkudata(lua_State *L, int arg, const char *name)
{
	void *object = lua_touserdata(L, arg);
	if (object && lua_getmetatable(L, arg)) {
		bool known = lua_rawgetp(L, -1, name) != LUA_TNIL;
		lua_pop(L, 2);
		if (known)
			return object;
	}
	return luaL_checkudata(L, arg, name);
}

void host_newop_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc)
{
	host_newtype(L, name, methods, gc);
	luaL_getmetatable(L, name);
	lua_pushboolean(L, true);
	lua_rawsetp(L, -2, HOST_WAITS);
	lua_pop(L, 1);
}

void *host_newuserdata(lua_State *L, size_t size, const char *name)
{
	void *object = lua_newuserdatauv(L, size, 1);
	memset(object, 0, size);
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, name) == LUA_TTABLE) {
		lua_setmetatable(L, -2);
	} else { /* another copy of the literal */
		lua_pop(L, 1);
		luaL_setmetatable(L, name);
	}
	return object;
}

const char *host_checkcstr(lua_State *L, int arg)
{
	size_t length;
	const char *text = luaL_checklstring(L, arg, &length);
	luaL_argcheck(L, strlen(text) == length, arg, "has a NUL byte inside");
	return text;
}

lua_Integer host_checkrange(lua_State *L, int arg, lua_Integer lo, lua_Integer hi)
{
	lua_Integer value = luaL_checkinteger(L, arg);
	if (value < lo || value > hi)
		luaL_argerror(L, arg, lua_pushfstring(L, "must be from %I to %I", lo, hi));
	return value;
}

int host_fail(lua_State *L, const char *code, const char *format, ...)
{
	char message[512];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	lua_pushnil(L);
	lua_pushstring(L, message);
	lua_pushstring(L, code);
	return 3;
}

int host_fail_errno(lua_State *L, const char *what, int error)
{
	const char *name = strerrorname_np(error);
	return host_fail(L, name ? name : "EUNKNOWN", "%s: %s", what, strerror(error));
}
