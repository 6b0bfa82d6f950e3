/*
** worker.c: see worker.h.
*/
#include "worker.h"

#include <stdlib.h>

#define IDLE_MOST 64

struct worker *worker_take(lua_State *L, struct host *host, loop_timer_cb *on_deadline)
{
	struct worker *worker = host->idle_workers;
	if (worker) {
		host->idle_workers = worker->next;
		host->idle_count--;
		return worker;
	}
	lua_State *co = lua_newthread(L);
	int thread = luaL_ref(L, LUA_REGISTRYINDEX);
	worker = calloc(1, sizeof *worker);
	if (worker)
		worker->deadline = loop_timer_new(host->loop, true, on_deadline, worker);
	if (!worker || !worker->deadline) {
		free(worker);
		luaL_unref(L, LUA_REGISTRYINDEX, thread);
		return NULL;
	}
	worker->L = co;
	worker->thread = thread;
	return worker;
}

static void worker_free(struct host *host, struct worker *worker)
{
	loop_timer_free(worker->deadline);
	luaL_unref(host->L, LUA_REGISTRYINDEX, worker->thread);
	free(worker);
}

void worker_give(struct host *host, struct worker *worker, bool good)
{
	worker->task = NULL;
	if (!good || host->idle_count >= IDLE_MOST) {
		worker_free(host, worker);
		return;
	}
	loop_timer_stop(worker->deadline);
	lua_settop(worker->L, 0);
	lua_sethook(worker->L, NULL, 0, 0); /* what watched the task's script (sandbox.c) */
	worker->next = host->idle_workers;
	host->idle_workers = worker;
	host->idle_count++;
}

void worker_free_all(struct host *host)
{
	for (struct worker *worker; (worker = host->idle_workers);) {
		host->idle_workers = worker->next;
		host->idle_count--;
		worker_free(host, worker);
	}
}
