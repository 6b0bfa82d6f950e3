/*
** subprocess.c: child processes for Lua, started from an argument array, never by a shell. What a
** child is, and how it ends: child.h.
*/
#include "child.h"
#include "host.h"
#include "secret.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHILD "o2x.subprocess"
#define CHUNK 65536
#define WORDS_MAX 4096

static int again(lua_State *L)
{
	lua_pushnil(L);
	lua_pushliteral(L, "again");
	return 2;
}

/* ---- starting one ---- */

/*
** Pushes a userdata with the strings of an array as a NULL-terminated vector. The table owns the
** strings.
*/
static char **check_vector(lua_State *L, const char *field)
{
	lua_Integer n;
	char **v;

	if (lua_getfield(L, 1, field) != LUA_TTABLE)
		luaL_error(L, "%s: array expected", field);
	n = luaL_len(L, -1);
	if (n > WORDS_MAX)
		luaL_error(L, "%s: more than %d words", field, WORDS_MAX);
	v = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *v, 0);
	for (lua_Integer i = 1; i <= n; i++) {
		size_t len;

		if (lua_geti(L, -2, i) != LUA_TSTRING)
			luaL_error(L, "%s[%d]: string expected, got %s", field, (int)i,
				   luaL_typename(L, -1));
		v[i - 1] = (char *)(uintptr_t)lua_tolstring(L, -1, &len);
		if (strlen(v[i - 1]) != len)
			luaL_error(L, "%s[%d]: has a NUL byte", field, (int)i);
		lua_pop(L, 1);
	}
	v[n] = NULL;
	return v;
}

/* Left on the stack, which keeps it alive. */
static const char *opt_field(lua_State *L, const char *name)
{
	return lua_getfield(L, 1, name) == LUA_TNIL ? NULL : host_checkcstr(L, -1);
}

static bool opt_flag(lua_State *L, const char *name)
{
	lua_getfield(L, 1, name);
	return lua_toboolean(L, -1);
}

/***
 Starts a program. It runs in its own process group and dies with this process, unless detached.
 @function core.subprocess.spawn
 @param options table `path` (absolute), `argv`, `env` ("NAME=value" words: nothing is inherited),
 `cwd`, `feed` (true: its input is a pipe; else empty), `log` (file that takes both outputs; else
 pipes), `detached` (true: a session of its own, outlives us)
 @return child, or nil, message, code
*/
static int subprocess_spawn(lua_State *L)
{
	struct child_options o = { 0 };
	struct child *c;
	const char *wrong;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	c = host_newuserdata(L, sizeof *c, CHILD);
	*c = CHILD_EMPTY;
	o.argv = check_vector(L, "argv");
	o.env = check_vector(L, "env");
	o.path = opt_field(L, "path");
	o.cwd = opt_field(L, "cwd");
	o.log = opt_field(L, "log");
	o.feed = opt_flag(L, "feed");
	o.detached = opt_flag(L, "detached");
	luaL_argcheck(L, o.path && o.argv[0], 1, "path and argv are needed");
	wrong = child_spawn(c, &o);
	if (wrong)
		return host_fail_errno(L, wrong, errno);
	lua_settop(L, 2);
	return 1;
}

static bool is_program(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0;
}

/***
Looks up a program in PATH (absolute entries only).
@function core.subprocess.which
@param name string a name, or a path with a slash
@return string the path, or nil
*/
static int subprocess_which(lua_State *L)
{
	const char *name = host_checkcstr(L, 1), *path = getenv("PATH");
	char file[PATH_MAX];

	if (strchr(name, '/')) {
		lua_pushstring(L, is_program(name) ? name : NULL);
		return 1;
	}
	while (*name && path && *path) {
		int len = (int)strcspn(path, ":");
		int n = snprintf(file, sizeof file, "%.*s/%s", len, path, name);

		if (*path == '/' && n < PATH_MAX && is_program(file)) {
			lua_pushstring(L, file);
			return 1;
		}
		path += path[len] ? len + 1 : len;
	}
	lua_pushnil(L);
	return 1;
}

/* ---- methods of a child ---- */

static struct child *check_child(lua_State *L)
{
	return luaL_checkudata(L, 1, CHILD);
}

static int *check_fd(lua_State *L, struct child *c)
{
	static const char *const names[] = { "stdin", "stdout", "stderr", "exit", NULL };
	int i = luaL_checkoption(L, 2, NULL, names);

	return i < CHILD_STREAMS ? &c->fd[i] : &c->pidfd;
}

/***
Returns the descriptor to wait for: that of a stream, or ("exit") the one that is readable once the
child has ended.
@function child:fd
@param which string "stdin", "stdout", "stderr" or "exit"
@return integer, or nil when closed
*/
static int child_fd(lua_State *L)
{
	int *fd = check_fd(L, check_child(L));

	if (*fd >= 0)
		lua_pushinteger(L, *fd);
	else
		lua_pushnil(L);
	return 1;
}

/***
Reads what has arrived.
@function child:read
@param stream string "stdout" or "stderr"
@return string ("" at the end), or nil, "again", or nil, message, code
*/
static int child_read(lua_State *L)
{
	int *fd = check_fd(L, check_child(L));
	luaL_Buffer b;
	char *to;
	ssize_t n;

	if (*fd < 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	to = luaL_buffinitsize(L, &b, CHUNK);
	do
		n = read(*fd, to, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? again(L) : host_fail_errno(L, "read", errno);
	if (n == 0)
		child_shut(fd);
	luaL_pushresultsize(&b, (size_t)n);
	return 1;
}

/***
Writes to the child's stdin, starting at byte from. If the child no longer reads, the rest counts
as written; that is no error.
@function child:write
@param data string|secret what to write
@param from integer the first byte to write, from 1
@return integer the next byte to write, and whether that was all; or nil, "again"; or nil, message
*/
static int child_write(lua_State *L)
{
	struct child *c = check_child(L);
	size_t len;
	const char *data = secret_checkbytes(L, 2, &len);
	lua_Integer from = host_checkrange(L, 3, 1, (lua_Integer)len + 1);
	ssize_t n;

	do
		n = write(c->fd[CHILD_IN], data + from - 1, len + 1 - (size_t)from);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EPIPE || c->fd[CHILD_IN] < 0))
		n = (ssize_t)len + 1 - (ssize_t)from;
	if (n < 0)
		return errno == EAGAIN ? again(L) : host_fail_errno(L, "write", errno);
	lua_pushinteger(L, from + n);
	lua_pushboolean(L, from + n == (lua_Integer)len + 1);
	return 2;
}

/***
Closes the child's stdin.
@function child:finish_input
*/
static int child_finish_input(lua_State *L)
{
	child_shut(&check_child(L)->fd[CHILD_IN]);
	return 0;
}

/***
Returns whether and how the child ended.
@function child:status
@return boolean whether it has ended; then its exit code or nil, and the signal that ended it or nil
*/
static int child_status(lua_State *L)
{
	struct child *c = check_child(L);

	child_reap(c);
	lua_pushboolean(L, c->reaped);
	if (!c->reaped)
		return 1;
	if (c->signal) {
		lua_pushnil(L);
		lua_pushinteger(L, c->signal);
	} else {
		lua_pushinteger(L, c->code);
		lua_pushnil(L);
	}
	return 3;
}

/***
Sends a signal to the child's process group, unless it has ended.
@function child:kill
@param signal integer the signal's number
*/
static int child_kill(lua_State *L)
{
	struct child *c = check_child(L);
	int sig = (int)host_checkrange(L, 2, 1, NSIG - 1);

	if (c->pid)
		kill(-c->pid, sig);
	return 0;
}

/***
Returns the process id, also after its end (for messages).
@function child:pid
@return integer
*/
static int child_pid(lua_State *L)
{
	lua_pushinteger(L, check_child(L)->shown);
	return 1;
}

/***
Releases the child. One that is not detached is killed with its group. Idempotent.
@function child:close
*/
static int child_close(lua_State *L)
{
	child_release(check_child(L));
	return 0;
}

static const luaL_Reg child_methods[] = {
	{ "fd", child_fd },
	{ "read", child_read },
	{ "write", child_write },
	{ "finish_input", child_finish_input },
	{ "status", child_status },
	{ "kill", child_kill },
	{ "pid", child_pid },
	{ "close", child_close },
	{ NULL, NULL },
};

/***
 Lets the children that are started from now on live on when this process is killed. For o2x prove.
 @function core.subprocess.outlive
*/
static int subprocess_outlive(lua_State *L)
{
	(void)L;
	child_outlive();
	return 0;
}

static const luaL_Reg functions[] = {
	{ "spawn", subprocess_spawn },
	{ "outlive", subprocess_outlive },
	{ "which", subprocess_which },
	{ NULL, NULL },
};

int luaopen_o2x_core_subprocess(lua_State *L)
{
	host_newtype(L, CHILD, child_methods, child_close);
	luaL_newlib(L, functions);
	return 1;
}
