/*
** host.h: what all modules share: the host itself, waits, userdata types, checked arguments. Marks
** such as [-0, +1, e] are those of the Lua manual: values popped, values pushed, errors raised.
*/
#ifndef O2X_HOST_H
#define O2X_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <lauxlib.h>
#include <lua.h>

struct loop;
struct task;
struct worker;

/* One program, one Lua state, one loop. */
struct host {
	struct loop *loop;
	lua_State *L;
	struct task *current;                  /* the task that runs now, or NULL */
	struct task *ready_first, *ready_last; /* queue of tasks that can run */
	struct task *tasks;                    /* all live tasks */
	int live;
	struct worker *idle_workers; /* coroutines for the next tasks (worker.c) */
	int idle_count;
	unsigned long turns; /* counts resumes; the same number is the same turn */
	size_t memory_used,
		memory_limit; /* bytes that Lua's heap has from the system; limit 0: none */
	int exit_code;
	bool forked; /* forks.c: it ends without giving anything back */
};

/*
** What a task can wait for: the first member of an operation's userdata. A callback of a library
** stores plain C data after it and calls host_wake, which never touches Lua. An operation may be
** ready before it is waited for.
*/
struct wait {
	struct task *task; /* the task that sleeps on it, or NULL */
	bool ready;
	/* Stops the work when the waiter gives up; or NULL. */
	void (*cancel)(struct wait *w);
};

/*
** The host of a Lua state. The pointer is in the state's extra space, which new threads inherit.
*/
struct host *host_of(lua_State *L);

/* Marks w as ready and queues its waiter, if any. Safe in any callback of the loop. */
void host_wake(struct wait *w);

/* A key, by its address, of the metatables of operations. */
extern const char HOST_WAITS[];

/*
** Creates the metatable NAME of an operation: as host_newtype, and marked so that task.wait accepts
** it. [-0, +0, m]
*/
void host_newop_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc);

/*
** Pushes a zeroed userdata with the metatable NAME already set, so that what is acquired next has
** an owner. [-0, +1, m]
*/
void *host_newuserdata(lua_State *L, size_t size, const char *name);

/*
** As luaL_checkudata, for a type of host_newtype: faster where name is the same literal as there.
** [-0, +0, v]
*/
void *host_checkudata(lua_State *L, int arg, const char *name);

/*
** Creates the metatable NAME, unless it exists: methods in __index, gc as __gc and __close. [-0,
** +0, m]
*/
void host_newtype(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc);

/*
** Runs a function as the root task, until no task is left. The function is on the stack, below
** nargs arguments. -> exit code
*/
int host_run(struct host *host, lua_State *L, int nargs);

/* The Lua state of the task that runs now. Safe in a signal handler. */
lua_State *host_current_state(const struct host *host);

/*
** For a C function that works long for a script: raises the error of a script whose time is used
** up, or whose run was interrupted (sandbox.c). [-0, +0, v]
*/
void host_check_time(lua_State *L);

/* Looks at the script that runs, at its next instruction. Safe in a signal handler. */
void host_watch_script(lua_State *L);

/* Has a signal asked the program to stop? Safe in a signal handler. */
bool host_interrupted(void);

/*** Switches the terminal's echo on again, if it is off. Safe in a signal handler. */
void host_restore_terminal(void);

/*
** Notes which line of a script wants memory that it does not get. Allocates nothing, so that the
** allocator may call it.
*/
void host_note_memory(struct host *host);

/* Cancels the running task, and raises the error of a cancelled task. [-0, +0, v] */
int host_cancel_current(lua_State *L);

/* Cancels every task but the running one. Part of the shutdown. */
void host_cancel_all(struct host *host);

/* A string argument as a C string; raises if it has a NUL inside. [-0, +0, v] */
const char *host_checkcstr(lua_State *L, int arg);

/* An integer argument within [lo, hi]. [-0, +0, v] */
lua_Integer host_checkrange(lua_State *L, int arg, lua_Integer lo, lua_Integer hi);

/* Pushes nil, message, code, which is how functions fail. -> number of results [-0, +3, m] */
int host_fail(lua_State *L, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for errno: nil, "what: strerror", "ENAME". [-0, +3, m] */
int host_fail_errno(lua_State *L, const char *what, int error);

/*
** Registers every native module with require (open.c). [-0, +0, e]
*/
void host_open(lua_State *L);

/*
** Lets require find the embedded Lua (embedded.c); only: nothing from the working directory or the
** machine. [-0, +0, e]
*/
void host_open_embedded(lua_State *L, bool only);

#endif
