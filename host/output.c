/*
** output.c: writes to standard output and standard error, and says when that fails. Not by stdio,
** which drops what a non-blocking descriptor does not take at once.
*/
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { PATIENCE = 300 * 1000 }; /* ms that a reader may pause */

/* Waits until a non-blocking descriptor takes more. -> 0 or an errno */
static int wait_writable(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	int found = poll(&ready, 1, PATIENCE);
	if (found < 0 && errno != EINTR)
		return errno;
	return found == 0 ? ETIMEDOUT : 0;
}

/* -> 0 or an errno */
static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written >= 0) {
			bytes += written;
			length -= (size_t)written;
			continue;
		}
		int error = errno == EAGAIN ? wait_writable(fd) : errno == EINTR ? 0 : errno;
		if (error)
			return error;
	}
	return 0;
}

/***
 Writes bytes, all of them.
 @function core.output.write
 @param fd integer 1 or 2
 @param bytes string
 @return true, or nil, message, code
*/
static int output_write(lua_State *L)
{
	int fd = (int)host_checkrange(L, 1, 1, 2);
	size_t length;
	const char *bytes = luaL_checklstring(L, 2, &length);
	int error = write_all(fd, bytes, length);
	if (error)
		return host_fail_errno(L, fd == 1 ? "standard output" : "standard error", error);
	lua_pushboolean(L, true);
	return 1;
}

static const luaL_Reg functions[] = { { "write", output_write }, { NULL, NULL } };

int luaopen_o2x_core_output(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
