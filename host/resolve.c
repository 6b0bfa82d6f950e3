/*
** resolve.c: looks up addresses as the system does (/etc/hosts, then DNS), in a thread, because
** getaddrinfo blocks.
*/
#include "host.h"
#include "loop.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TYPE "o2x.resolve"

struct job;

struct resolve {
	struct wait wait; /* first: see host.h */
	struct job *job;
};

/* What the thread works on. It may outlive the operation. */
struct job {
	struct resolve *owner; /* NULL: abandoned */
	bool done;
	int error;
	struct addrinfo *found;
	char name[256];
};

static void free_job(struct job *job)
{
	if (job->found)
		freeaddrinfo(job->found);
	free(job);
}

static void work(void *arg)
{
	struct job *job = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	job->error = getaddrinfo(job->name, NULL, &hints, &job->found);
}

static void done(void *arg)
{
	struct job *job = arg;
	job->done = true;
	if (job->owner)
		host_wake(&job->owner->wait);
	else
		free_job(job);
}

static void give_up(struct resolve *resolve)
{
	if (resolve->job && resolve->job->done)
		free_job(resolve->job);
	else if (resolve->job)
		resolve->job->owner = NULL;
	resolve->job = NULL;
}

static void cancel(struct wait *wait)
{
	give_up((struct resolve *)wait);
}

static int resolve_gc(lua_State *L)
{
	struct resolve *resolve = lua_touserdata(L, 1);
	give_up(resolve);
	if (resolve->wait.task)
		host_wake(&resolve->wait);
	return 0;
}

/***
 Starts to look up the addresses of a name.
 @function core.resolve.start
 @param name string a host name or an IP address
 @return userdata an operation, or nil, message, code
*/
static int resolve_start(lua_State *L)
{
	const char *name = host_checkcstr(L, 1);
	struct resolve *resolve = host_newuserdata(L, sizeof *resolve, TYPE);
	resolve->wait.cancel = cancel;
	size_t size = strlen(name) + 1;
	if (size > sizeof resolve->job->name)
		return host_fail(L, "ENAME", "the name is too long");
	resolve->job = calloc(1, sizeof *resolve->job);
	if (!resolve->job)
		return luaL_error(L, "not enough memory");
	resolve->job->owner = resolve;
	memcpy(resolve->job->name, name, size);
	int error = loop_work(host_of(L)->loop, work, done, resolve->job);
	if (error) {
		free_job(resolve->job);
		resolve->job = NULL;
		return host_fail_errno(L, "cannot look up a name", error);
	}
	return 1;
}

/***
 Returns what was found.
 @function resolution:result
 @return string[] addresses, best first, or nil, message, code
*/
static int resolve_result(lua_State *L)
{
	struct resolve *resolve = luaL_checkudata(L, 1, TYPE);
	luaL_argcheck(L, resolve->job && resolve->job->done, 1, "there is no result");
	if (resolve->job->error)
		return host_fail(L, "ENAME", "%s", gai_strerror(resolve->job->error));
	lua_Integer count = 0;
	lua_newtable(L);
	for (const struct addrinfo *at = resolve->job->found; at; at = at->ai_next) {
		char text[64];
		if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, NULL, 0,
				NI_NUMERICHOST) != 0)
			continue;
		lua_pushstring(L, text);
		lua_rawseti(L, -2, ++count);
	}
	return 1;
}

static const luaL_Reg methods[] = { { "result", resolve_result }, { NULL, NULL } };
static const luaL_Reg functions[] = { { "start", resolve_start }, { NULL, NULL } };

int luaopen_o2x_core_resolve(lua_State *L)
{
	host_newop_type(L, TYPE, methods, resolve_gc);
	luaL_newlib(L, functions);
	return 1;
}
