/*
** main.c: one state, one protected call, one report. Everything else is Lua (lua/o2x/main.lua) in
** the root task. With -DO2X_DEV it is build/o2x-dev instead: runs a Lua file of the checkout with
** the same host (tests, tools).
*/
#include "complain.h"
#include "heap.h"
#include "host.h"
#include "loop.h"
#include "surroundings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <lualib.h>

/* Whose memory it is, and where it comes from. */
struct memory {
	struct host *host;
	struct heap heap;
};

static void *allocate(void *ud, void *block, size_t old_size, size_t size)
{
	struct memory *memory = ud;
	struct host *host = memory->host;
	if (!block && size == 0)
		return NULL;
	memory->heap.most = host->memory_limit;
	/* Without a block, Lua passes a type tag as its size. */
	void *result = heap_resize(&memory->heap, block, block ? old_size : 0, size);
	if (!result && size > 0)
		host_note_memory(host);
	host->memory_used = memory->heap.held;
	return result;
}

/* Sanitizers see each block; so does a test that lets the allocations of o2x-dev fail one by one. */
static bool is_watched(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(O2X_DEV)
	return getenv("O2X_EACH_BLOCK") != NULL;
#else
	return false;
#endif
}

#if defined(__SANITIZE_ADDRESS__)
/*
** The tracer of the leak sanitizer can crash on thread-local data of libraries that are loaded late.
** Here, because a lab does not get the environment of whoever starts it.
*/
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "intercept_tls_get_addr=0";
}
#endif

#ifndef O2X_DEV
/* Secrets are in memory: no core file, no ptrace by others of the same user. */
static void protect_memory(void)
{
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}
#endif

static void push_arguments(lua_State *L, int argc, char **argv)
{
	lua_createtable(L, argc, 0);
	for (int i = 0; i < argc; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i);
	}
}

#ifdef O2X_DEV
/*
** Files of the checkout come before the embedded modules, so that a change of Lua needs no build.
*/
static void set_paths(lua_State *L)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "path");
	lua_pushfstring(L, "./?.lua;./lua/?.lua;./lua/?/init.lua;%s", lua_tostring(L, -1));
	lua_setfield(L, -3, "path");
	lua_pop(L, 2);
}
#endif

static void push_task_main(lua_State *L)
{
	lua_getglobal(L, "require");
	lua_pushliteral(L, "o2x.base.task");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "main");
	lua_remove(L, -2);
}

/* The Lua module that is the program: o2x-lab has another. */
#ifndef O2X_MAIN
#define O2X_MAIN "o2x.main"
#endif

#ifdef O2X_DEV
static void push_entry(lua_State *L, char **argv)
{
	if (!argv[1])
		luaL_error(L, "usage: o2x-dev FILE.lua [ARGUMENT...]");
	if (luaL_loadfile(L, argv[1]) != LUA_OK)
		lua_error(L);
}
#else
static void push_entry(lua_State *L, char **argv)
{
	(void)argv;
	lua_getglobal(L, "require");
	lua_pushliteral(L, O2X_MAIN);
	lua_call(L, 1, 1);
}
#endif

/* require "o2x.base.task".main(entry, arguments) as the root task */
static int pmain(lua_State *L)
{
	int argc = (int)lua_tointeger(L, 1);
	char **argv = lua_touserdata(L, 2);
	lua_gc(L, LUA_GCSTOP); /* what is loaded now stays */
	luaL_openlibs(L);
	host_open(L);
#ifdef O2X_DEV
	host_open_embedded(L, false);
	set_paths(L);
#else
	host_open_embedded(L, true);
#endif
	push_arguments(L, argc, argv);
	lua_setglobal(L, "arg");
	push_task_main(L);
	push_entry(L, argv);
	lua_getglobal(L, "arg");
	lua_gc(L, LUA_GCRESTART);
	host_run(host_of(L), L, 2);
	return 0;
}

int main(int argc, char **argv)
{
	struct host host = { 0 };
	const char *problem = surroundings_prepare(); /* before anything else is opened */
	if (problem) {
		complain("o2x: %s", problem);
		return 1;
	}
#ifndef O2X_DEV
	protect_memory();
#endif
	host.loop = loop_new();
	struct memory memory = { .host = &host, .heap.off = is_watched() };
	lua_State *L = lua_newstate(allocate, &memory);
	if (!host.loop || !L) {
		complain("o2x: not enough memory");
		return 1;
	}
	host.L = L;
	*(struct host **)lua_getextraspace(L) = &host;
	lua_pushcfunction(L, pmain);
	lua_pushinteger(L, argc);
	lua_pushlightuserdata(L, argv);
	if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
		complain("o2x: %s", lua_tostring(L, -1));
		host.exit_code = 1;
	}
	if (host.forked)
		_exit(host.exit_code);
	lua_close(L);
	heap_free(&memory.heap);
	int left = loop_free(host.loop);
	if (left > 0) {
		complain("o2x: internal error: %d handle(s) left open", left);
		host.exit_code = 1;
	}
	if (left == LOOP_AT_WORK) { /* nobody waits for a thread: exit would join it */
		fflush(NULL);
		_exit(host.exit_code);
	}
	return host.exit_code;
}
