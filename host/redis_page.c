/*
** redis_page.c: one page of a walk over keys. The keys stay in C: they are checked, counted and
** written into commands that remove them, so that a walk over millions needs no more of Lua's memory
** than one over a hundred.
*/
#include "redis.h"

#include "host.h"

#include <stdbool.h>
#include <string.h>

/* A longer command would keep other clients waiting: Redis does not interrupt one. */
enum { UNLINK_KEYS = 250 };

static bool is_cursor(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING && reply->len > 0 && reply->len <= 20 &&
	       strspn(reply->str, "0123456789") == (size_t)reply->len;
}

/* SCAN answers with a cursor and a list of keys. */
static bool is_page(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    !is_cursor(reply->element[0]) || reply->element[1]->type != REDIS_REPLY_ARRAY)
		return false;
	const redisReply *keys = reply->element[1];
	for (size_t i = 0; i < keys->elements; i++)
		if (keys->element[i]->type != REDIS_REPLY_STRING)
			return false;
	return true;
}

/* The first key that does not begin with the prefix, or NULL. */
static const redisReply *first_other(const redisReply *keys, const char *prefix, size_t length)
{
	for (size_t i = 0; i < keys->elements; i++) {
		const redisReply *key = keys->element[i];
		if ((size_t)key->len < length || memcmp(key->str, prefix, length) != 0)
			return key;
	}
	return NULL;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* The length of the word that begins the text and ends with a colon; 0: there is none. */
static size_t word_length(const char *text, size_t length)
{
	size_t n = 0;
	while (n < length && is_word(text[n]))
		n++;
	return n < length && text[n] == ':' ? n : 0;
}

/* Pushes how many keys have which word after the prefix. [-0, +1, m] */
static void push_parts(lua_State *L, const redisReply *keys, size_t prefix)
{
	lua_newtable(L);
	for (size_t i = 0; i < keys->elements; i++) {
		const char *rest = keys->element[i]->str + prefix;
		lua_pushlstring(L, rest, word_length(rest, (size_t)keys->element[i]->len - prefix));
		lua_pushvalue(L, -1);
		lua_rawget(L, -3);
		lua_Integer count = lua_tointeger(L, -1); /* 0 for nil */
		lua_pop(L, 1);
		lua_pushinteger(L, count + 1);
		lua_rawset(L, -3);
	}
}

/* As printf would, in a tenth of its time: this is done for each key. */
static void add_length(luaL_Buffer *commands, char mark, size_t length)
{
	char line[24];
	char *at = line + sizeof line;
	*--at = '\n';
	*--at = '\r';
	do
		*--at = (char)('0' + length % 10);
	while ((length /= 10) > 0);
	*--at = mark;
	luaL_addlstring(commands, at, (size_t)(line + sizeof line - at));
}

/* Pushes the commands that remove the keys, and how many they are. [-0, +2, m] */
static void push_unlink(lua_State *L, const redisReply *keys)
{
	luaL_Buffer commands;
	luaL_buffinit(L, &commands);
	for (size_t i = 0; i < keys->elements; i++) {
		size_t left = keys->elements - i;
		if (i % UNLINK_KEYS == 0) {
			add_length(&commands, '*', 1 + (left < UNLINK_KEYS ? left : UNLINK_KEYS));
			luaL_addstring(&commands, "$6\r\nUNLINK\r\n");
		}
		add_length(&commands, '$', (size_t)keys->element[i]->len);
		luaL_addlstring(&commands, keys->element[i]->str, (size_t)keys->element[i]->len);
		luaL_addlstring(&commands, "\r\n", 2);
	}
	luaL_pushresult(&commands);
	lua_pushinteger(L, (lua_Integer)((keys->elements + UNLINK_KEYS - 1) / UNLINK_KEYS));
}

static int answer(lua_State *L, const char *what, const redisReply *text)
{
	lua_pushstring(L, what);
	lua_pushlstring(L, text->str, (size_t)text->len);
	return 2;
}

/***
 Takes the next reply as a page of SCAN.
 @function redis:page
 @param prefix string with which every key must begin
 @param remove boolean make commands that remove the keys
 @return string "page"; "more" (fill, then ask again); "error" and its text; "other" and a key that
  does not begin with the prefix; "odd": no page; or nil, message, code
 @return string the next cursor
 @return integer keys of the page
 @return table how many keys have which word between the prefix and a colon; "" is none
 @return string|nil the commands for redis:queue
 @return integer|nil how many commands they are
*/
int redis_page(lua_State *L)
{
	struct redis *redis = redis_check(L);
	size_t length;
	const char *prefix = luaL_checklstring(L, 2, &length);
	bool remove = lua_toboolean(L, 3);
	lua_settop(L, 3);
	redisReply *reply;
	int pushed = redis_take(L, redis, &reply);
	if (!reply)
		return pushed - 1;
	if (reply->type == REDIS_REPLY_ERROR)
		return answer(L, "error", reply);
	if (!is_page(reply)) {
		lua_pushliteral(L, "odd");
		return 1;
	}
	const redisReply *keys = reply->element[1];
	const redisReply *other = first_other(keys, prefix, length);
	if (other)
		return answer(L, "other", other);
	answer(L, "page", reply->element[0]);
	lua_pushinteger(L, (lua_Integer)keys->elements);
	push_parts(L, keys, length);
	bool unlink = remove && keys->elements > 0;
	if (unlink)
		push_unlink(L, keys);
	redis_release(L, 4);
	return unlink ? 6 : 4;
}
