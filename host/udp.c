/*
** udp.c: UDP server sockets, for the lab's name server. Each call does what can be done at once, or
** fails with EAGAIN.
*/
#include "host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TYPE "o2x.udp"
#define MAX_DATAGRAM 65535

struct udp {
	int fd; /* -1: closed */
};

/***
 Closes the socket. Idempotent.
 @function udp:close
*/
static int udp_gc(lua_State *L)
{
	struct udp *udp = lua_touserdata(L, 1);
	if (udp->fd >= 0)
		close(udp->fd);
	udp->fd = -1;
	return 0;
}

static struct udp *check(lua_State *L)
{
	struct udp *udp = luaL_checkudata(L, 1, TYPE);
	luaL_argcheck(L, udp->fd >= 0, 1, "the socket is closed");
	return udp;
}

/***
 Returns the descriptor to wait for.
 @function udp:fd
 @return integer
*/
static int udp_fd(lua_State *L)
{
	lua_pushinteger(L, check(L)->fd);
	return 1;
}

/***
 Returns the bound port.
 @function udp:port
 @return integer
*/
static int udp_port(lua_State *L)
{
	struct sockaddr_in address = { 0 };
	socklen_t length = sizeof address;
	if (getsockname(check(L)->fd, (struct sockaddr *)&address, &length) != 0)
		return host_fail_errno(L, "getsockname", errno);
	lua_pushinteger(L, ntohs(address.sin_port));
	return 1;
}

/***
 Receives one datagram.
 @function udp:receive
 @return string|nil its bytes; or nil, message, code ("EAGAIN": none there)
 @return string its sender, for send
*/
static int udp_receive(lua_State *L)
{
	struct udp *udp = check(L);
	struct sockaddr_in from = { 0 };
	socklen_t length = sizeof from;
	luaL_Buffer buffer;
	char *bytes = luaL_buffinitsize(L, &buffer, MAX_DATAGRAM);
	ssize_t n = recvfrom(udp->fd, bytes, MAX_DATAGRAM, 0, (struct sockaddr *)&from, &length);
	if (n < 0)
		return host_fail_errno(L, "receive", errno);
	luaL_pushresultsize(&buffer, (size_t)n);
	lua_pushlstring(L, (const char *)&from, sizeof from);
	return 2;
}

/***
 Sends one datagram.
 @function udp:send
 @param bytes string
 @param to string as returned by receive
 @return boolean true, or nil, message, code
*/
static int udp_send(lua_State *L)
{
	struct udp *udp = check(L);
	size_t size, to_size;
	const char *bytes = luaL_checklstring(L, 2, &size);
	const char *to = luaL_checklstring(L, 3, &to_size);
	struct sockaddr_in address;
	luaL_argcheck(L, to_size == sizeof address, 3, "an address from receive expected");
	memcpy(&address, to, sizeof address);
	if (sendto(udp->fd, bytes, size, 0, (const struct sockaddr *)&address, sizeof address) < 0)
		return host_fail_errno(L, "send", errno);
	lua_pushboolean(L, 1);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "fd", udp_fd },     { "port", udp_port }, { "receive", udp_receive },
	{ "send", udp_send }, { "close", udp_gc },  { NULL, NULL },
};

/***
 Binds a UDP socket.
 @function core.udp.bind
 @param host string IPv4 address
 @param port integer 0 for any free one
 @return userdata|nil the socket; or nil, message, code
*/
static int udp_bind(lua_State *L)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int valid = inet_pton(AF_INET, host_checkcstr(L, 1), &address.sin_addr) == 1;
	luaL_argcheck(L, valid, 1, "IPv4 address expected");
	address.sin_port = htons((uint16_t)host_checkrange(L, 2, 0, 65535));
	struct udp *udp = host_newuserdata(L, sizeof *udp, TYPE);
	udp->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (udp->fd < 0)
		return host_fail_errno(L, "socket", errno);
	if (bind(udp->fd, (const struct sockaddr *)&address, sizeof address) != 0)
		return host_fail_errno(L, "bind", errno);
	return 1;
}

static const luaL_Reg functions[] = { { "bind", udp_bind }, { NULL, NULL } };

int luaopen_o2x_core_udp(lua_State *L)
{
	host_newtype(L, TYPE, methods, udp_gc);
	luaL_newlib(L, functions);
	return 1;
}
