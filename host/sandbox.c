/*
** sandbox.c: the watch over scripts that burn CPU and never wait.
**
** A timer ticks on the CPU time of Lua's thread, so it is silent while the program waits. At each
** tick: whose code is running? The signal handler cannot look, so it sets a hook, which runs at the
** next Lua instruction or return from a C function and finds the innermost Lua function. If it is a
** script's, the ticks count as the script's own time. If it is o2x's (the engine, effects, clients,
** JSON, YAML), they do not count. The Lua library that scripts see is skipped: the time of a
** pattern match is that of the script that calls it. The count starts again when the task waits.
**
** After `soft` seconds the script gets an error. After `hard` seconds the process ends, which is as
** safe as kill -9. That happens when the script keeps running in spite of the error, and when one C
** function does not return for so long; a long C function that asks host_check_time gets the error
** instead. While nothing burns CPU, the watch costs nothing.
*/
#include "host.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICKS 20 /* a second of CPU time */

/* Registry: chunk name → true for a script, false for the library that scripts see. */
#define SOURCES "o2x.sandbox.sources"
/* Registry: what stops the timer when the Lua state is closed. */
#define TIMER "o2x.sandbox.timer"

/* The name of a script's chunk, for those who may not touch Lua's heap. */
struct script {
	struct script *next;
	char source[];
};

/*
** The watch belongs to this file. It is one for the process, not for the host, because a signal and
** its handler are the process's; the process has one host, and one thread that runs Lua.
*/
static struct {
	struct host *host;
	struct script *scripts;
	timer_t timer;
	bool running;
	char soft_text[16]; /* of the soft limit, for the message */
	int soft, hard;     /* ticks */
	char last_words[160];
	size_t last_length;
	volatile unsigned long turn; /* of the last tick */
	volatile sig_atomic_t asked; /* ticks since the hook last ran, in this turn */
	volatile sig_atomic_t own;   /* ticks that were the script's, in this turn */
	char memory[256];            /* the line that got no memory, "" if none */
} watch;

/* Safe in a signal handler. */
static _Noreturn void end_process(void)
{
	ssize_t ignored = write(STDERR_FILENO, watch.last_words, watch.last_length);
	(void)ignored;
	_exit(1);
}

/*
** Is a script running at that level of the stack? Fills info for its function. o2x's own code is
** not a script, whoever calls it, and a script that o2x calls back is one. [-0, +0, m]
*/
static bool find_script(lua_State *L, int level, lua_Debug *info)
{
	bool library = true, script = false;
	lua_getfield(L, LUA_REGISTRYINDEX, SOURCES);
	for (; library && lua_getstack(L, level, info); level++) {
		lua_getinfo(L, "Sl", info);
		if (*info->what == 'C')
			continue;
		lua_pushlstring(L, info->source, info->srclen);
		library = lua_rawget(L, -2) == LUA_TBOOLEAN && !lua_toboolean(L, -1);
		script = lua_toboolean(L, -1);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return script;
}

/* The hook: attributes the last ticks, and stops a script that has used up its time. */
static void attribute(lua_State *L, lua_Debug *event)
{
	lua_Debug info;
	int ticks = watch.asked;
	bool returns = event && (event->event == LUA_HOOKRET);
	watch.asked = 0;
	if (!host_interrupted())
		lua_sethook(L, NULL, 0, 0);
	else if (find_script(L, returns, &info)) /* also when o2x's code returns to a script */
		host_cancel_current(L);
	if (!watch.host || watch.turn != watch.host->turns || !find_script(L, 0, &info))
		return; /* the task has waited since, or o2x itself is at work */
	watch.own += ticks;
	if (watch.own >= watch.hard)
		end_process();
	if (watch.own < watch.soft)
		return;
	lua_pushfstring(L, "%s:%d: the script ran for %s s without waiting for anything",
			info.short_src, info.currentline, watch.soft_text);
	lua_error(L);
}

/* lua_sethook visits each call on the stack, which takes longer than a tick if there are many. */
void host_watch_script(lua_State *L)
{
	if (lua_gethook(L) != attribute)
		lua_sethook(L, attribute, LUA_MASKRET | LUA_MASKCOUNT,
			    host_interrupted() ? 1000 : 1);
}

void host_check_time(lua_State *L)
{
	if (watch.asked > 0 || host_interrupted())
		attribute(L, NULL);
}

/* A signal handler: plain memory, write, _exit, and lua_sethook, which Lua allows here. */
static void on_tick(int number)
{
	int error = errno;
	struct host *host = watch.host;
	(void)number;
	if (host->turns != watch.turn) {
		watch.turn = host->turns;
		watch.asked = 0;
		watch.own = 0;
	}
	if (host->current) {
		watch.asked++;
		if (watch.asked >= watch.hard)
			end_process();
		host_watch_script(host_current_state(host));
	}
	errno = error;
}

/* A tick after the end of the Lua state would look at a host that is gone. */
static int stop_timer(lua_State *L)
{
	(void)L;
	if (watch.running)
		timer_delete(watch.timer);
	watch.running = false;
	for (struct script *script; (script = watch.scripts);) {
		watch.scripts = script->next;
		free(script);
	}
	return 0;
}

static void stop_at_close(lua_State *L)
{
	lua_newuserdatauv(L, 0, 0);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, stop_timer);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	lua_setfield(L, LUA_REGISTRYINDEX, TIMER);
}

static void start_timer(lua_State *L)
{
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM };
	struct timespec tick = { 0, 1000000000 / TICKS };
	struct itimerspec ticks = { tick, tick };
	stop_at_close(L);
	event._sigev_un._tid = gettid(); /* no other thread: the handler touches the Lua state */
	if (sigaction(SIGVTALRM, &action, NULL) != 0 ||
	    timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &watch.timer) != 0 ||
	    timer_settime(watch.timer, 0, &ticks, NULL) != 0)
		luaL_error(L, "cannot watch over scripts: %s", strerror(errno));
	watch.running = true;
}

static double check_seconds(lua_State *L, int arg)
{
	double seconds = luaL_checknumber(L, arg);
	luaL_argcheck(L, seconds >= 0.1 && seconds <= 7200, arg, "must be from 0.1 to 7200");
	return seconds;
}

/***
 Watches over scripts from now on. Called again, it sets other limits.
 @function core.sandbox.watch
 @param soft number seconds of a script's own CPU time without a wait, after which it gets an error
 @param hard number seconds after which the process ends
 @param last_words string what it says then
*/
static int sandbox_watch(lua_State *L)
{
	double soft = check_seconds(L, 1), hard = check_seconds(L, 2);
	luaL_argcheck(L, hard >= soft, 2, "less than the first");
	snprintf(watch.last_words, sizeof watch.last_words, "%s\n", host_checkcstr(L, 3));
	watch.last_length = strlen(watch.last_words);
	snprintf(watch.soft_text, sizeof watch.soft_text, "%g", soft);
	watch.soft = (int)ceil(soft * TICKS);
	watch.hard = (int)ceil(hard * TICKS);
	watch.host = host_of(L);
	if (!watch.running)
		start_timer(L);
	return 0;
}

/***
 Was the script that runs now told to stop? Then no pcall of its own may keep the error from getting
 through.
 @function core.sandbox.expired
 @return boolean
*/
static int sandbox_expired(lua_State *L)
{
	bool same_turn = watch.running && watch.turn == host_of(L)->turns;
	lua_pushboolean(L, same_turn && watch.own >= watch.soft);
	return 1;
}

/* Notes what the chunks of that name are. [-0, +0, m] */
static int note_source(lua_State *L, bool script)
{
	luaL_checkstring(L, 1);
	lua_settop(L, 1);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, SOURCES);
	lua_insert(L, 1);
	lua_pushboolean(L, script);
	lua_rawset(L, 1);
	return 0;
}

static const struct script *known_script(const char *source)
{
	const struct script *script = watch.scripts;
	while (script && strcmp(script->source, source) != 0)
		script = script->next;
	return script;
}

/* Without memory the script is not known, and its line is not named. */
static void remember_script(const char *source)
{
	size_t size = strlen(source) + 1;
	struct script *script = known_script(source) ? NULL : malloc(sizeof *script + size);
	if (!script)
		return;
	memcpy(script->source, source, size);
	script->next = watch.scripts;
	watch.scripts = script;
}

void host_note_memory(struct host *host)
{
	lua_Debug info;
	lua_State *L = host->current ? host_current_state(host) : NULL;
	for (int level = 0; L && lua_getstack(L, level, &info); level++) {
		lua_getinfo(L, "Sl", &info);
		if (*info.what == 'C' || !known_script(info.source))
			continue;
		snprintf(watch.memory, sizeof watch.memory, "%s:%d", info.source + 1,
			 info.currentline);
		return;
	}
}

/***
 Returns the innermost line of a script that is running, or that called what is running.
 @function core.sandbox.where
 @return string|nil such as "runbooks/onboard.lua:12"
*/
static int sandbox_where(lua_State *L)
{
	lua_Debug info;
	for (int level = 0; lua_getstack(L, level, &info); level++) {
		lua_getinfo(L, "Sl", &info);
		if (*info.what == 'C' || !known_script(info.source))
			continue;
		lua_pushfstring(L, "%s:%d", info.source + 1, info.currentline);
		return 1;
	}
	return 0;
}

/***
 Returns the line of a script that wanted memory which it did not get: the last one, because
 making an error of it may fail for the same reason, and is tried again.
 @function core.sandbox.out_of_memory
 @return string|nil such as "runbooks/onboard.lua:12"
*/
static int sandbox_out_of_memory(lua_State *L)
{
	if (!*watch.memory)
		return 0;
	lua_pushstring(L, watch.memory);
	return 1;
}

/***
 Says that the functions of a chunk are a script's: their CPU time is watched.
 @function core.sandbox.script
 @param source string the chunk's name as load gets it, such as "@runbooks/onboard.lua"
*/
static int sandbox_script(lua_State *L)
{
	remember_script(luaL_checkstring(L, 1));
	return note_source(L, true);
}

/***
 Says that the functions of a chunk are the library that scripts see: their CPU time is that of the
 script that calls them. The functions of all other chunks are o2x's own, and not watched.
 @function core.sandbox.library
 @param source string the chunk's name
*/
static int sandbox_library(lua_State *L)
{
	return note_source(L, false);
}

static const luaL_Reg functions[] = {
	{ "watch", sandbox_watch },
	{ "expired", sandbox_expired },
	{ "where", sandbox_where },
	{ "out_of_memory", sandbox_out_of_memory },
	{ "script", sandbox_script },
	{ "library", sandbox_library },
	{ NULL, NULL },
};

int luaopen_o2x_core_sandbox(lua_State *L)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, SOURCES);
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	return 1;
}
