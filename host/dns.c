/*
** dns.c: DNS queries, by c-ares, which does the transport: retries, TCP after a truncated answer. It
** drops what does not come from the server's address and port, has another identifier, or answers
** another question. The identifier is random for each query, and so is the port, because each query
** has a socket of its own. Lua gets the raw answer, which dnsmsg.c parses. Each query has a
** channel of its own, because it has its own servers, flags and timeout.
*/
#include "host.h"
#include "lazy.h"
#include "loop.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <ares.h>

#define CARES(X) \
	X(ares_library_init) \
	X(ares_init_options) \
	X(ares_set_servers_ports_csv) \
	X(ares_destroy) \
	X(ares_send) \
	X(ares_getaddrinfo) \
	X(ares_create_query) \
	X(ares_timeout) \
	X(ares_process_fd) \
	X(ares_free_string) \
	X(ares_freeaddrinfo) \
	X(ares_strerror)
LAZY(cares, "libcares.so.2", CARES)

#define TYPE "o2x.dns.lookup"
#define MAX_SOCKETS 16
#define MAX_ECHOES 16
#define CLASS_IN 1
#define UDP_SIZE 1232 /* what DNS Flag Day 2020 recommends: no fragments on any usual path */

struct lookup;

struct socket {
	struct lookup *owner;
	ares_socket_t fd;
	struct loop_watch *watch;
};

struct lookup {
	struct wait wait; /* first: see host.h */
	struct loop *loop;
	ares_channel channel;
	struct loop_timer *timer;
	struct socket sockets[MAX_SOCKETS];
	bool closing, done;
	int status;
	unsigned char *query, *answer;
	int query_length, length;
	int echoes; /* queries that came back as if they were answers */
	struct ares_addrinfo *addresses;
};

/* ---- c-ares on the loop ---- */

static void rearm(struct lookup *lookup)
{
	struct timeval left;
	if (lookup->done || lookup->closing || !cares.ares_timeout(lookup->channel, NULL, &left))
		loop_timer_stop(lookup->timer);
	else
		loop_timer_start(lookup->timer,
				 (uint64_t)left.tv_sec * 1000 + (uint64_t)left.tv_usec / 1000 + 1);
}

static void on_timer(void *arg)
{
	struct lookup *lookup = arg;
	cares.ares_process_fd(lookup->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	rearm(lookup);
}

static void on_socket(void *arg, int events)
{
	struct socket *socket = arg;
	struct lookup *lookup = socket->owner;
	ares_socket_t fd = socket->fd;
	cares.ares_process_fd(lookup->channel, events & LOOP_READ ? fd : ARES_SOCKET_BAD,
			      events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	rearm(lookup);
}

static struct socket *find_socket(struct lookup *lookup, ares_socket_t fd)
{
	struct socket *unused = NULL;
	for (int i = 0; i < MAX_SOCKETS; i++) {
		struct socket *socket = &lookup->sockets[i];
		if (socket->watch && socket->fd == fd)
			return socket;
		if (!socket->watch && !unused)
			unused = socket;
	}
	return unused;
}

static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct lookup *lookup = arg;
	struct socket *socket = find_socket(lookup, fd);
	int events = (readable ? LOOP_READ : 0) | (writable ? LOOP_WRITE : 0);
	if (!socket)
		return; /* too many sockets: this one times out */
	if (!socket->watch && events) {
		socket->owner = lookup;
		socket->fd = fd;
		socket->watch = loop_watch_new(lookup->loop, fd, events, on_socket, socket);
	} else if (socket->watch && events) {
		loop_watch_set(socket->watch, events);
	} else if (socket->watch) {
		loop_watch_free(socket->watch);
		socket->watch = NULL;
	}
}

static void finish(struct lookup *lookup, int status)
{
	lookup->status = status;
	lookup->done = true;
	if (!lookup->closing)
		host_wake(&lookup->wait);
}

/* Is it a query that somebody sent back? c-ares does not look. */
static bool is_echo(const unsigned char *bytes, int length)
{
	return length > 2 && !(bytes[2] & 0x80);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int length)
{
	struct lookup *lookup = arg;
	(void)timeouts;
	if (status == ARES_SUCCESS && is_echo(bytes, length)) {
		if (!lookup->closing &&
		    lookup->echoes++ < MAX_ECHOES) { /* the answer may come yet */
			cares.ares_send(lookup->channel, lookup->query, lookup->query_length,
					on_answer, lookup);
			return;
		}
		status = ARES_EBADRESP;
	}
	if (status == ARES_SUCCESS && length > 0) {
		lookup->answer = malloc((size_t)length);
		if (!lookup->answer)
			status = ARES_ENOMEM;
		else
			memcpy(lookup->answer, bytes, (size_t)length);
		lookup->length = length;
	}
	finish(lookup, status);
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *addresses)
{
	struct lookup *lookup = arg;
	(void)timeouts;
	lookup->addresses = addresses;
	finish(lookup, status);
}

/* ---- the operation ---- */

static void release(struct lookup *lookup)
{
	lookup->closing = true;
	if (lookup->channel)
		cares.ares_destroy(
			lookup->channel); /* cancels pending queries through their callbacks */
	lookup->channel = NULL;
	for (int i = 0; i < MAX_SOCKETS; i++) {
		loop_watch_free(lookup->sockets[i].watch);
		lookup->sockets[i].watch = NULL;
	}
	loop_timer_free(lookup->timer);
	lookup->timer = NULL;
	free(lookup->answer);
	lookup->answer = NULL;
	if (lookup->query)
		cares.ares_free_string(lookup->query);
	lookup->query = NULL;
	if (lookup->addresses)
		cares.ares_freeaddrinfo(lookup->addresses);
	lookup->addresses = NULL;
}

static void on_cancel(struct wait *wait)
{
	release((struct lookup *)wait);
}

static int lookup_gc(lua_State *L)
{
	release(lua_touserdata(L, 1));
	return 0;
}

static const char *code_of(int status)
{
	switch (status) {
	case ARES_ETIMEOUT: return "TIMEOUT";
	case ARES_ECONNREFUSED: return "ECONNREFUSED";
	case ARES_ENOTFOUND: return "NXDOMAIN";
	case ARES_ENODATA: return "NODATA";
	case ARES_ESERVFAIL: return "SERVFAIL";
	case ARES_EBADNAME: return "BADNAME";
	default: return "EDNS";
	}
}

static void push_address(lua_State *L, const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in *ipv4 = (const void *)address;
	const struct sockaddr_in6 *ipv6 = (const void *)address;
	const void *bytes = &ipv6->sin6_addr;
	if (address->sa_family == AF_INET)
		bytes = &ipv4->sin_addr;
	lua_pushstring(L, inet_ntop(address->sa_family, bytes, text, sizeof text));
}

static void push_addresses(lua_State *L, const struct ares_addrinfo *addresses)
{
	const struct ares_addrinfo_node *node = addresses ? addresses->nodes : NULL;
	lua_newtable(L);
	for (lua_Integer n = 1; node; node = node->ai_next, n++) {
		push_address(L, node->ai_addr);
		lua_rawseti(L, -2, n);
	}
}

/***
 Returns the result once the operation is ready.
 @function lookup:result
 @return string the raw answer (of a query), or a list of addresses; or nil, message, code
*/
static int lookup_result(lua_State *L)
{
	struct lookup *lookup = luaL_checkudata(L, 1, TYPE);
	luaL_argcheck(L, lookup->done, 1, "the lookup has not finished");
	if (lookup->status != ARES_SUCCESS)
		return host_fail(L, code_of(lookup->status), "%s",
				 cares.ares_strerror(lookup->status));
	if (lookup->answer)
		lua_pushlstring(L, (const char *)lookup->answer, (size_t)lookup->length);
	else
		push_addresses(L, lookup->addresses);
	return 1;
}

static const luaL_Reg methods[] = { { "result", lookup_result }, { NULL, NULL } };

/* Pushes an operation with an open channel; or pushes nil, message, code and returns NULL. */
static struct lookup *open_lookup(lua_State *L, const char *servers, int timeout, int tries,
				  int flags)
{
	const char *problem = cares_load();
	if (problem)
		luaL_error(L, "c-ares cannot be loaded: %s", problem);
	cares.ares_library_init(ARES_LIB_INIT_ALL); /* counts, and does it once */
	struct lookup *lookup = host_newuserdata(L, sizeof *lookup, TYPE);
	lookup->loop = host_of(L)->loop;
	lookup->wait.cancel = on_cancel;
	struct ares_options options = { .flags = flags | ARES_FLAG_NOCHECKRESP | ARES_FLAG_STAYOPEN,
					.timeout = timeout,
					.tries = tries,
					.sock_state_cb = on_socket_state,
					.sock_state_cb_data = lookup };
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	lookup->timer = loop_timer_new(lookup->loop, false, on_timer, lookup);
	int status = lookup->timer ? cares.ares_init_options(&lookup->channel, &options, mask)
				   : ARES_ENOMEM;
	if (status == ARES_SUCCESS && servers)
		status = cares.ares_set_servers_ports_csv(lookup->channel, servers);
	if (status == ARES_SUCCESS)
		return lookup;
	release(lookup);
	host_fail(L, code_of(status), "cannot use the servers %s: %s",
		  servers ? servers : "of the system", cares.ares_strerror(status));
	return NULL;
}

/***
 Queries name servers for the records of a name.
 @function core.dns.query
 @param name string as typed; no search list is applied
 @param type integer number of the record type
 @param servers string|nil "127.0.0.1:5353,192.0.2.1"; nil for the system's
 @param timeout integer milliseconds of the first try
 @param tries integer
 @param tcp boolean
 @param recurse boolean whether to ask for recursion
 @return userdata an operation; result() gives the answer's bytes
*/
static int dns_query(lua_State *L)
{
	const char *name = host_checkcstr(L, 1);
	int type = (int)host_checkrange(L, 2, 1, 65535);
	const char *servers = lua_isnoneornil(L, 3) ? NULL : host_checkcstr(L, 3);
	int timeout = (int)host_checkrange(L, 4, 1, 3600000),
	    tries = (int)host_checkrange(L, 5, 1, 10);
	int flags = lua_toboolean(L, 6) ? ARES_FLAG_USEVC : 0;
	struct lookup *lookup = open_lookup(L, servers, timeout, tries, flags);
	if (!lookup)
		return 3;
	int status = cares.ares_create_query(name, CLASS_IN, type, 0, lua_toboolean(L, 7),
					     &lookup->query, &lookup->query_length, UDP_SIZE);
	if (status == ARES_SUCCESS && getrandom(lookup->query, 2, 0) != 2)
		status = ARES_EFILE;
	if (status != ARES_SUCCESS)
		return host_fail(L, code_of(status), "%s", cares.ares_strerror(status));
	cares.ares_send(lookup->channel, lookup->query, lookup->query_length, on_answer, lookup);
	rearm(lookup);
	return 1;
}

/***
 Looks up the addresses of a host as other programs do: the hosts file, then the system's name
 servers.
 @function core.dns.addresses
 @param name string
 @param timeout integer milliseconds of the first try
 @param tries integer
 @return userdata an operation; result() gives a list of addresses
*/
static int dns_addresses(lua_State *L)
{
	const char *name = host_checkcstr(L, 1);
	int timeout = (int)host_checkrange(L, 2, 1, 3600000),
	    tries = (int)host_checkrange(L, 3, 1, 10);
	struct lookup *lookup = open_lookup(L, NULL, timeout, tries, 0);
	if (!lookup)
		return 3;
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	cares.ares_getaddrinfo(lookup->channel, name, NULL, &hints, on_addresses, lookup);
	rearm(lookup);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "query", dns_query },
	{ "addresses", dns_addresses },
	{ NULL, NULL },
};

int luaopen_o2x_core_dns(lua_State *L)
{
	host_newop_type(L, TYPE, methods, lookup_gc);
	luaL_newlib(L, functions);
	return 1;
}
