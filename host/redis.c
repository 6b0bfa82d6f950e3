/*
** redis.c: the Redis protocol over a connection of net.c, with hiredis' formatter and parser. In
** steps: append commands, flush them, fill from the server, take replies.
*/
#include "redis.h"

#include "host.h"
#include "json_value.h"
#include "lazy.h"
#include "net.h"
#include "secret.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define HIREDIS(X) \
	X(redisReaderCreate) \
	X(redisReaderFree) \
	X(redisReaderFeed) \
	X(redisReaderGetReply) \
	X(redisFormatCommandArgv) \
	X(freeReplyObject)
LAZY(hiredis, "libhiredis.so." TEXT(HIREDIS_SONAME), HIREDIS)

#define TYPE "o2x.redis"
#define REPLY_TYPE "o2x.redis.reply"

/* The shortest element of an array has four bytes. */
enum {
	MAX_FILL = 65536,
	MAX_LINE = 65536,
	MAX_WORDS = 1 << 20,
	MAX_REPLY = 256 << 20,
	MAX_ELEMENTS = MAX_REPLY / 4
};

struct reply {
	redisReply *reply;
};

struct redis *redis_check(lua_State *L)
{
	struct redis *redis = luaL_checkudata(L, 1, TYPE);
	luaL_argcheck(L, redis->reader, 1, "the connection is closed");
	return redis;
}

/* The connection below: the user value of the userdata. */
static struct net *connection(lua_State *L)
{
	lua_getiuservalue(L, 1, 1);
	struct net *net = net_check(L, -1);
	lua_pop(L, 1);
	return net;
}

/***
 Frees what is queued and received. The connection stays open. Idempotent.
 @function redis:close
*/
static int redis_close(lua_State *L)
{
	struct redis *redis = luaL_checkudata(L, 1, TYPE);
	if (redis->reader)
		hiredis.redisReaderFree(redis->reader);
	redis->reader = NULL;
	buffer_free(&redis->out);
	return 0;
}

#if HIREDIS_MAJOR < 1
typedef int array_length;
#else
typedef size_t array_length;
#endif

static redisReplyObjectFunctions bounded;
static void *(*create_array)(const redisReadTask *, array_length);

/* hiredis allocates an array when its length is announced, gigabytes if the server says so. */
static void *create_bounded_array(const redisReadTask *task, array_length length)
{
	return length > MAX_ELEMENTS ? NULL : create_array(task, length);
}

static void bound_arrays(redisReader *reader)
{
	create_array = reader->fn->createArray;
	bounded = *reader->fn;
	bounded.createArray = create_bounded_array;
	reader->fn = &bounded;
}

/***
 Creates a Redis client on a connection.
 @function core.redis.new
 @param connection userdata of net.connect, connected
 @return userdata
*/
static int redis_new(lua_State *L)
{
	const char *problem = hiredis_load();
	if (problem)
		return luaL_error(L, "hiredis cannot be loaded: %s", problem);
	net_check(L, 1);
	struct redis *redis = lua_newuserdatauv(L, sizeof *redis, 1);
	memset(redis, 0, sizeof *redis);
	luaL_setmetatable(L, TYPE);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	redis->reader = hiredis.redisReaderCreate();
	if (!redis->reader)
		return luaL_error(L, "not enough memory");
	bound_arrays(redis->reader);
	return 1;
}

/* ---- out ---- */

/* The bytes of the argument; a number is replaced by its text. [-0, +0, v] */
static const char *word(lua_State *L, int arg, size_t *length)
{
	if (lua_type(L, arg) == LUA_TNUMBER)
		return lua_tolstring(L, arg, length);
	return secret_checkbytes(L, arg, length);
}

/***
 Queues a command.
 @function redis:append
 @param ... string|number|secret the command and its arguments, any bytes
*/
static int redis_append(lua_State *L)
{
	struct redis *redis = redis_check(L);
	int count = lua_gettop(L) - 1;
	luaL_argcheck(L, count >= 1 && count <= MAX_WORDS, 2, "a command expected");
	const char **words = lua_newuserdatauv(L, sizeof *words * (size_t)count, 0);
	size_t *lengths = lua_newuserdatauv(L, sizeof *lengths * (size_t)count, 0);
	for (int i = 0; i < count; i++)
		words[i] = word(L, i + 2, &lengths[i]);
	char *command = NULL;
	/* hiredis before 1.0 returns an int, since then a long long. */
	long long length = hiredis.redisFormatCommandArgv(&command, count, words, lengths);
	if (length < 0)
		return luaL_error(L, "not enough memory");
	bool queued = buffer_append(&redis->out, command, (size_t)length);
	explicit_bzero(command, (size_t)length);
	free(command);
	return queued ? 0 : luaL_error(L, "not enough memory");
}

/***
 Queues commands that redis:page has made.
 @function redis:queue
 @param commands string
*/
static int redis_queue(lua_State *L)
{
	struct redis *redis = redis_check(L);
	size_t length;
	const char *commands = luaL_checklstring(L, 2, &length);
	if (!buffer_append(&redis->out, commands, length))
		return luaL_error(L, "not enough memory");
	return 0;
}

/***
 Sends what is queued.
 @function redis:flush
 @return boolean true: all is sent; false and "r" or "w" to wait for; or nil, message, code
*/
static int redis_flush(lua_State *L)
{
	struct redis *redis = redis_check(L);
	struct net *net = connection(L);
	while (redis->out.length > 0) {
		long put = net_write(net, redis->out.bytes, redis->out.length);
		if (put < 0)
			return io_answer(L, &net->failure, put);
		buffer_consume(&redis->out, (size_t)put);
	}
	lua_pushboolean(L, true);
	return 1;
}

/* ---- in ---- */

/***
 Reads what the server has sent.
 @function redis:fill
 @return boolean true; false and "r" or "w" to wait for; or nil, message, code ("EOF" if the server
  has closed)
*/
static int redis_fill(lua_State *L)
{
	struct redis *redis = redis_check(L);
	struct net *net = connection(L);
	char bytes[MAX_FILL];
	long got = net_read(net, bytes, sizeof bytes);
	if (got == 0)
		return host_fail(L, "EOF", "the server closed the connection");
	if (got < 0)
		return io_answer(L, &net->failure, got);
	if (redis->reader->len > MAX_REPLY)
		return host_fail(L, "EPROTO", "a reply of more than %d MiB", MAX_REPLY >> 20);
	if (hiredis.redisReaderFeed(redis->reader, bytes, (size_t)got) != REDIS_OK)
		return host_fail(L, "EPROTO", "%s", redis->reader->errstr);
	lua_pushboolean(L, true);
	return 1;
}

/*
** Is the reply that has begun a line without an end? hiredis would search all of it again after each
** fill. A long string is no such thing: its length comes first, on a line of its own.
*/
static bool line_is_endless(const redisReader *reader)
{
	return reader->len - reader->pos > MAX_LINE &&
	       !memchr(reader->buf + reader->pos, '\n', MAX_LINE);
}

static int parse_failed(lua_State *L, const redisReader *reader)
{
	/* also for an array that create_bounded_array refuses */
	bool large = reader->err == REDIS_ERR_OOM;
	return host_fail(L, "EPROTO", "%s", large ? "a reply that is too large" : reader->errstr);
}

static int reply_gc(lua_State *L)
{
	struct reply *box = lua_touserdata(L, 1);
	if (box->reply)
		hiredis.freeReplyObject(box->reply);
	box->reply = NULL;
	return 0;
}

/* [-0, +1, m] */
static void push_reply(lua_State *L, const redisReply *reply)
{
	luaL_checkstack(L, 6, "reply too deep");
	switch (reply->type) {
	case REDIS_REPLY_INTEGER: lua_pushinteger(L, reply->integer); break;
	case REDIS_REPLY_NIL: json_pushnull(L); break;
	case REDIS_REPLY_ARRAY:
		lua_createtable(L, reply->elements > INT_MAX ? 0 : (int)reply->elements, 0);
		for (size_t i = 0; i < reply->elements; i++) {
			push_reply(L, reply->element[i]);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
		break;
	default: lua_pushlstring(L, reply->str, (size_t)reply->len); break;
	}
}

void redis_release(lua_State *L, int owner)
{
	struct reply *box = lua_touserdata(L, owner);
	hiredis.freeReplyObject(box->reply);
	box->reply = NULL;
}

int redis_take(lua_State *L, struct redis *redis, redisReply **reply)
{
	struct reply *box = host_newuserdata(L, sizeof *box, REPLY_TYPE);
	void *taken = NULL;
	*reply = NULL;
	if (hiredis.redisReaderGetReply(redis->reader, &taken) != REDIS_OK)
		return 1 + parse_failed(L, redis->reader);
	*reply = box->reply = taken;
	if (taken)
		return 1;
	if (line_is_endless(redis->reader))
		return 1 + host_fail(L, "EPROTO", "a line of more than %d KiB", MAX_LINE >> 10);
	lua_pushliteral(L, "more");
	return 2;
}

/***
 Returns the next reply, if it has arrived completely.
 @function redis:reply
 @return string "value", "error" or "more" (fill, then ask again); or nil, message, code
 @return any the value: string, integer or list; NULL is json.null. Or the error's text.
*/
static int redis_reply(lua_State *L)
{
	struct redis *redis = redis_check(L);
	lua_settop(L, 1);
	redisReply *reply;
	int pushed = redis_take(L, redis, &reply);
	if (!reply)
		return pushed - 1;
	lua_pushstring(L, reply->type == REDIS_REPLY_ERROR ? "error" : "value");
	push_reply(L, reply);
	redis_release(L, 2); /* at once, not at the next garbage collection */
	return 2;
}

static const luaL_Reg methods[] = {
	{ "append", redis_append }, { "queue", redis_queue }, { "flush", redis_flush },
	{ "fill", redis_fill },     { "reply", redis_reply }, { "page", redis_page },
	{ "close", redis_close },   { NULL, NULL },
};

static const luaL_Reg no_methods[] = { { NULL, NULL } };

static const luaL_Reg functions[] = { { "new", redis_new }, { "url", redis_url }, { NULL, NULL } };

int luaopen_o2x_core_redis(lua_State *L)
{
	host_newtype(L, TYPE, methods, redis_close);
	host_newtype(L, REPLY_TYPE, no_methods, reply_gc);
	luaL_newlib(L, functions);
	return 1;
}
