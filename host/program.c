/*
** program.c: this process as a whole: exit code, memory limit, environment. Child processes:
** subprocess.c.
*/
#include "host.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/***
 Sets the code that the program exits with once the last task has ended.
 @function core.program.exit_code
 @param code integer 0 to 255
*/
static int program_exit_code(lua_State *L)
{
	host_of(L)->exit_code = (int)host_checkrange(L, 1, 0, 255);
	return 0;
}

/* A heap may grow by such a part of its limit before anything is collected. */
enum { FREE_PART = 64 };

/***
 Limits the heap of Lua. What a plan allocates is nearly all in use until its end: to look for garbage
 each time that its small heap has doubled takes a twentieth of its time, so the first look is late.
 @function core.program.memory_limit
 @param bytes integer 0: no limit
 @return integer bytes in use now
*/
static int program_memory_limit(lua_State *L)
{
	struct host *host = host_of(L);
	size_t limit = (size_t)host_checkrange(L, 1, 0, (lua_Integer)1 << 40);
	size_t free = limit / FREE_PART / 1024;
	if (limit > host->memory_limit && free > 0 && free < INT_MAX)
		lua_gc(L, LUA_GCSTEP, -(int)free); /* KiB; a debt below zero is allocated first */
	host->memory_limit = limit;
	lua_pushinteger(L, (lua_Integer)host->memory_used);
	return 1;
}

/***
 Returns all environment variables.
 @function core.program.environment
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
 Exits at once, without closing anything. For the second Ctrl-C and for tests of crashes.
 @function core.program.exit_now
 @param code integer
*/
static int program_exit_now(lua_State *L)
{
	int code = (int)host_checkrange(L, 1, 0, 255);
	host_restore_terminal();
	_exit(code);
}

/***
 Kills this process as kill -9 does. For tests of crashes.
 @function core.program.kill_now
*/
static int program_kill_now(lua_State *L)
{
	(void)L;
	raise(SIGKILL);
	return 0;
}

/***
 Returns the process id.
 @function core.program.pid
 @return integer
*/
static int program_pid(lua_State *L)
{
	lua_pushinteger(L, getpid());
	return 1;
}

/***
 Replaces this process by another program (execv). Returns only if that fails. Open files are
 closed.
 @function core.program.exec
 @param path string of the program
 @param argv table its arguments; the first is its own name
 @return nil
 @return string why it failed
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
