/*
** listen.c: servers on TCP ports and on sockets in the file system, for the lab's servers that do
** not speak HTTP. Each call does what can be done at once, or fails with EAGAIN.
*/
#include "host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENER "o2x.listen"
#define CONNECTION "o2x.listen.connection"
#define MAX_READ 65536
#define BACKLOG 64

/* A listener and a connection are each one descriptor; -1: closed. */
struct endpoint {
	int fd;
};

/***
 Closes the connection, or stops listening. Idempotent.
 @function connection:close
 @function listener:close
*/
static int endpoint_gc(lua_State *L)
{
	struct endpoint *endpoint = lua_touserdata(L, 1);
	if (endpoint->fd >= 0)
		close(endpoint->fd);
	endpoint->fd = -1;
	return 0;
}

static int check(lua_State *L, const char *type)
{
	struct endpoint *endpoint = luaL_checkudata(L, 1, type);
	luaL_argcheck(L, endpoint->fd >= 0, 1, "it is closed");
	return endpoint->fd;
}

static struct endpoint *new_endpoint(lua_State *L, const char *type)
{
	struct endpoint *endpoint = host_newuserdata(L, sizeof *endpoint, type);
	endpoint->fd = -1;
	return endpoint;
}

/* ---- connections ---- */

/***
 Returns the descriptor to wait for.
 @function connection:fd
 @return integer
*/
static int connection_fd(lua_State *L)
{
	lua_pushinteger(L, check(L, CONNECTION));
	return 1;
}

/***
 Reads what has arrived.
 @function connection:read
 @param max integer|nil largest number of bytes
 @return string|nil bytes, "" at the end; or nil, message, code ("EAGAIN": nothing there yet)
*/
static int connection_read(lua_State *L)
{
	int fd = check(L, CONNECTION);
	size_t max = lua_isnoneornil(L, 2) ? MAX_READ : (size_t)host_checkrange(L, 2, 1, MAX_READ);
	luaL_Buffer buffer;
	char *bytes = luaL_buffinitsize(L, &buffer, max);
	ssize_t n = recv(fd, bytes, max, 0);
	if (n < 0)
		return host_fail_errno(L, "read", errno);
	luaL_pushresultsize(&buffer, (size_t)n);
	return 1;
}

/***
 Writes as much as the system accepts now.
 @function connection:write
 @param bytes string
 @param from integer|nil index of the first byte to write; default 1
 @return integer|nil bytes taken; or nil, message, code ("EAGAIN": wait until it is writable)
*/
static int connection_write(lua_State *L)
{
	int fd = check(L, CONNECTION);
	size_t size;
	const char *bytes = luaL_checklstring(L, 2, &size);
	lua_Integer from =
		lua_isnoneornil(L, 3) ? 1 : host_checkrange(L, 3, 1, (lua_Integer)size + 1);
	size_t skip = (size_t)from - 1;
	ssize_t n = send(fd, bytes + skip, size - skip, MSG_NOSIGNAL);
	if (n < 0)
		return host_fail_errno(L, "write", errno);
	lua_pushinteger(L, (lua_Integer)n);
	return 1;
}

static const luaL_Reg connection_methods[] = {
	{ "fd", connection_fd },
	{ "read", connection_read },
	{ "write", connection_write },
	{ "close", endpoint_gc },
	{ NULL, NULL },
};

/* ---- listeners ---- */

/***
 Returns the descriptor to wait for.
 @function listener:fd
 @return integer
*/
static int listener_fd(lua_State *L)
{
	lua_pushinteger(L, check(L, LISTENER));
	return 1;
}

/***
 Returns the bound port.
 @function listener:port
 @return integer
*/
static int listener_port(lua_State *L)
{
	struct sockaddr_in address = { 0 };
	socklen_t length = sizeof address;
	if (getsockname(check(L, LISTENER), (struct sockaddr *)&address, &length) != 0)
		return host_fail_errno(L, "getsockname", errno);
	lua_pushinteger(L, ntohs(address.sin_port));
	return 1;
}

/***
 Accepts one connection.
 @function listener:accept
 @return userdata|nil the connection; or nil, message, code ("EAGAIN": none there)
*/
static int listener_accept(lua_State *L)
{
	int fd = check(L, LISTENER), on = 1;
	struct endpoint *connection = new_endpoint(L, CONNECTION);
	connection->fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (connection->fd < 0)
		return host_fail_errno(L, "accept", errno);
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return 1;
}

static const luaL_Reg listener_methods[] = {
	{ "fd", listener_fd },
	{ "port", listener_port },
	{ "accept", listener_accept },
	{ "close", endpoint_gc },
	{ NULL, NULL },
};

static int listen_on(lua_State *L, const struct sockaddr *address, socklen_t length)
{
	int on = 1;
	struct endpoint *listener = new_endpoint(L, LISTENER);
	listener->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return host_fail_errno(L, "socket", errno);
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener->fd, address, length) != 0 || listen(listener->fd, BACKLOG) != 0)
		return host_fail_errno(L, "listen", errno);
	return 1;
}

/***
 Listens on a TCP port.
 @function core.listen.open
 @param host string IPv4 address
 @param port integer 0 for any free one
 @return userdata|nil the listener; or nil, message, code
*/
static int listen_open(lua_State *L)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int valid = inet_pton(AF_INET, host_checkcstr(L, 1), &address.sin_addr) == 1;
	luaL_argcheck(L, valid, 1, "IPv4 address expected");
	address.sin_port = htons((uint16_t)host_checkrange(L, 2, 0, 65535));
	return listen_on(L, (const struct sockaddr *)&address, sizeof address);
}

/***
 Listens on a socket in the file system, in the place of one that an earlier process left.
 @function core.listen.open_path
 @param path string
 @return userdata|nil the listener; or nil, message, code
*/
static int listen_open_path(lua_State *L)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = host_checkcstr(L, 1);
	size_t length = strlen(path);
	if (length >= sizeof address.sun_path)
		return host_fail_errno(L, "listen", ENAMETOOLONG);
	memcpy(address.sun_path, path, length + 1);
	unlink(path);
	return listen_on(L, (const struct sockaddr *)&address, sizeof address);
}

static const luaL_Reg functions[] = {
	{ "open", listen_open },
	{ "open_path", listen_open_path },
	{ NULL, NULL },
};

int luaopen_o2x_core_listen(lua_State *L)
{
	host_newtype(L, CONNECTION, connection_methods, endpoint_gc);
	host_newtype(L, LISTENER, listener_methods, endpoint_gc);
	luaL_newlib(L, functions);
	return 1;
}
