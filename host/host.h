/*
** host.h: what the modules of the host share: the host itself, tasks and waits, and checked
** arguments. Marks such as [-0, +1, e] are the manual's: values popped, values pushed, may it
** raise.
*/
#ifndef O2X_HOST_H
#define O2X_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <lauxlib.h>
#include <lua.h>

struct loop;
struct task;

/* One program, one Lua state, one loop. */
struct host {
	struct loop *loop;
	lua_State *L;
	struct task *current;                  /* the task that runs now, or NULL */
	struct task *ready_first, *ready_last; /* queue of those that can run */
	struct task *tasks;                    /* all that live */
	int live;
	unsigned long turns;              /* counts resumes: same number, same turn (sandbox.c) */
	size_t memory_used, memory_limit; /* bytes of Lua's heap; limit 0 is none */
	int exit_code;
};

/*
** A thing that a task can wait for; first member of an operation's userdata. A library's callback
** stores plain C data behind it and calls host_wake, which never touches Lua. "Completed before the
** wait" is the normal case ready = true.
*/
struct wait {
	struct task *task; /* who sleeps on it, or NULL */
	bool ready;
	/* Stops the work; called when the waiter gives up; or NULL. */
	void (*cancel)(struct wait *w);
};

/*
** The host of a state: one pointer in the extra space, which new threads copy from the main thread.
*/
struct host *host_of(lua_State *L);

/* Marks w as ready and queues its waiter, if any. Safe in any callback of the loop. */
void host_wake(struct wait *w);

/*
** Makes the metatable NAME of an operation: methods, then gc as both __gc and __close, and the mark
** that lets task.wait accept it. [-0, +0, m]
*/
void host_newop_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc);

/* A zeroed userdata with the metatable NAME already set: own first, acquire then. [-0, +1, m] */
void *host_newuserdata(lua_State *L, size_t size, const char *name);

/*
** A metatable NAME with methods in __index and gc as __gc and __close, for objects that are not
** operations. [-0, +0, m]
*/
void host_newtype(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc);

/*
** Runs the function at the top of the stack (with nargs above it) as the root task until no task
** lives. -> exit code
*/
int host_run(struct host *host, lua_State *L, int nargs);

/* The Lua state of the task that runs now. Safe in a signal handler. */
lua_State *host_current_state(const struct host *host);

/* Cancels every task but the running one and lets them end. Part of the shutdown. */
void host_cancel_all(struct host *host);

/* An argument as a C string: refuses one with a NUL inside. [-0, +0, v] */
const char *host_checkcstr(lua_State *L, int arg);

/* An integer argument within [lo, hi]. [-0, +0, v] */
lua_Integer host_checkrange(lua_State *L, int arg, lua_Integer lo, lua_Integer hi);

/* Pushes nil, message, code: the way an operation fails. -> number of results [-0, +3, m] */
int host_fail(lua_State *L, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for errno: nil, "what: strerror", "ENAME". [-0, +3, m] */
int host_fail_errno(lua_State *L, const char *what, int error);

/*
** Registers every native module (open.c) and the embedded Lua (embedded.c) with require. [-0, +0,
** e]
*/
void host_open(lua_State *L);
void host_open_embedded(lua_State *L);

#endif
