/*
** lua.c: what a program with Lua in it cannot do without: a state, Lua's library, one line.
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int main(void)
{
	lua_State *L = luaL_newstate();
	if (!L)
		return 1;
	luaL_openlibs(L);
	int failed = luaL_dostring(L, "io.write('o2x 1.0.0 (', _VERSION, ')\\n')");
	lua_close(L);
	return failed;
}
