/*
** open.c: the list of native modules, and nothing else. host/NAME.c defines luaopen_o2x_core_NAME,
** which Lua loads by require "o2x.core.NAME".
*/
#include "host.h"

#define MODULES(X) \
	X(clock) \
	X(crypto) \
	X(dns) \
	X(dnsmsg) \
	X(event) \
	X(extract) \
	X(forks) \
	X(frame) \
	X(fs) \
	X(gzip) \
	X(http) \
	X(httpd) \
	X(interrupt) \
	X(input) \
	X(journal) \
	X(journal_reader) \
	X(json) \
	X(library) \
	X(listen) \
	X(lock) \
	X(net) \
	X(output) \
	X(pairs) \
	X(parse) \
	X(pattern) \
	X(pg) \
	X(program) \
	X(redis) \
	X(resolve) \
	X(sandbox) \
	X(scope) \
	X(secret) \
	X(snapshot) \
	X(subprocess) \
	X(task) \
	X(tty) \
	X(udp) \
	X(words) \
	X(xml) \
	X(yaml)

#define DECLARE(name) int luaopen_o2x_core_##name(lua_State *L);
MODULES(DECLARE)

#define ENTRY(name) { "o2x.core." #name, luaopen_o2x_core_##name },
static const luaL_Reg modules[] = {
	MODULES(ENTRY){ NULL, NULL },
};

void host_open(lua_State *L)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	luaL_setfuncs(L, modules, 0);
	lua_pop(L, 1);
}
