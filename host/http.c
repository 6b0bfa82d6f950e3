/*
** http.c: the HTTP client for Lua: start a request, wait for the operation, take the response. Lua
** code uses it through lua/o2x/client/http.lua. How a request can fail:
**
**   not sent        "dns" "refused" "connect_timeout" "tls" "url"
**   outcome unknown "timeout" "reset" "truncated" "garbage" "too_large"
*/
#include "http.h"
#include "secret.h"

#include <string.h>

#define CLIENT "o2x.http.client"
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
	client_close(luaL_checkudata(L, 1, CLIENT));
	return 0;
}

static void on_cancel(struct wait *wait)
{
	transfer_stop((struct transfer *)wait);
}

/***
 Starts a request. Nothing is taken from the environment; redirects are not followed.
 @function core.http.start
 @param request table method, url, headers (flat list; values may be secrets), body (string or
   secret) or body_file (a path), timeout, connect_timeout, max_body, stream, ca, ca_file,
   ca_folder, more_authorities, cert, key (PEM), connect_to ("host:port"), proxy,
   aws_sigv4 ("aws:amz:REGION:SERVICE"), access_key, secret_key
 @return userdata an operation
*/
static int http_start(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	struct client *client = push_client(L);
	struct transfer *transfer = host_newuserdata(L, sizeof *transfer, TRANSFER);
	lua_insert(L, 2);
	lua_setiuservalue(L, 2, 1);
	transfer->client = client;
	transfer->wait.cancel = on_cancel;
	transfer_configure(L, transfer);
	client_start(client, transfer);
	lua_settop(L, 2);
	return 1;
}

static struct transfer *check(lua_State *L)
{
	struct transfer *transfer = luaL_checkudata(L, 1, TRANSFER);
	luaL_argcheck(L, transfer->easy, 1, "was closed");
	return transfer;
}

static int fail(lua_State *L, const struct transfer *transfer)
{
	const char *code = transfer_failure(transfer);
	const char *text = transfer->problem;
	if (!*text)
		text = curl.curl_easy_strerror(transfer->code);
	if (transfer->code == CURLE_SEND_FAIL_REWIND) /* libcurl reports its second attempt */
		text = "the connection was closed before an answer came";
	if (transfer->too_large)
		return host_fail(L, code, "it is larger than %zu bytes", transfer->max_body);
	return host_fail(L, code, "%s", text);
}

static void push_head(lua_State *L, const struct transfer *transfer)
{
	const char *text = transfer->head.bytes, *end = text + transfer->head.length;
	lua_newtable(L);
	for (lua_Integer i = 1; text < end; i++, text += strlen(text) + 1) {
		lua_pushstring(L, text);
		lua_rawseti(L, -2, i);
	}
}

/***
 Returns the response, once the operation is done.
 @function op:result
 @param label string? makes the body a secret with this label
 @return integer status, or nil, message, code
 @return table flat list of header names and values
 @return string|userdata body
*/
static int transfer_result(lua_State *L)
{
	struct transfer *transfer = check(L);
	const char *label = luaL_optstring(L, 2, NULL);
	luaL_argcheck(L, transfer->progress == DONE, 1, "is not done");
	if (transfer->code != CURLE_OK)
		return fail(L, transfer);
	const char *bytes = transfer->body.bytes ? transfer->body.bytes : "";
	lua_pushinteger(L, transfer->status);
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
	transfer->wait.ready = transfer->progress == DONE || transfer->body.length > 0;
}

/***
 Returns status and headers of a streamed response, once they have arrived.
 @function op:head
 @return integer status, or nil, message, code
 @return table flat list of header names and values
*/
static int transfer_head(lua_State *L)
{
	struct transfer *transfer = check(L);
	if (!transfer->head_done && transfer->progress == DONE)
		return fail(L, transfer);
	luaL_argcheck(L, transfer->head_done, 1, "has no answer yet");
	set_ready(transfer);
	lua_pushinteger(L, transfer->status);
	push_head(L, transfer);
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
	if (transfer->body.length == 0 && transfer->progress == DONE)
		return transfer->code == CURLE_OK ? 0 : fail(L, transfer);
	lua_pushlstring(L, transfer->body.bytes ? transfer->body.bytes : "", transfer->body.length);
	transfer->body.length = 0;
	transfer_unpause(transfer);
	set_ready(transfer);
	return 1;
}

static void wipe_headers(struct transfer *transfer)
{
	for (struct curl_slist *item = transfer->header_lines; item; item = item->next)
		explicit_bzero(item->data, strlen(item->data));
}

/***
 Stops the request if it is running, and frees what it holds.
 @function op:close
*/
static int transfer_gc(lua_State *L)
{
	struct transfer *transfer = luaL_checkudata(L, 1, TRANSFER);
	if (!transfer->easy)
		return 0;
	transfer_stop(transfer);
	curl.curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
	wipe_headers(transfer);
	curl.curl_slist_free_all(transfer->header_lines);
	curl.curl_slist_free_all(transfer->connect_to);
	buffer_free(&transfer->ca);
	buffer_free(&transfer->cert);
	buffer_free(&transfer->key);
	buffer_free(&transfer->request_body);
	if (transfer->body_file)
		fclose(transfer->body_file);
	transfer->body_file = NULL;
	buffer_free(&transfer->head);
	buffer_free(&transfer->body);
	if (transfer->wait.task)
		host_wake(&transfer->wait);
	return 0;
}

static const luaL_Reg methods[] = {
	{ "result", transfer_result },
	{ "head", transfer_head },
	{ "chunk", transfer_chunk },
	{ "close", transfer_gc },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = { { "start", http_start }, { NULL, NULL } };
static const luaL_Reg none[] = { { NULL, NULL } };

int luaopen_o2x_core_http(lua_State *L)
{
	host_newtype(L, CLIENT, none, client_gc);
	host_newop_type(L, TRANSFER, methods, transfer_gc);
	luaL_newlib(L, functions);
	return 1;
}
