/*
** sandbox.c: the watch over scripts that never wait. A timer that runs on the thread's CPU time
** ticks once a second of work; when the same turn of the same task is still running, the script is
** stopped: first by an error at its next Lua instruction, and where that cannot come (a pattern
** match that backtracks for ever is one instruction), by ending the process. That is safe because
** kill -9 is. It costs nothing while nothing burns.
*/
#include "host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	struct host *host;
	timer_t timer;
	bool running;
	int soft, hard; /* seconds of CPU time */
	char last_words[160];
	size_t last_length;
	unsigned long turn;            /* of the last tick */
	int ticks;                     /* in this turn */
	volatile sig_atomic_t expired; /* the script of this turn was told to stop */
	unsigned long expired_turn;
} watch;

/* Only a script is interrupted, never the engine in the middle of a write to the journal. */
static bool is_script(const lua_Debug *info)
{
	return info->source[0] == '@' && !strstr(info->source, "lua/o2x/");
}

static void stop(lua_State *L, lua_Debug *event)
{
	lua_getinfo(L, "S", event);
	if (watch.expired_turn != watch.host->turns) {
		lua_sethook(L, NULL, 0, 0); /* it waited after all */
		return;
	}
	if (!is_script(event))
		return;
	lua_sethook(L, NULL, 0, 0);
	luaL_error(L, "the script ran for %d s without waiting for anything", watch.soft);
}

/* A signal handler: plain memory, write, _exit, and lua_sethook, which Lua allows here. */
static void on_tick(int number)
{
	int error = errno;
	(void)number;
	struct host *host = watch.host;
	if (!host->current || host->turns != watch.turn) {
		watch.turn = host->turns;
		watch.ticks = 0;
	} else if (++watch.ticks >= watch.hard) {
		ssize_t ignored = write(STDERR_FILENO, watch.last_words, watch.last_length);
		(void)ignored;
		_exit(1);
	} else if (watch.ticks == watch.soft) {
		watch.expired = 1;
		watch.expired_turn = host->turns;
		int events = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT;
		lua_sethook(host_current_state(host), stop, events, 1);
	}
	errno = error;
}

/***
 Watches over scripts from now on.
 @function sandbox.watch
 @param soft integer seconds of CPU time without a wait after which a script gets an error
 @param hard integer seconds after which the process ends
 @param last_words string what it says then
*/
static int sandbox_watch(lua_State *L)
{
	watch.soft = (int)host_checkrange(L, 1, 1, 3600);
	watch.hard = (int)host_checkrange(L, 2, watch.soft, 7200);
	snprintf(watch.last_words, sizeof watch.last_words, "%s\n", host_checkcstr(L, 3));
	watch.last_length = strlen(watch.last_words);
	watch.host = host_of(L);
	if (watch.running)
		return 0;
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM };
	struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	if (sigaction(SIGVTALRM, &action, NULL) != 0 ||
	    timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &watch.timer) != 0 ||
	    timer_settime(watch.timer, 0, &second, NULL) != 0)
		return luaL_error(L, "cannot watch over scripts: %s", strerror(errno));
	watch.running = true;
	return 0;
}

/***
 Was the script that runs now told to stop? Then no pcall of its own may keep the error from getting
 through.
 @function sandbox.expired
 @return boolean
*/
static int sandbox_expired(lua_State *L)
{
	lua_pushboolean(L, watch.expired && watch.expired_turn == host_of(L)->turns);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "watch", sandbox_watch },
	{ "expired", sandbox_expired },
	{ NULL, NULL },
};

int luaopen_o2x_core_sandbox(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
