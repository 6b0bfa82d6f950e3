/*
** net.c: TCP connections that we open. Each call does what can be done at once, or says what to
** wait for.
*/
#include "net.h"
#include "host.h"
#include "tls.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_READ 65536

struct net *net_check(lua_State *L, int index)
{
	struct net *net = luaL_checkudata(L, index, NET_TYPE);
	luaL_argcheck(L, net->fd >= 0, index, "the connection is closed");
	return net;
}

static const char *errno_code(int error)
{
	switch (error) {
	case ECONNREFUSED: return "ECONNREFUSED";
	case ECONNRESET:
	case EPIPE: return "ECONNRESET";
	case EHOSTUNREACH:
	case ENETUNREACH: return "EHOSTUNREACH";
	case ETIMEDOUT: return "ETIMEDOUT";
	default: return "EIO";
	}
}

static long failed(struct net *net, int error)
{
	return io_fail(&net->failure, errno_code(error), "%s", strerror(error));
}

static void shut(struct net *net)
{
	if (net->tls)
		tls_free(net->tls);
	net->tls = NULL;
	if (net->fd > 0)
		close(net->fd);
	net->fd = -1;
}

/***
 Closes the connection. Idempotent.
 @function connection:close
*/
static int net_close(lua_State *L)
{
	shut(luaL_checkudata(L, 1, NET_TYPE));
	return 0;
}

/***
 Starts to connect.
 @function core.net.connect
 @param address string an IP address, not a name
 @param port integer
 @return userdata a connection: wait for "w", then ask connected(); or nil, message, code
*/
static int net_connect(lua_State *L)
{
	const char *address = host_checkcstr(L, 1);
	char port[8];
	snprintf(port, sizeof port, "%d", (int)host_checkrange(L, 2, 1, 65535));
	struct net *net = host_newuserdata(L, sizeof *net, NET_TYPE);
	net->fd = -1;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	if (getaddrinfo(address, port, &hints, &found) != 0)
		return host_fail(L, "EINVAL", "not an IP address: %s", address);
	net->fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = net->fd < 0 ? errno : 0;
	if (!error && connect(net->fd, found->ai_addr, found->ai_addrlen) != 0)
		error = errno == EINPROGRESS ? 0 : errno;
	freeaddrinfo(found);
	if (error)
		return host_fail(L, errno_code(error), "%s", strerror(error));
	int on = 1;
	setsockopt(net->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(net->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	return 1;
}

/***
 Is it connected? Call it once the descriptor is writable.
 @function connection:connected
 @return boolean true, or nil, message, code
*/
static int net_connected(lua_State *L)
{
	struct net *net = net_check(L, 1);
	int error = 0;
	socklen_t size = sizeof error;
	if (getsockopt(net->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error)
		return io_answer(L, &net->failure, failed(net, error));
	lua_pushboolean(L, true);
	return 1;
}

/***
 Returns the descriptor to wait for.
 @function connection:fd
 @return integer
*/
static int net_fd(lua_State *L)
{
	lua_pushinteger(L, net_check(L, 1)->fd);
	return 1;
}

/***
 Prepares TLS on the connection. The handshake follows.
 @function connection:tls
 @param host string whom the server's certificate must name: a host name or an IP address
 @param ca_file string? authorities to trust; default: the system's
 @return boolean true; or nil, message, code, and the connection is closed
*/
static int net_tls(lua_State *L)
{
	struct net *net = net_check(L, 1);
	luaL_argcheck(L, !net->tls, 1, "the connection uses TLS already");
	const char *ca_file = lua_isnoneornil(L, 3) ? NULL : host_checkcstr(L, 3);
	net->tls = tls_new(net->fd, host_checkcstr(L, 2), ca_file, &net->failure);
	if (!net->tls) {
		shut(net); /* or the caller might go on in plain text */
		return io_answer(L, &net->failure, IO_FAILED);
	}
	lua_pushboolean(L, true);
	return 1;
}

/***
 One step of the TLS handshake.
 @function connection:handshake
 @return boolean true when done; false and "r" or "w" to wait for; or nil, message, code
*/
static int net_handshake(lua_State *L)
{
	struct net *net = net_check(L, 1);
	luaL_argcheck(L, net->tls, 1, "the connection does not use TLS");
	long done = tls_handshake(net->tls);
	if (done != 0)
		return io_answer(L, &net->failure, done);
	lua_pushboolean(L, true);
	return 1;
}

long net_read(struct net *net, char *bytes, size_t size)
{
	if (net->tls)
		return tls_read(net->tls, bytes, size);
	ssize_t got;
	do
		got = recv(net->fd, bytes, size, 0);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	return errno == EAGAIN ? IO_WANT_READ : failed(net, errno);
}

long net_write(struct net *net, const char *bytes, size_t length)
{
	if (net->tls)
		return tls_write(net->tls, bytes, length);
	ssize_t put;
	do
		put = send(net->fd, bytes, length, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put >= 0)
		return put;
	return errno == EAGAIN ? IO_WANT_WRITE : failed(net, errno);
}

/***
 Reads what has arrived.
 @function connection:read
 @return string bytes, "" at the end; false and "r" or "w" to wait for; or nil, message, code
*/
static int net_lread(lua_State *L)
{
	struct net *net = net_check(L, 1);
	luaL_Buffer buffer;
	char *bytes = luaL_buffinitsize(L, &buffer, MAX_READ);
	long got = net_read(net, bytes, MAX_READ);
	luaL_pushresultsize(&buffer, got > 0 ? (size_t)got : 0);
	return got >= 0 ? 1 : io_answer(L, &net->failure, got);
}

/***
 Writes as much as the system accepts now.
 @function connection:write
 @param bytes string
 @param from integer? position of the first byte to write
 @return integer position of the next byte; false and "r" or "w" to wait for; or nil, message, code
*/
static int net_lwrite(lua_State *L)
{
	struct net *net = net_check(L, 1);
	size_t length;
	const char *bytes = luaL_checklstring(L, 2, &length);
	lua_Integer from = luaL_optinteger(L, 3, 1);
	luaL_argcheck(L, from >= 1 && from <= (lua_Integer)length + 1, 3, "out of range");
	size_t left = length - (size_t)(from - 1);
	long put = left > 0 ? net_write(net, bytes + from - 1, left) : 0;
	if (put < 0)
		return io_answer(L, &net->failure, put);
	lua_pushinteger(L, from + put);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "connected", net_connected }, { "fd", net_fd },      { "tls", net_tls },
	{ "handshake", net_handshake }, { "read", net_lread }, { "write", net_lwrite },
	{ "close", net_close },         { NULL, NULL },
};

static const luaL_Reg functions[] = { { "connect", net_connect }, { NULL, NULL } };

int luaopen_o2x_core_net(lua_State *L)
{
	host_newtype(L, NET_TYPE, methods, net_close);
	luaL_newlib(L, functions);
	return 1;
}
