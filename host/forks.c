/*
** forks.c: a process that has loaded everything and forks for each piece of work, so that a piece
** costs a fork instead of a start. For o2x prove, which runs a runbook thousands of times. The
** process does nothing else: it has no thread and nothing in its loop, and its calls here block.
*/
#include "host.h"
#include "http.h"
#include "libcrypto.h"
#include "libpq.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { LONGEST = 64 << 20 };

/***
 Opens a channel between two processes that are about to be one and its fork.
 @function core.forks.channel
 @return integer end of the one, or nil, message, code
 @return integer end of the other
*/
static int forks_channel(lua_State *L)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return host_fail_errno(L, "socketpair", errno);
	lua_pushinteger(L, pair[0]);
	lua_pushinteger(L, pair[1]);
	return 2;
}

/* Of LAZY in one file each; a fork loads what is left when it needs it. */
const char *cares_load(void), *cjson_load(void), *hiredis_load(void), *zlib_load(void);

/***
 Loads the libraries that the clients would load at their first use: every fork has them then. Without
 one of them a fork says so itself when it needs it.
 @function core.forks.load_libraries
*/
static int forks_load_libraries(lua_State *L)
{
	(void)L;
	client_prepare();
	libcrypto_load();
	libpq_load();
	cares_load();
	cjson_load();
	hiredis_load();
	zlib_load();
	return 0;
}

/***
 Forks. The new process has a loop of its own, leads a process group, ends with this one, and gives no
 memory back: to touch a page is to copy it.
 @function core.forks.fork
 @return integer 0 in the new process, its id in the old one; or nil, message, code
*/
static int forks_fork(lua_State *L)
{
	struct host *host = host_of(L);
	if (loop_pending(host->loop) > 0)
		return luaL_error(L, "fork: somebody waits for the loop");
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return host_fail_errno(L, "fork", errno);
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		loop_forked(host->loop);
		host->forked = true;
	}
	lua_pushinteger(L, pid);
	return 1;
}

static bool transfer(int fd, char *bytes, size_t length, bool writes)
{
	while (length > 0) {
		ssize_t n =
			writes ? send(fd, bytes, length, MSG_NOSIGNAL) : recv(fd, bytes, length, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) { /* the loop has set it so */
			struct pollfd ready = { fd, writes ? POLLOUT : POLLIN, 0 };
			poll(&ready, 1, -1);
			continue;
		}
		if (n <= 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

/***
 Sends a message by a channel.
 @function core.forks.send
 @param fd integer
 @param text string
 @return boolean false: nobody is at the other end
*/
static int forks_send(lua_State *L)
{
	int fd = (int)host_checkrange(L, 1, 0, INT32_MAX);
	size_t length;
	const char *text = luaL_checklstring(L, 2, &length);
	luaL_argcheck(L, length <= LONGEST, 2, "too long");
	uint32_t head = (uint32_t)length;
	lua_pushboolean(L, transfer(fd, (char *)&head, sizeof head, true) &&
				   transfer(fd, (char *)(uintptr_t)text, length, true));
	return 1;
}

/***
 Waits for a message, without the loop.
 @function core.forks.receive
 @param fd integer
 @return string? nil: nobody is at the other end
*/
static int forks_receive(lua_State *L)
{
	int fd = (int)host_checkrange(L, 1, 0, INT32_MAX);
	uint32_t length;
	luaL_Buffer buffer;
	if (!transfer(fd, (char *)&length, sizeof length, false) || length > LONGEST)
		return 0;
	char *bytes = luaL_buffinitsize(L, &buffer, length);
	if (!transfer(fd, bytes, length, false))
		return 0;
	luaL_pushresultsize(&buffer, length);
	return 1;
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/***
 Waits until a fork ends, without the loop.
 @function core.forks.wait
 @param pid integer
 @return integer? code nil if a signal ended it
 @return integer? signal
 @return number seconds of CPU time, with those of its own children
*/
static int forks_wait(lua_State *L)
{
	pid_t pid = (pid_t)host_checkrange(L, 1, 1, INT32_MAX);
	struct rusage used;
	int status;
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			return host_fail_errno(L, "wait", errno);
	if (WIFEXITED(status))
		lua_pushinteger(L, WEXITSTATUS(status));
	else
		lua_pushnil(L);
	if (WIFSIGNALED(status))
		lua_pushinteger(L, WTERMSIG(status));
	else
		lua_pushnil(L);
	lua_pushnumber(L, seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
	return 3;
}

/***
 Takes in what ended processes leave behind from now on, and waits for it with orphans.
 @function core.forks.adopt
*/
static int forks_adopt(lua_State *L)
{
	(void)L;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

/***
 Waits until no process is left that an ended fork started.
 @function core.forks.orphans
 @param seconds number at most
 @return boolean whether none is left
 @return integer how many ended meanwhile
*/
static int forks_orphans(lua_State *L)
{
	double end = loop_now() + luaL_checknumber(L, 1);
	struct timespec pause = { 0, 2000000 };
	int count = 0;
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid > 0)
			count++;
		else if (pid < 0 || loop_now() > end)
			break;
		else
			nanosleep(&pause, NULL);
	}
	lua_pushboolean(L, waitpid(-1, NULL, WNOHANG) < 0);
	lua_pushinteger(L, count);
	return 2;
}

/***
 Sends a signal to a process, or to a group.
 @function core.forks.kill
 @param pid integer negative: of the group
 @param signal integer
*/
static int forks_kill(lua_State *L)
{
	kill((pid_t)luaL_checkinteger(L, 1), (int)host_checkrange(L, 2, 0, 64));
	return 0;
}

/***
 Gives this process another environment, standard input from nowhere, and both outputs into files.
 @function core.forks.dress
 @param environment string[] "NAME=value"
 @param out string path of a new file
 @param err string path of a new file
 @return true, or nil, message, code
*/
static int forks_dress(lua_State *L)
{
	const char *paths[] = { "/dev/null", host_checkcstr(L, 2), host_checkcstr(L, 3) };
	luaL_checktype(L, 1, LUA_TTABLE);
	clearenv();
	for (lua_Integer i = 1; lua_geti(L, 1, i) == LUA_TSTRING; i++) {
		char *copy = strdup(lua_tostring(L, -1)); /* putenv keeps it */
		if (!copy || putenv(copy) != 0)
			return luaL_error(L, "not enough memory");
		lua_pop(L, 1);
	}
	for (int fd = 0; fd < 3; fd++) {
		int flags = fd == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
		int file = open(paths[fd], flags | O_CLOEXEC, 0600);
		if (file < 0 || dup2(file, fd) < 0)
			return host_fail_errno(L, paths[fd], errno);
		if (file != fd)
			close(file);
	}
	lua_pushboolean(L, true);
	return 1;
}

/***
 Closes a descriptor of a channel.
 @function core.forks.close
 @param fd integer
*/
static int forks_close(lua_State *L)
{
	close((int)host_checkrange(L, 1, 3, INT32_MAX));
	return 0;
}

/***
 Lets time pass so many times as fast in this process, for all waits and for now.
 @function core.forks.hasten
 @param times number
*/
static int forks_hasten(lua_State *L)
{
	loop_hasten(luaL_checknumber(L, 1));
	return 0;
}

static const luaL_Reg functions[] = {
	{ "channel", forks_channel },
	{ "fork", forks_fork },
	{ "send", forks_send },
	{ "receive", forks_receive },
	{ "wait", forks_wait },
	{ "adopt", forks_adopt },
	{ "orphans", forks_orphans },
	{ "kill", forks_kill },
	{ "dress", forks_dress },
	{ "close", forks_close },
	{ "hasten", forks_hasten },
	{ "load_libraries", forks_load_libraries },
	{ NULL, NULL },
};

int luaopen_o2x_core_forks(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
