/*
** library.c: functions of the Lua library for scripts, with a check in front.
**
** The check is a Lua function. It sees the arguments, may raise an error, and may return arguments
** to use instead. Lua's own function then runs in the same call: a mistake is reported at the
** script's line and under the script's name for the function, as if nothing stood in between.
*/
#include "host.h"

#include <string.h>

/* Upvalues: Lua's function, the check. */
static int checked_call(lua_State *L)
{
	int given = lua_gettop(L);
	lua_CFunction function = lua_tocfunction(L, lua_upvalueindex(1));
	luaL_checkstack(L, given + 1, "too many arguments");
	lua_pushvalue(L, lua_upvalueindex(2));
	for (int i = 1; i <= given; i++)
		lua_pushvalue(L, i);
	lua_call(L, given, LUA_MULTRET);
	if (lua_gettop(L) > given) { /* the check has other arguments */
		lua_rotate(L, 1, lua_gettop(L) - given);
		lua_settop(L, lua_gettop(L) - given);
	}
	return function(L);
}

/* Does a format show an address? */
static bool shows_address(const char *format)
{
	while ((format = strchr(format, '%'))) {
		if (format[1] == '%') {
			format += 2;
			continue;
		}
		format += 1 + strspn(format + 1, "-+ #0123456789.");
		if (*format == 'p')
			return true;
	}
	return false;
}

/* Most formats need no check: they show no address, and neither does an argument. */
static int checked_format(lua_State *L)
{
	size_t length;
	const char *format = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &length) : NULL;
	bool harmless = format && strlen(format) == length && !shows_address(format);
	for (int i = lua_gettop(L); i > 1; i--) {
		int type = lua_type(L, i);
		harmless = harmless && type != LUA_TTABLE && type != LUA_TFUNCTION;
	}
	return harmless ? lua_tocfunction(L, lua_upvalueindex(1))(L) : checked_call(L);
}

/* As in Lua's own source, but its last step is the checked error. */
static int checked_assert(lua_State *L)
{
	if (lua_toboolean(L, 1))
		return lua_gettop(L);
	luaL_checkany(L, 1);
	lua_remove(L, 1);
	lua_pushliteral(L, "assertion failed!");
	lua_settop(L, 1);
	return checked_call(L);
}

/* The first argument must be a function in C that needs nothing of its own. */
static int make(lua_State *L, lua_CFunction call)
{
	luaL_argcheck(L, lua_tocfunction(L, 1) && !lua_getupvalue(L, 1, 1), 1,
		      "not a function of Lua");
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	lua_pushcclosure(L, call, 2);
	return 1;
}

/***
 A function of the Lua library with a check in front.
 @function core.library.checked
 @param fn function Lua's own
 @param check function gets the same arguments; returns nothing, or the arguments to use instead
 @return function
*/
static int library_checked(lua_State *L)
{
	return make(L, checked_call);
}

/***
 Lua's string.format with a check in front, for arguments that may show an address.
 @function core.library.format
 @param format function Lua's own
 @param check function as for checked
 @return function
*/
static int library_format(lua_State *L)
{
	return make(L, checked_format);
}

/***
 Lua's assert over a checked error.
 @function core.library.assert
 @param error function Lua's own
 @param check function as for checked
 @return function
*/
static int library_assert(lua_State *L)
{
	return make(L, checked_assert);
}

static const luaL_Reg functions[] = {
	{ "checked", library_checked },
	{ "assert", library_assert },
	{ "format", library_format },
	{ NULL, NULL },
};

int luaopen_o2x_core_library(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
