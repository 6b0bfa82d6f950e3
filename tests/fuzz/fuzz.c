/*
** fuzz.c: the host as a libFuzzer target. Each input goes to one function of Lua, the one that
** tests/fuzz/targets/NAME.lua returns; the first argument of the program is NAME. The C modules are
** instrumented by the compiler. Lua is not, so a line hook counts the edges between its lines in
** counters that libFuzzer reads as it does its own.
**
** A target's function raises only error objects of o2x; anything else, and a Lua error of ours
** above all, ends the program as a crash would.
*/
#include "host.h"
#include "loop.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lualib.h>

enum { COUNTERS = 1 << 13, MEMORY = 1 << 29 };

__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t counters[COUNTERS];

static struct host host;
static lua_State *state;
static unsigned long previous;

static void *allocate(void *ud, void *block, size_t old_size, size_t size)
{
	(void)ud;
	if (!block)
		old_size = 0;
	if (size == 0) {
		free(block);
		host.memory_used -= old_size;
		return NULL;
	}
	if (size > old_size && host.memory_used + size - old_size > MEMORY)
		return NULL;
	void *result = realloc(block, size);
	if (result)
		host.memory_used = host.memory_used - old_size + size;
	return result;
}

/* An edge is a pair of lines; the function's source is told by its address. */
static void on_line(lua_State *L, lua_Debug *event)
{
	lua_getinfo(L, "S", event);
	unsigned long here = (unsigned long)event->source * 31 +
			     (unsigned long)event->currentline * 2654435761UL;
	unsigned long edge = (here ^ previous) % COUNTERS;
	if (counters[edge] < UINT8_MAX)
		counters[edge]++;
	previous = here >> 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "fuzz: %s: %s\n", what, lua_tostring(state, -1));
	abort();
}

/* Paths of the checkout, so that a target may require any module of lua/ and stdlib/. */
static int prepare(lua_State *L)
{
	luaL_openlibs(L);
	host_open(L);
	lua_getglobal(L, "package");
	lua_pushliteral(L, "./?.lua;./lua/?.lua;./lua/?/init.lua;build/lua/?.lua");
	lua_setfield(L, -2, "path");
	lua_pop(L, 1);
	if (luaL_dofile(L, lua_tostring(L, 1)) != LUA_OK)
		return lua_error(L);
	luaL_checktype(L, -1, LUA_TFUNCTION);
	return 1;
}

static void open_state(const char *target)
{
	char path[256];
	snprintf(path, sizeof path, "tests/fuzz/targets/%s.lua", target);
	host.loop = loop_new();
	state = lua_newstate(allocate, &host);
	host.L = state;
	*(struct host **)lua_getextraspace(state) = &host;
	lua_pushcfunction(state, prepare);
	lua_pushstring(state, path);
	if (lua_pcall(state, 1, 1, 0) != LUA_OK)
		fail("the target cannot be loaded");
	lua_setglobal(state, "target");
	lua_sethook(state, on_line, LUA_MASKLINE, 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (*argc < 2) {
		fprintf(stderr, "usage: fuzz TARGET [libFuzzer's options and folders]\n");
		exit(3);
	}
	open_state((*argv)[1]);
	(*argv)[1] = (*argv)[0];
	++*argv;
	--*argc;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	previous = 0;
	lua_getglobal(state, "target");
	lua_pushlstring(state, (const char *)data, size);
	if (lua_pcall(state, 1, 0, 0) != LUA_OK)
		fail("an error that is not for people");
	return 0;
}
