/*
** redis_page.c: one page of a walk over keys. The keys stay in C: they are checked, counted and
** written into commands that remove them, so that a walk over millions needs no more of Lua's memory
** than one over a hundred.
*/
#include "redis.h"

#include "host.h"

#include <stdbool.h>
#include <string.h>

enum {
	UNLINK_KEYS =
		250, /* a longer command would keep others waiting: Redis does not interrupt one */
	FEW_PARTS = 8,
	LENGTH_LINE = 23 /* bytes of "$", the digits of any length, and the end of the line */
};

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

struct part {
	const char *word;
	size_t length;
	lua_Integer keys;
};

/* Adds to the table at the top. [-0, +0, m] */
static void add_part(lua_State *L, const struct part *part)
{
	lua_pushlstring(L, part->word, part->length);
	lua_pushvalue(L, -1);
	lua_rawget(L, -3);
	lua_Integer keys = lua_tointeger(L, -1); /* 0 for nil */
	lua_pop(L, 1);
	lua_pushinteger(L, keys + part->keys);
	lua_rawset(L, -3);
}

/* The part of the word among those counted so far, or NULL. */
static struct part *find_part(struct part *parts, int count, const char *word, size_t length)
{
	for (int i = 0; i < count; i++)
		if (parts[i].length == length && memcmp(parts[i].word, word, length) == 0)
			return &parts[i];
	return NULL;
}

/*
** Pushes how many keys have which word after the prefix. There are few words, and many keys: the
** first words are counted here, and only the others in Lua's table each time. [-0, +1, m]
*/
static void push_parts(lua_State *L, const redisReply *keys, size_t prefix)
{
	struct part parts[FEW_PARTS];
	int count = 0;
	lua_newtable(L);
	for (size_t i = 0; i < keys->elements; i++) {
		const char *rest = keys->element[i]->str + prefix;
		size_t length = word_length(rest, (size_t)keys->element[i]->len - prefix);
		struct part *part = find_part(parts, count, rest, length);
		struct part new = { .word = rest, .length = length, .keys = 1 };
		if (part)
			part->keys++;
		else if (count < FEW_PARTS)
			parts[count++] = new;
		else
			add_part(L, &new);
	}
	for (int i = 0; i < count; i++)
		add_part(L, &parts[i]);
}

/* Writes "$123\r\n" and the like, as printf would in ten times as long. -> the place after it */
static char *put_length(char *at, char mark, size_t length)
{
	char digits[20];
	int n = 0;
	do
		digits[n++] = (char)('0' + length % 10);
	while ((length /= 10) > 0);
	*at++ = mark;
	while (n > 0)
		*at++ = digits[--n];
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

static char *put_bytes(char *at, const char *bytes, size_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

/* The most bytes that the commands for the keys can take. */
static size_t most_bytes(const redisReply *keys)
{
	size_t bytes =
		(keys->elements / UNLINK_KEYS + 1) * (sizeof "$6\r\nUNLINK\r\n" + LENGTH_LINE);
	for (size_t i = 0; i < keys->elements; i++)
		bytes += (size_t)keys->element[i]->len + LENGTH_LINE + 2;
	return bytes;
}

/* Pushes the commands that remove the keys, and how many they are. [-0, +2, m] */
static void push_unlink(lua_State *L, const redisReply *keys)
{
	luaL_Buffer commands;
	char *begin = luaL_buffinitsize(L, &commands, most_bytes(keys));
	char *at = begin;
	for (size_t i = 0; i < keys->elements; i++) {
		const redisReply *key = keys->element[i];
		size_t left = keys->elements - i;
		if (i % UNLINK_KEYS == 0) {
			at = put_length(at, '*', 1 + (left < UNLINK_KEYS ? left : UNLINK_KEYS));
			at = put_bytes(at, "$6\r\nUNLINK\r\n", strlen("$6\r\nUNLINK\r\n"));
		}
		at = put_length(at, '$', (size_t)key->len);
		at = put_bytes(at, key->str, (size_t)key->len);
		at = put_bytes(at, "\r\n", 2);
	}
	luaL_pushresultsize(&commands, (size_t)(at - begin));
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
