/*
** http.c: the HTTP client for Lua: name a server, start a request, wait for the operation, take the
** response. Lua code uses it through lua/o2x/client/http.lua. How a request can fail:
**
**   not sent        "dns" "refused" "connect_timeout" "tls" "url"
**   outcome unknown "timeout" "reset" "truncated" "garbage" "too_large"
*/
#include "http.h"
#include "secret.h"

#include <string.h>

#define CLIENT "o2x.http.client"
#define SERVER "o2x.http.origin"
#define TRANSFER "o2x.http"

/* Pushes the state's one client, created at the first request. [-0, +1, e] */
static struct client *push_client(lua_State *L)
{
	if (lua_getfield(L, LUA_REGISTRYINDEX, CLIENT ".instance") != LUA_TNIL)
		return lua_touserdata(L, -1);
	lua_pop(L, 1);
	struct client *client = host_newuserdata(L, sizeof *client, CLIENT);
	const char *problem = client_open(client, host_of(L)->loop);
	if (problem) {
		client_close(client);
		luaL_error(L, "libcurl %s", problem);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, CLIENT ".instance");
	return client;
}

static int client_gc(lua_State *L)
{
	client_close(host_checkudata(L, 1, CLIENT));
	return 0;
}

/* ---- servers ---- */

/***
 A server, and how it is spoken to. Requests to it share connections, and 16 run at a time. Nothing
 is taken from the environment; redirects are not followed.
 @function core.http.origin
 @param options table connect_timeout, ca, ca_file, ca_folder, more_authorities,
   cert, key (PEM, strings or secrets), connect_to ("host:port"), proxy
 @return userdata for start
*/
static int http_origin(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	struct client *client = push_client(L);
	struct origin *origin = host_newuserdata(L, sizeof *origin, SERVER);
	origin->client = client;
	TAILQ_INIT(&origin->waiting);
	TAILQ_INIT(&origin->idle);
	origin_configure(L, origin);
	return 1;
}

static int origin_gc(lua_State *L)
{
	struct origin *origin = host_checkudata(L, 1, SERVER);
	if (!origin->model)
		return 0;
	for (struct transfer *idle; (idle = TAILQ_FIRST(&origin->idle));) {
		TAILQ_REMOVE(&origin->idle, idle, place);
		transfer_free(idle);
	}
	curl.curl_easy_cleanup(origin->model);
	origin->model = NULL;
	if (origin->connect_to)
		curl.curl_slist_free_all(origin->connect_to);
	origin->connect_to = NULL;
	buffer_free(&origin->ca);
	buffer_free(&origin->cert);
	buffer_free(&origin->key);
	return 0;
}

/* ---- requests ---- */

/* The userdata of an operation; its user value keeps the server alive. */
struct exchange {
	struct wait wait;          /* first: see host.h */
	struct transfer *transfer; /* NULL once it is closed */
};

static void on_cancel(struct wait *wait)
{
	transfer_stop(((struct exchange *)wait)->transfer);
}

static void release(struct exchange *exchange)
{
	struct transfer *transfer = exchange->transfer;
	if (!transfer)
		return;
	transfer_stop(transfer);
	exchange->transfer = NULL;
	transfer_drop(transfer);
	if (exchange->wait.task)
		host_wake(&exchange->wait);
}

/***
 Starts a request.
 @function core.http.start
 @param origin userdata its server
 @param request table method ("GET"), url, headers (name → value or list of values; each a text or
   a secret), token (text or secret), authority (the Host header, if not the URL's), body_file (a
   path), max_body (bytes, 32 MiB), aws_sigv4 ("aws:amz:REGION:SERVICE"), access_key, secret_key;
   other fields of http.request are passed over
 @param body string|secret|nil
 @param json boolean is the body JSON?
 @param stream boolean is the answer read in pieces?
 @return userdata an operation, or nil, message, "input"
*/
static int http_start(lua_State *L)
{
	struct origin *origin = host_checkudata(L, ORIGIN, SERVER);
	luaL_argcheck(L, origin->model, ORIGIN, "was closed");
	luaL_checktype(L, REQUEST, LUA_TTABLE);
	if (!request_spread(L, lua_upvalueindex(1)))
		return host_fail(L, "input", "%s", lua_tostring(L, -1));
	struct exchange *exchange = host_newuserdata(L, sizeof *exchange, TRANSFER);
	lua_pushvalue(L, ORIGIN);
	lua_setiuservalue(L, -2, 1);
	exchange->wait.cancel = on_cancel;
	exchange->transfer = transfer_take(origin, &exchange->wait);
	if (!exchange->transfer)
		return luaL_error(L, "not enough memory");
	if (!request_configure(L, exchange->transfer)) {
		release(exchange);
		return host_fail(L, "input", "%s", lua_tostring(L, -1));
	}
	queue_add(exchange->transfer);
	return 1;
}

static struct transfer *check(lua_State *L)
{
	struct exchange *exchange = host_checkudata(L, 1, TRANSFER);
	luaL_argcheck(L, exchange->transfer, 1, "was closed");
	return exchange->transfer;
}

static int fail(lua_State *L, const struct transfer *transfer)
{
	const char *code = transfer_failure(transfer);
	const char *text = transfer->problem;
	if (!*text)
		text = curl.curl_easy_strerror(transfer->now.code);
	if (transfer->now.code == CURLE_SEND_FAIL_REWIND) /* libcurl reports its second attempt */
		text = "the connection was closed before an answer came";
	if (transfer->now.too_large)
		return host_fail(L, code, "it is larger than %zu bytes", transfer->now.max_body);
	return host_fail(L, code, "%s", text);
}

/* Joins the value on top of the stack to those that its name, below it, has already. [-0, +0, m] */
static void join_header(lua_State *L, int headers)
{
	lua_pushvalue(L, -2);
	if (lua_rawget(L, headers) == LUA_TNIL) {
		lua_pop(L, 1);
		return;
	}
	lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), lua_tostring(L, -2));
	lua_replace(L, -3);
	lua_pop(L, 1);
}

/* Pushes the headers of the head at index: "name NUL value NUL …". [-0, +1, e] */
static void push_headers(lua_State *L, int index)
{
	size_t length;
	const char *head = luaL_checklstring(L, index, &length), *end = head + length;
	lua_newtable(L);
	int headers = lua_gettop(L);
	for (const char *name = head; name < end;) {
		const char *value = name + strlen(name) + 1;
		lua_pushlstring(L, name, (size_t)(value - name) - 1);
		lua_pushstring(L, value);
		join_header(L, headers);
		lua_rawset(L, headers);
		name = value + strlen(value) + 1;
	}
}

static void push_head(lua_State *L, const struct transfer *transfer)
{
	const char *head = transfer->head.bytes;
	lua_pushlstring(L, head ? head : "", transfer->head.length);
}

/***
 Returns the headers of an answer.
 @function core.http.headers
 @param head string from op:result
 @return table by their names in lower case; several of one name are joined by ", "
*/
static int http_headers(lua_State *L)
{
	push_headers(L, 1);
	return 1;
}

/***
 Returns the response, once the operation is done.
 @function op:result
 @param label string? makes the body a secret with this label
 @return integer status, or nil, message, code
 @return string head, for core.http.headers: most answers' headers are never looked at
 @return string|userdata body
*/
static int transfer_result(lua_State *L)
{
	struct transfer *transfer = check(L);
	const char *label = luaL_optstring(L, 2, NULL);
	luaL_argcheck(L, transfer->now.progress == DONE, 1, "is not done");
	if (transfer->now.code != CURLE_OK)
		return fail(L, transfer);
	const char *bytes = transfer->body.bytes ? transfer->body.bytes : "";
	lua_pushinteger(L, transfer->now.status);
	push_head(L, transfer);
	if (label)
		secret_push_message(L, bytes, transfer->body.length, label);
	else
		lua_pushlstring(L, bytes, transfer->body.length);
	return 3;
}

/* Is there anything to read without waiting? */
static void set_ready(struct transfer *transfer)
{
	transfer->now.wait->ready = transfer->now.progress == DONE || transfer->body.length > 0;
}

/***
 Returns status and headers of a streamed response, once they have arrived.
 @function op:head
 @return integer status, or nil, message, code
 @return table headers by their names in lower case; several of one name are joined by ", "
*/
static int transfer_head(lua_State *L)
{
	struct transfer *transfer = check(L);
	if (!transfer->now.head_done && transfer->now.progress == DONE)
		return fail(L, transfer);
	luaL_argcheck(L, transfer->now.head_done, 1, "has no answer yet");
	set_ready(transfer);
	lua_pushinteger(L, transfer->now.status);
	push_head(L, transfer);
	push_headers(L, lua_gettop(L));
	lua_remove(L, -2);
	return 2;
}

/***
 Returns the next bytes of a streamed response.
 @function op:chunk
 @return string; "" when there are none yet (wait for the operation); nil at the end;
   or nil, message, code
*/
static int transfer_chunk(lua_State *L)
{
	struct transfer *transfer = check(L);
	if (transfer->body.length == 0 && transfer->now.progress == DONE)
		return transfer->now.code == CURLE_OK ? 0 : fail(L, transfer);
	lua_pushlstring(L, transfer->body.bytes ? transfer->body.bytes : "", transfer->body.length);
	transfer->body.length = 0;
	transfer_unpause(transfer);
	set_ready(transfer);
	return 1;
}

/***
 Stops the request if it is running, and frees what it holds.
 @function op:close
*/
static int transfer_gc(lua_State *L)
{
	release(host_checkudata(L, 1, TRANSFER));
	return 0;
}

/***
 Returns scheme and authority of a URL: "https://host:port".
 @function core.http.authority
 @param url any
 @return string, "" if it has none
*/
static int http_authority(lua_State *L)
{
	const char *url = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : "";
	lua_pushlstring(L, url, url_site(url));
	return 1;
}

static const luaL_Reg methods[] = {
	{ "result", transfer_result },
	{ "head", transfer_head },
	{ "chunk", transfer_chunk },
	{ "close", transfer_gc },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = { { "origin", http_origin },
				      { "authority", http_authority },
				      { "headers", http_headers },
				      { NULL, NULL } };
static const luaL_Reg none[] = { { NULL, NULL } };

int luaopen_o2x_core_http(lua_State *L)
{
	host_newtype(L, CLIENT, none, client_gc);
	host_newtype(L, SERVER, none, origin_gc);
	host_newop_type(L, TRANSFER, methods, transfer_gc);
	luaL_newlib(L, functions);
	request_push_fields(L);
	lua_pushcclosure(L, http_start, 1);
	lua_setfield(L, -2, "start");
	return 1;
}
