/*
** interrupt.c: Ctrl-C while the program does not come back to its loop. The loop tells Lua of a
** signal, and Lua stops the work cleanly (lua/o2x/cli/common.lua). That needs a task that waits.
** So the signal's handler does two more things.
**
** A script that is running gets the error of a cancelled task at its next instruction (sandbox.c).
** And from then on no turn of a task may take longer than a second: if o2x's own code, a C function
** or a system call takes longer, the process ends, which is as safe as kill -9. The second signal
** of a kind ends it at once.
*/
#include "host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/syscall.h>

enum { TICK_MS = 200, PATIENCE = 4 /* ticks */, KINDS = 4, EXIT_CODE = 130 };

static const char *const names[] = { "INT", "TERM", "QUIT", "HUP", NULL };
static const int numbers[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP };

/* One for the process, as its signals are. */
static struct {
	struct host *host;
	pid_t thread; /* that runs Lua */
	timer_t timer;
	void (*loop[KINDS])(int); /* the loop's handlers */
	volatile sig_atomic_t seen[KINDS];
	volatile sig_atomic_t interrupted;
	unsigned long turn; /* at the last tick */
	int ticks;          /* that this turn has lasted */
	char last_words[512];
	volatile size_t last_length;
} interrupt;

bool host_interrupted(void)
{
	return interrupt.interrupted;
}

/* Safe in a signal handler. */
static _Noreturn void end_process(void)
{
	host_restore_terminal();
	ssize_t ignored = write(STDERR_FILENO, interrupt.last_words, interrupt.last_length);
	(void)ignored;
	_exit(EXIT_CODE);
}

static void on_tick(int number)
{
	struct host *host = interrupt.host;
	(void)number;
	if (!host->current || host->turns != interrupt.turn)
		interrupt.ticks = 0;
	interrupt.turn = host->turns;
	if (++interrupt.ticks > PATIENCE)
		end_process();
	if (host->current)
		host_watch_script(host_current_state(host));
}

static void on_signal(int number)
{
	struct itimerspec ticks = { { 0, TICK_MS * 1000000L }, { 0, TICK_MS * 1000000L } };
	int error = errno, kind = 0;
	if (gettid() != interrupt.thread) { /* only that thread may touch Lua's state */
		syscall(SYS_tgkill, getpid(), interrupt.thread, number);
		errno = error;
		return;
	}
	while (numbers[kind] != number)
		kind++;
	if (interrupt.seen[kind]++)
		end_process();
	interrupt.loop[kind](number);
	if (!interrupt.interrupted) {
		interrupt.interrupted = 1;
		interrupt.turn = interrupt.host->turns;
		timer_settime(interrupt.timer, 0, &ticks, NULL);
	}
	if (interrupt.host->current)
		host_watch_script(host_current_state(interrupt.host));
	errno = error;
}

/* A signal that comes in between finds no words, never half of them. */
static void set_last_words(const char *text)
{
	interrupt.last_length = 0;
	snprintf(interrupt.last_words, sizeof interrupt.last_words, "%s\n", text);
	interrupt.last_length = strlen(interrupt.last_words);
}

/***
 Changes what the program says when it ends at once; nothing if no signals are watched over.
 @function core.interrupt.last_words
 @param text string one line
*/
static int interrupt_last_words(lua_State *L)
{
	const char *text = host_checkcstr(L, 1);
	if (interrupt.host)
		set_last_words(text);
	return 0;
}

/***
 Watches over signals that the loop already catches.
 @function core.interrupt.watch
 @param last_words string what the program says when it ends at once
 @param ... string "INT", "TERM", "QUIT", "HUP"
*/
static int interrupt_watch(lua_State *L)
{
	struct sigaction tick = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, old;
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
	set_last_words(host_checkcstr(L, 1));
	interrupt.host = host_of(L);
	interrupt.thread = gettid();
	event._sigev_un._tid = interrupt.thread;
	sigfillset(&action.sa_mask); /* no tick in the middle of it */
	if (sigaction(SIGALRM, &tick, NULL) != 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &interrupt.timer) != 0)
		return luaL_error(L, "cannot watch over signals: %s", strerror(errno));
	for (int arg = 2; arg <= lua_gettop(L); arg++) {
		int kind = luaL_checkoption(L, arg, NULL, names);
		if (sigaction(numbers[kind], NULL, &old) != 0 || old.sa_handler == SIG_DFL)
			return luaL_error(L, "the loop does not catch SIG%s", names[kind]);
		interrupt.loop[kind] = old.sa_handler;
		sigaction(numbers[kind], &action, NULL);
	}
	return 0;
}

/***
 Stops watching; the signals are the loop's again.
 @function core.interrupt.close
*/
static int interrupt_close(lua_State *L)
{
	(void)L;
	if (!interrupt.host)
		return 0;
	timer_delete(interrupt.timer);
	for (int kind = 0; kind < KINDS; kind++) {
		struct sigaction action = { .sa_handler = interrupt.loop[kind],
					    .sa_flags = SA_RESTART };
		if (interrupt.loop[kind])
			sigaction(numbers[kind], &action, NULL);
	}
	memset(&interrupt, 0, sizeof interrupt);
	return 0;
}

static const luaL_Reg functions[] = {
	{ "watch", interrupt_watch },
	{ "last_words", interrupt_last_words },
	{ "close", interrupt_close },
	{ NULL, NULL },
};

int luaopen_o2x_core_interrupt(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
