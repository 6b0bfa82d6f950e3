/*
** embedded.c: lets require find the Lua modules that are embedded in the program.
*/
#include "embedded.h"
#include "host.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct embedded *)element)->name);
}

static int searcher(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	const struct embedded *found =
		bsearch(name, embedded_modules, embedded_count, sizeof *embedded_modules, by_name);
	if (!found) {
		lua_pushfstring(L, "no embedded module '%s'", name);
		return 1;
	}
	if (luaL_loadbufferx(L, (const char *)found->bytes, found->size, name, "b") != LUA_OK)
		return lua_error(L);
	lua_pushstring(L, found->name);
	return 2;
}

void host_open_embedded(lua_State *L, bool only)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "searchers");
	lua_Integer last = (lua_Integer)lua_rawlen(L, -1);
	for (; only && last > 1; last--) { /* the first one finds what is preloaded */
		lua_pushnil(L);
		lua_rawseti(L, -2, last);
	}
	lua_pushcfunction(L, searcher);
	lua_rawseti(L, -2, last + 1);
	lua_pop(L, 2);
}
