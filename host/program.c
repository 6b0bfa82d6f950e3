/*
** program.c: what Lua may know and set of the process as a whole.
*/
#include "host.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/***
 The code that the program ends with, once the last task has ended.
 @function program.exit_code
 @param code integer 0 to 255
*/
static int program_exit_code(lua_State *L)
{
	host_of(L)->exit_code = (int)host_checkrange(L, 1, 0, 255);
	return 0;
}

/***
 Caps the heap of Lua.
 @function program.memory_limit
 @param bytes integer 0 for none
 @return integer bytes in use now
*/
static int program_memory_limit(lua_State *L)
{
	struct host *host = host_of(L);
	host->memory_limit = (size_t)host_checkrange(L, 1, 0, (lua_Integer)1 << 40);
	lua_pushinteger(L, (lua_Integer)host->memory_used);
	return 1;
}

/***
 All environment variables.
 @function program.environment
 @return table name → value
*/
static int program_environment(lua_State *L)
{
	lua_newtable(L);
	for (char **at = environ; at && *at; at++) {
		const char *equals = strchr(*at, '=');
		if (!equals)
			continue;
		lua_pushlstring(L, *at, (size_t)(equals - *at));
		lua_pushstring(L, equals + 1);
		lua_rawset(L, -3);
	}
	return 1;
}

/***
 Ends the program now, without closing anything. For the second Ctrl-C and for tests that crash it.
 @function program.exit_now
 @param code integer
*/
static int program_exit_now(lua_State *L)
{
	_exit((int)host_checkrange(L, 1, 0, 255));
}

/***
 Ends the program as kill -9 does; for tests that crash it.
 @function program.kill_now
*/
static int program_kill_now(lua_State *L)
{
	(void)L;
	raise(SIGKILL);
	return 0;
}

/***
 The number of this process.
 @function program.pid
 @return integer
*/
static int program_pid(lua_State *L)
{
	lua_pushinteger(L, getpid());
	return 1;
}

/***
 Becomes another program; comes back only if that fails. Open files of ours are closed on the way.
 @function program.exec
 @param path string of the program
 @param argv table its arguments, the first is the name it is to see
 @return nil
 @return string why not
 @return string code
*/
static int program_exec(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_Integer count = luaL_len(L, 2);
	char **argv = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *argv, 0);
	luaL_checkstack(L, (int)count + 1, "too many arguments");
	for (lua_Integer i = 1; i <= count; i++) {
		lua_geti(L, 2, i);
		argv[i - 1] = (char *)(uintptr_t)host_checkcstr(L, -1);
	}
	argv[count] = NULL;
	execv(path, argv);
	return host_fail_errno(L, path, errno);
}

static const luaL_Reg functions[] = {
	{ "exit_code", program_exit_code },
	{ "memory_limit", program_memory_limit },
	{ "environment", program_environment },
	{ "exit_now", program_exit_now },
	{ "kill_now", program_kill_now },
	{ "pid", program_pid },
	{ "exec", program_exec },
	{ NULL, NULL },
};

int luaopen_o2x_core_program(lua_State *L)
{
	luaL_newlib(L, functions);
	lua_pushliteral(L, O2X_VERSION);
	lua_setfield(L, -2, "version");
	return 1;
}
