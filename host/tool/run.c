/*
** run.c: runs a Lua file without the host, but with its parser, for what is made before there is a
** host. A build tool, not part of the program.
** run FILE [ARGUMENT...]
*/
#include <stdio.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int luaopen_o2x_core_parse(lua_State *L);

int main(int argc, char **argv)
{
	lua_State *L = luaL_newstate();
	if (argc < 2 || !L)
		return 2;
	luaL_openlibs(L);
	luaL_requiref(L, "o2x.core.parse", luaopen_o2x_core_parse, 0);
	lua_settop(L, 0);
	int status = luaL_loadfile(L, argv[1]);
	for (int i = 2; status == LUA_OK && i < argc; i++)
		lua_pushstring(L, argv[i]);
	if (status == LUA_OK)
		status = lua_pcall(L, argc - 2, 0, 0);
	if (status != LUA_OK)
		fprintf(stderr, "%s\n", lua_tostring(L, -1));
	lua_close(L);
	return status == LUA_OK ? 0 : 1;
}
