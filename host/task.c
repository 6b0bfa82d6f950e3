/*
** task.c: tasks are Lua coroutines. This file has the program's only lua_resume and only
** lua_yieldk. A task runs until it waits. Callbacks of the loop only wake tasks; they are resumed
** here, from the main loop. Joining, parallel tasks and time limits are built in
** lua/o2x/base/task.lua, from spawn, wait and event.
*/
#include "complain.h"
#include "host.h"
#include "loop.h"
#include "worker.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Registry key of the error that a cancelled task gets at its next wait. */
#define CANCELLED "o2x.cancelled"
#define TYPE "o2x.task"
#define DEFAULT_SECONDS 300.0

struct task {
	lua_State *L;
	struct host *host;
	struct task *next, **link; /* in host->tasks */
	struct task *next_ready;
	struct wait *waiting;
	struct worker *worker;
	int context; /* registry reference */
	int nargs;
	bool queued, cancelled, dead;
	int handles; /* userdata that point here */
};

struct handle {
	struct task *task;
};

/* Its address is what a waiting task yields; coroutines in between pass it on (base/task.lua). */
static char wait_tag;

/* ---- life ---- */

static void queue(struct task *task)
{
	struct host *host = task->host;
	if (task->queued || task->dead)
		return;
	task->queued = true;
	task->next_ready = NULL;
	if (host->ready_last)
		host->ready_last->next_ready = task;
	else
		host->ready_first = task;
	host->ready_last = task;
	loop_hurry(host->loop);
}

static void on_deadline(void *arg)
{
	struct worker *worker = arg;
	queue(worker->task);
}

static void drop(struct task *task)
{
	if (task->dead && task->handles == 0)
		free(task);
}

/* Function and arguments are on top of L. [-(nargs+1), +0, m] */
static struct task *spawn(lua_State *L, struct host *host, int nargs, int context)
{
	struct worker *worker = worker_take(L, host, on_deadline);
	lua_State *co = worker ? worker->L : NULL;
	struct task *task = co && lua_checkstack(co, nargs + 1) ? calloc(1, sizeof *task) : NULL;
	if (!task) {
		if (worker)
			worker_give(host, worker, true);
		luaL_error(L, "not enough memory for a task");
		return NULL;
	}
	lua_xmove(L, co, nargs + 1);
	worker->task = task;
	task->L = co;
	task->host = host;
	task->worker = worker;
	task->context = context;
	task->nargs = nargs;
	task->next = host->tasks;
	task->link = &host->tasks;
	if (task->next)
		task->next->link = &task->next;
	host->tasks = task;
	host->live++;
	queue(task);
	return task;
}

static void finish(struct task *task, bool good)
{
	struct host *host = task->host;
	*task->link = task->next;
	if (task->next)
		task->next->link = task->link;
	worker_give(host, task->worker, good);
	luaL_unref(host->L, LUA_REGISTRYINDEX, task->context);
	task->dead = true;
	host->live--;
	drop(task);
}

/* base/task.lua wraps the function of each task in an xpcall, so an error here is a bug of ours. */
static void report(struct task *task, lua_State *from)
{
	const char *text = luaL_tolstring(from, -1, NULL);
	luaL_traceback(from, task->L, text, 0);
	complain("o2x: internal error: %s", lua_tostring(from, -1));
	lua_pop(from, 2);
	task->host->exit_code = 1;
}

static int report_protected(lua_State *L)
{
	struct task *task = lua_touserdata(L, 1);
	lua_xmove(task->L, L, 1);
	report(task, L);
	return 0;
}

static void run(struct task *task)
{
	struct host *host = task->host;
	int nresults = 0, nargs = task->nargs;
	task->nargs = 0;
	host->current = task;
	host->turns++;
	if (host_interrupted())
		host_watch_script(task->L);
	int status = lua_resume(task->L, host->L, nargs, &nresults);
	host->current = NULL;
	if (status == LUA_YIELD) {
		lua_pop(task->L, nresults);
		return;
	}
	if (status != LUA_OK) {
		lua_pushcfunction(host->L, report_protected);
		lua_pushlightuserdata(host->L, task);
		if (lua_pcall(host->L, 1, 0, 0) != LUA_OK)
			lua_pop(host->L, 1);
#if LUA_VERSION_RELEASE_NUM >= 50406
		lua_closethread(task->L, host->L);
#else
		lua_resetthread(task->L);
#endif
	}
	finish(task, status == LUA_OK);
}

lua_State *host_current_state(const struct host *host)
{
	return host->current->L;
}

static void run_ready(struct host *host)
{
	/*
	** Runs only the tasks that are ready now. What they make ready runs next time, so that no
	** task starves the loop.
	*/
	struct task *last = host->ready_last;
	for (struct task *task; (task = host->ready_first);) {
		host->ready_first = task->next_ready;
		if (!host->ready_first)
			host->ready_last = NULL;
		task->queued = false;
		bool stop = task == last;
		run(task);
		if (stop)
			break;
	}
}

static void report_deadlock(struct host *host)
{
	complain("o2x: internal error: deadlock: %d task(s) wait for each other", host->live);
	for (struct task *task = host->tasks; task; task = task->next) {
		luaL_traceback(host->L, task->L, "waiting task:", 0);
		complain("%s", lua_tostring(host->L, -1));
		lua_pop(host->L, 1);
	}
	host->exit_code = 1;
}

static void cancel(struct task *task)
{
	task->cancelled = true;
	if (task->waiting)
		queue(task);
}

void host_cancel_all(struct host *host)
{
	for (struct task *task = host->tasks; task; task = task->next)
		if (task != host->current)
			cancel(task);
}

static void run_until_done(struct host *host)
{
	bool reported = false;
	while (host->live > 0) {
		run_ready(host);
		if (host->ready_first) {
			loop_run(host->loop, false);
		} else if (host->live > 0) {
			if (loop_pending(host->loop) == 0) {
				if (reported)
					return; /* cancelled tasks that do not end */
				reported = true;
				report_deadlock(host);
				host_cancel_all(host);
				continue;
			}
			loop_run(host->loop, true);
		}
	}
}

int host_run(struct host *host, lua_State *L, int nargs)
{
	lua_newtable(L);
	spawn(L, host, nargs, luaL_ref(L, LUA_REGISTRYINDEX));
	run_until_done(host);
	worker_free_all(host);
	return host->exit_code;
}

void host_wake(struct wait *w)
{
	w->ready = true;
	if (w->task)
		queue(w->task);
}

/* ---- for base/task.lua ---- */

static struct task *current(lua_State *L)
{
	struct task *task = host_of(L)->current;
	if (!task)
		luaL_error(L, "not inside a task");
	return task;
}

static struct wait *checkwait(lua_State *L, int arg)
{
	luaL_checktype(L, arg, LUA_TUSERDATA);
	bool is_wait = lua_getmetatable(L, arg) && lua_rawgetp(L, -1, HOST_WAITS) != LUA_TNIL;
	luaL_argcheck(L, is_wait, arg, "operation expected");
	lua_pop(L, 2);
	return lua_touserdata(L, arg);
}

static int raise_cancelled(lua_State *L)
{
	if (lua_getfield(L, LUA_REGISTRYINDEX, CANCELLED) == LUA_TNIL)
		lua_pushliteral(L, "cancelled");
	return lua_error(L);
}

static int wait_done(lua_State *L, int status, lua_KContext shielded)
{
	struct task *task = current(L);
	struct wait *w = lua_touserdata(L, 1);
	(void)status;
	loop_timer_stop(task->worker->deadline);
	task->waiting = NULL;
	w->task = NULL;
	if (w->ready) {
		lua_pushboolean(L, true);
		return 1;
	}
	if (w->cancel)
		w->cancel(w);
	if (task->cancelled && !shielded)
		return raise_cancelled(L);
	return host_fail(L, "timeout", "timeout");
}

int host_cancel_current(lua_State *L)
{
	current(L)->cancelled = true;
	return raise_cancelled(L);
}

/***
 Waits for an operation.
 @function core.task.wait
 @param op userdata an operation of a native module
 @param seconds number? deadline from now, 300 if absent; math.huge waits for ever
 @param shielded boolean? lets a cancelled task wait, too (only for its children to end)
 @return true, or nil, "timeout", "timeout"; raises when the task is cancelled
*/
static int task_wait(lua_State *L)
{
	struct wait *w = checkwait(L, 1);
	double seconds = luaL_optnumber(L, 2, DEFAULT_SECONDS);
	bool shielded = lua_toboolean(L, 3);
	struct task *task = current(L);
	lua_settop(L, 1);
	if (task->cancelled && !shielded) {
		if (w->cancel && !w->ready)
			w->cancel(w);
		return raise_cancelled(L);
	}
	if (w->ready) {
		lua_pushboolean(L, true);
		return 1;
	}
	luaL_argcheck(L, !w->task, 1, "another task waits for it");
	if (!lua_isyieldable(L))
		return luaL_error(L,
				  "cannot wait here (inside table.sort, string.gsub, require or a "
				  "metamethod of tostring)");
	w->task = task;
	task->waiting = w;
	if (seconds < 1e9)
		loop_timer_start(task->worker->deadline,
				 seconds <= 0 ? 0 : (uint64_t)ceil(seconds * 1000));
	lua_pushlightuserdata(L, &wait_tag);
	return lua_yieldk(L, 1, shielded, wait_done);
}

/***
 Starts a task. Use spawn of lua/o2x/base/task.lua instead.
 @function core.task.spawn
 @param context table what context() returns in the task
 @param fn function
 @param ... any its arguments
 @return userdata a handle: cancel()
*/
static int task_spawn(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	int nargs = lua_gettop(L) - 2;
	luaL_checkstack(L, nargs + 4, NULL);
	struct handle *handle = host_newuserdata(L, sizeof *handle, TYPE);
	lua_pushvalue(L, 1);
	int context = luaL_ref(L, LUA_REGISTRYINDEX);
	for (int i = 0; i <= nargs; i++)
		lua_pushvalue(L, 2 + i);
	handle->task = spawn(L, host_of(L), nargs, context);
	handle->task->handles++;
	return 1;
}

/***
 Cancels the task: its next wait raises an error.
 @function task:cancel
*/
static int handle_cancel(lua_State *L)
{
	struct handle *handle = host_checkudata(L, 1, TYPE);
	if (handle->task && !handle->task->dead)
		cancel(handle->task);
	return 0;
}

/***
 Returns where the task waits.
 @function task:traceback
 @return string, or nothing when it has ended
*/
static int handle_traceback(lua_State *L)
{
	struct handle *handle = host_checkudata(L, 1, TYPE);
	if (!handle->task || handle->task->dead)
		return 0;
	luaL_traceback(L, handle->task->L, NULL, 0);
	return 1;
}

static int handle_gc(lua_State *L)
{
	struct handle *handle = lua_touserdata(L, 1);
	if (handle->task) {
		handle->task->handles--;
		drop(handle->task);
		handle->task = NULL;
	}
	return 0;
}

static const luaL_Reg handle_methods[] = {
	{ "cancel", handle_cancel },
	{ "traceback", handle_traceback },
	{ NULL, NULL },
};

/***
 Returns the table of the running task.
 @function core.task.context
 @return table
*/
static int task_context(lua_State *L)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, current(L)->context);
	return 1;
}

/***
 Was the running task cancelled? The sandbox's pcall asks, to raise again what a script swallowed.
 @function core.task.cancelled
 @return boolean
*/
static int task_cancelled(lua_State *L)
{
	lua_pushboolean(L, current(L)->cancelled);
	return 1;
}

/***
 Returns counts, for tests and reports.
 @function core.task.live
 @return integer live tasks
 @return integer events that the loop waits for (watches, timers, work)
*/
static int task_live(lua_State *L)
{
	struct host *host = host_of(L);
	lua_pushinteger(L, host->live);
	lua_pushinteger(L, loop_pending(host->loop));
	return 2;
}

/***
 Sets the error that a cancelled task gets at its next wait.
 @function core.task.set_cancelled
 @param error any
*/
static int task_set_cancelled(lua_State *L)
{
	lua_settop(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, CANCELLED);
	return 0;
}

/***
 Returns what a waiting task yields. base/task.lua passes it on through coroutines.
 @function core.task.tag
 @return userdata
*/
static int task_tag(lua_State *L)
{
	lua_pushlightuserdata(L, &wait_tag);
	return 1;
}

/***
 Returns the time of a clock that is never adjusted. Only differences mean something.
 @function core.task.now
 @return number seconds
*/
static int task_now(lua_State *L)
{
	lua_pushnumber(L, loop_now());
	return 1;
}

static const luaL_Reg functions[] = {
	{ "wait", task_wait },
	{ "spawn", task_spawn },
	{ "context", task_context },
	{ "cancelled", task_cancelled },
	{ "live", task_live },
	{ "set_cancelled", task_set_cancelled },
	{ "tag", task_tag },
	{ "now", task_now },
	{ NULL, NULL },
};

int luaopen_o2x_core_task(lua_State *L)
{
	host_newtype(L, TYPE, handle_methods, handle_gc);
	luaL_newlib(L, functions);
	return 1;
}
