/*
** event.c: the basic operations to wait for: an event that Lua sets, a timer, a descriptor, a
** signal.
*/
#include "host.h"
#include "loop.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#define TYPE "o2x.event"

struct event {
	struct wait wait; /* first: see host.h */
	struct loop_timer *timer;
	struct loop_watch *watch;
	struct loop_signal *signal;
	int seen; /* descriptor: LOOP_READ, LOOP_WRITE; signal: number of deliveries */
};

static void release(struct event *event)
{
	loop_timer_free(event->timer);
	loop_watch_free(event->watch);
	loop_signal_free(event->signal);
	event->timer = NULL;
	event->watch = NULL;
	event->signal = NULL;
}

static int event_gc(lua_State *L)
{
	struct event *event = lua_touserdata(L, 1);
	release(event);
	/* Closed while a task sleeps on it: wake that task, or it would sleep for ever. */
	if (event->wait.task)
		host_wake(&event->wait);
	return 0;
}

/***
 Sets the event and wakes its waiter.
 @function event:set
*/
static int event_set(lua_State *L)
{
	struct event *event = host_checkudata(L, 1, TYPE);
	host_wake(&event->wait);
	return 0;
}

/***
 Clears the event, so that it can be waited for again.
 @function event:clear
 @return integer what was seen: bits 1 (readable) and 2 (writable), or the number of signals
*/
static int event_clear(lua_State *L)
{
	struct event *event = host_checkudata(L, 1, TYPE);
	lua_pushinteger(L, event->seen);
	event->wait.ready = false;
	event->seen = 0;
	return 1;
}

/***
 Returns what was seen so far. The event stays set.
 @function event:seen
 @return integer as for clear
*/
static int event_seen(lua_State *L)
{
	struct event *event = host_checkudata(L, 1, TYPE);
	lua_pushinteger(L, event->seen);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "set", event_set },
	{ "clear", event_clear },
	{ "seen", event_seen },
	{ NULL, NULL },
};

/***
 Creates an event, not set.
 @function core.event.new
 @return userdata an operation with set() and clear()
*/
static int event_new(lua_State *L)
{
	host_newuserdata(L, sizeof(struct event), TYPE);
	return 1;
}

static void on_timer(void *arg)
{
	struct event *event = arg;
	host_wake(&event->wait);
}

/***
 Creates an event that is set after a time.
 @function core.event.timer
 @param seconds number
 @return userdata an operation
*/
static int event_timer(lua_State *L)
{
	double seconds = luaL_checknumber(L, 1);
	luaL_argcheck(L, seconds >= 0 && seconds < 1e9, 1, "seconds from 0 to 1e9 expected");
	struct event *event = host_newuserdata(L, sizeof *event, TYPE);
	event->timer = loop_timer_new(host_of(L)->loop, false, on_timer, event);
	if (!event->timer)
		return luaL_error(L, "not enough memory");
	loop_timer_start(event->timer, (uint64_t)ceil(seconds * 1000));
	return 1;
}

static void on_descriptor(void *arg, int events)
{
	struct event *event = arg;
	event->seen |= events;
	loop_watch_set(event->watch, 0); /* one shot */
	host_wake(&event->wait);
}

/***
 Creates an event that is set when a descriptor is ready.
 @function core.event.fd
 @param fd integer
 @param events string "r", "w" or "rw"
 @return userdata an operation, or nil, message, code
*/
static int event_fd(lua_State *L)
{
	int fd = (int)host_checkrange(L, 1, 0, 1 << 24);
	const char *events = luaL_checkstring(L, 2);
	int mask = (strchr(events, 'r') ? LOOP_READ : 0) | (strchr(events, 'w') ? LOOP_WRITE : 0);
	luaL_argcheck(L, mask, 2, "\"r\", \"w\" or \"rw\" expected");
	struct event *event = host_newuserdata(L, sizeof *event, TYPE);
	event->watch = loop_watch_new(host_of(L)->loop, fd, mask, on_descriptor, event);
	if (!event->watch)
		return host_fail_errno(L, "cannot watch the descriptor", errno);
	return 1;
}

static void on_signal(void *arg)
{
	struct event *event = arg;
	event->seen++;
	host_wake(&event->wait);
}

/***
 Creates an event that is set at each delivery of a signal.
 @function core.event.signal
 @param name string "INT", "TERM", "QUIT", "HUP", "USR1" or "WINCH"
 @return userdata an operation; clear() returns how many came
*/
static int event_signal(lua_State *L)
{
	static const char *const names[] = { "INT", "TERM", "QUIT", "HUP", "USR1", "WINCH", NULL };
	static const int numbers[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGWINCH };
	int number = numbers[luaL_checkoption(L, 1, NULL, names)];
	struct event *event = host_newuserdata(L, sizeof *event, TYPE);
	event->signal = loop_signal_new(host_of(L)->loop, number, on_signal, event);
	if (!event->signal)
		return luaL_error(L, "cannot catch the signal");
	return 1;
}

static const luaL_Reg functions[] = {
	{ "new", event_new },       { "timer", event_timer }, { "fd", event_fd },
	{ "signal", event_signal }, { NULL, NULL },
};

int luaopen_o2x_core_event(lua_State *L)
{
	host_newop_type(L, TYPE, methods, event_gc);
	luaL_newlib(L, functions);
	return 1;
}
