/*
** httpd.c: the HTTP server for Lua: listen, accept a request, answer it, stream, drop. For the lab,
** through lua/lab/httpd.lua, and for tests.
*/
#include "httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SERVER "o2x.httpd"
#define ACCEPT "o2x.httpd.accept"
#define REQUEST "o2x.httpd.request"
#define STREAM "o2x.httpd.stream"

struct accept {
	struct wait wait;      /* first: see host.h */
	struct server *server; /* kept alive by the user value */
};

struct handle {
	struct exchange *exchange;
};

/* ---- the server ---- */

static struct server *checkserver(lua_State *L)
{
	return luaL_checkudata(L, 1, SERVER);
}

static void parse_address(lua_State *L, struct sockaddr_storage *address, const char *host,
			  int port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
	} else {
		luaL_argerror(L, 1, "an IP address expected");
	}
}

/***
 Starts a server.
 @function core.httpd.listen
 @param host string an IP address
 @param port integer 0 for any free one
 @param max_body integer largest request body in bytes; a larger one gets a 413
 @param cert string? PEM certificate chain; enables TLS
 @param key string? PEM private key
 @return userdata, or nil, message, code
*/
static int httpd_listen(lua_State *L)
{
	struct sockaddr_storage address;
	parse_address(L, &address, host_checkcstr(L, 1), (int)host_checkrange(L, 2, 0, 65535));
	size_t max_body = (size_t)host_checkrange(L, 3, 0, (lua_Integer)1 << 40);
	const char *cert = lua_isnoneornil(L, 4) ? NULL : host_checkcstr(L, 4);
	const char *key = cert ? host_checkcstr(L, 5) : NULL;
	struct server *server = host_newuserdata(L, sizeof *server, SERVER);
	const char *problem = mhd_load();
	server->hangup = -1;
	if (problem)
		return host_fail(L, "library", "libmicrohttpd cannot be loaded: %s", problem);
	server->loop = host_of(L)->loop;
	server->max_body = max_body;
	server->cert = cert ? strdup(cert) : NULL;
	server->key = key ? strdup(key) : NULL;
	errno = 0;
	problem = server_start(server, (const struct sockaddr *)&address);
	if (!problem)
		return 1;
	int error = errno;
	server_stop(server);
	if (error)
		return host_fail_errno(L, problem, error);
	const char *guess = cert ? " (is the certificate right for the key?)" : "";
	return host_fail(L, "failed", "%s%s", problem, guess);
}

/***
 Returns the port that the server listens on.
 @function server:port
 @return integer, or nil when the server was stopped
*/
static int server_port(lua_State *L)
{
	struct server *server = checkserver(L);
	if (!server->daemon)
		return 0;
	const union MHD_DaemonInfo *info =
		mhd.MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
	lua_pushinteger(L, info->port);
	return 1;
}

/***
 Stops listening and closes every connection.
 @function server:stop
*/
static int server_close(lua_State *L)
{
	struct server *server = checkserver(L);
	struct wait *acceptor = server->acceptor;
	server_stop(server);
	if (acceptor)
		host_wake(acceptor);
	return 0;
}

/***
 Starts to accept a request. One accept at a time.
 @function server:accept
 @return userdata an operation; result() gives a request, or nil when the server was stopped
*/
static int server_accept(lua_State *L)
{
	struct server *server = checkserver(L);
	luaL_argcheck(L, !server->acceptor, 1, "an accept is under way");
	struct accept *accept = host_newuserdata(L, sizeof *accept, ACCEPT);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	accept->server = server;
	accept->wait.ready = !server->daemon || server->first;
	if (!accept->wait.ready)
		server->acceptor = &accept->wait;
	return 1;
}

static const luaL_Reg server_methods[] = {
	{ "port", server_port },
	{ "stop", server_close },
	{ "accept", server_accept },
	{ NULL, NULL },
};

static void *push_handle(lua_State *L, const char *type)
{
	return host_newuserdata(L, sizeof(struct handle), type);
}

/***
 Returns the request, once the operation is ready.
 @function accept:result
 @return userdata a request, or nil when the server was stopped
*/
static int accept_result(lua_State *L)
{
	struct accept *accept = luaL_checkudata(L, 1, ACCEPT);
	struct handle *handle = push_handle(L, REQUEST);
	handle->exchange = server_take(accept->server);
	if (!handle->exchange)
		lua_pushnil(L);
	return 1;
}

static int accept_gc(lua_State *L)
{
	struct accept *accept = luaL_checkudata(L, 1, ACCEPT);
	if (accept->server && accept->server->acceptor == &accept->wait)
		accept->server->acceptor = NULL;
	if (accept->wait.task && !accept->wait.ready)
		host_wake(&accept->wait);
	return 0;
}

static const luaL_Reg accept_methods[] = { { "result", accept_result }, { NULL, NULL } };

/* ---- a request ---- */

static struct exchange *checkexchange(lua_State *L, const char *type)
{
	struct handle *handle = luaL_checkudata(L, 1, type);
	luaL_argcheck(L, handle->exchange, 1, "was closed");
	return handle->exchange;
}

/***
 Returns what was requested.
 @function request:info
 @return string method
 @return string target as sent: path and query, not decoded
 @return table flat list of header names and values
 @return string body
*/
static int request_info(lua_State *L)
{
	struct exchange *exchange = checkexchange(L, REQUEST);
	lua_pushstring(L, exchange->method);
	lua_pushstring(L, exchange->target);
	lua_newtable(L);
	const char *text = exchange->headers.bytes, *end = text + exchange->headers.length;
	for (lua_Integer i = 1; text < end; i++, text += strlen(text) + 1) {
		lua_pushstring(L, text);
		lua_rawseti(L, -2, i);
	}
	lua_pushlstring(L, exchange->body.bytes ? exchange->body.bytes : "", exchange->body.length);
	return 4;
}

/* Adds the headers of the flat list at arg. Frees the response before it raises. */
static void add_headers(lua_State *L, int arg, struct MHD_Response *response)
{
	lua_Integer count = (lua_Integer)lua_rawlen(L, arg);
	for (lua_Integer i = 1; i < count; i += 2) {
		bool strings = lua_rawgeti(L, arg, i) == LUA_TSTRING;
		strings = lua_rawgeti(L, arg, i + 1) == LUA_TSTRING && strings;
		const char *name = lua_tostring(L, -2), *value = lua_tostring(L, -1);
		if (!strings || mhd.MHD_add_response_header(response, name, value) != MHD_YES) {
			mhd.MHD_destroy_response(response);
			luaL_argerror(L, arg, "bad header");
		}
		lua_pop(L, 2);
	}
}

static struct exchange *checkunanswered(lua_State *L)
{
	struct exchange *exchange = checkexchange(L, REQUEST);
	luaL_argcheck(L, !exchange->status && !exchange->dropped, 1, "was answered already");
	return exchange;
}

/***
 Answers the request. Does nothing if the client is gone.
 @function request:answer
 @param status integer
 @param headers table flat list of names and values
 @param body string
*/
static int request_answer(lua_State *L)
{
	size_t length;
	struct exchange *exchange = checkunanswered(L);
	unsigned status = (unsigned)host_checkrange(L, 2, 200, 599);
	luaL_checktype(L, 3, LUA_TTABLE);
	const char *body = luaL_checklstring(L, 4, &length);
	struct MHD_Response *response =
		mhd.MHD_create_response_from_buffer(length, (void *)body, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return luaL_error(L, "not enough memory for an answer");
	add_headers(L, 3, response);
	exchange_answer(exchange, status, response);
	return 0;
}

/***
 Starts a streamed (chunked) response. A client that closes its sending side counts as gone.
 @function request:stream
 @param status integer
 @param headers table flat list of names and values
 @return userdata write(bytes), close(), closed(), notify(event)
*/
static int request_stream(lua_State *L)
{
	struct exchange *exchange = checkunanswered(L);
	unsigned status = (unsigned)host_checkrange(L, 2, 200, 599);
	luaL_checktype(L, 3, LUA_TTABLE);
	struct handle *handle = push_handle(L, STREAM);
	struct MHD_Response *response = exchange_stream(exchange);
	if (!response)
		return luaL_error(L, "not enough memory for an answer");
	add_headers(L, 3, response);
	handle->exchange = exchange;
	exchange->references++;
	exchange_answer(exchange, status, response);
	return 1;
}

/***
 Closes the connection without a response.
 @function request:drop
*/
static int request_drop(lua_State *L)
{
	exchange_drop(checkexchange(L, REQUEST));
	return 0;
}

static int request_gc(lua_State *L)
{
	struct handle *handle = luaL_checkudata(L, 1, REQUEST);
	struct exchange *exchange = handle->exchange;
	handle->exchange = NULL;
	if (!exchange)
		return 0;
	if (!exchange->status)
		exchange_drop(exchange); /* nobody can answer it any more */
	exchange_release(exchange);
	return 0;
}

static const luaL_Reg request_methods[] = {
	{ "info", request_info },
	{ "answer", request_answer },
	{ "stream", request_stream },
	{ "drop", request_drop },
	{ NULL, NULL },
};

/* ---- a streamed response ---- */

/***
 Sends bytes. A client that lags 64 MiB behind is dropped.
 @function stream:write
 @param bytes string
 @return boolean false when the client is gone
*/
static int stream_write(lua_State *L)
{
	size_t length;
	struct exchange *exchange = checkexchange(L, STREAM);
	const char *bytes = luaL_checklstring(L, 2, &length);
	lua_pushboolean(L, exchange_write(exchange, bytes, length));
	return 1;
}

/***
 Is the client gone?
 @function stream:closed
 @return boolean
*/
static int stream_closed(lua_State *L)
{
	struct handle *handle = luaL_checkudata(L, 1, STREAM);
	lua_pushboolean(L, !handle->exchange || handle->exchange->gone);
	return 1;
}

/***
 Sets an event (o2x.core.event) when the client goes away.
 @function stream:notify
 @param event userdata
*/
static int stream_notify(lua_State *L)
{
	struct exchange *exchange = checkexchange(L, STREAM);
	struct wait *event = luaL_checkudata(L, 2, "o2x.event");
	lua_settop(L, 2);
	lua_setiuservalue(L, 1, 1); /* keeps the event alive as long as the stream */
	exchange->notify = event;
	if (exchange->gone)
		host_wake(event);
	return 0;
}

/***
 Ends the stream.
 @function stream:close
*/
static int stream_gc(lua_State *L)
{
	struct handle *handle = luaL_checkudata(L, 1, STREAM);
	struct exchange *exchange = handle->exchange;
	handle->exchange = NULL;
	if (!exchange)
		return 0;
	exchange->notify = NULL;
	exchange_end(exchange);
	exchange_release(exchange);
	return 0;
}

static const luaL_Reg stream_methods[] = {
	{ "write", stream_write },
	{ "closed", stream_closed },
	{ "notify", stream_notify },
	{ "close", stream_gc },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = { { "listen", httpd_listen }, { NULL, NULL } };

int luaopen_o2x_core_httpd(lua_State *L)
{
	host_newtype(L, SERVER, server_methods, server_close);
	host_newop_type(L, ACCEPT, accept_methods, accept_gc);
	host_newtype(L, REQUEST, request_methods, request_gc);
	host_newtype(L, STREAM, stream_methods, stream_gc);
	luaL_newlib(L, functions);
	return 1;
}
