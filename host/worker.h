/*
** worker.h: what a task runs on: a coroutine of Lua and a timer for its deadlines. Workers are used
** again, because most tasks are short.
*/
#ifndef O2X_WORKER_H
#define O2X_WORKER_H

#include "host.h"
#include "loop.h"

struct worker {
	lua_State *L;
	int thread; /* registry reference to it */
	struct loop_timer *deadline;
	struct task *task; /* that runs on it now */
	struct worker *next;
};

/* A worker with an empty stack. -> NULL: no memory [-0, +0, m] */
struct worker *worker_take(lua_State *L, struct host *host, loop_timer_cb *on_deadline);

/* Gives it back. One whose coroutine ended in an error is not used again. [-0, +0, -] */
void worker_give(struct host *host, struct worker *worker, bool good);

/* Frees those that are not in use. [-0, +0, -] */
void worker_free_all(struct host *host);

#endif
