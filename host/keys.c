/*
** keys.c: see keys.h.
*/
#include "keys.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "luabuffer.h"

#include <lauxlib.h>

enum { FEW = 12 }; /* are sorted one by one */

static int by_bytes(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = memcmp(x->bytes, y->bytes, x->length < y->length ? x->length : y->length);
	return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Sorts the keys that begin at a place of the buffer. */
static void sort(struct buffer *buffer, size_t first)
{
	struct key *keys = (struct key *)(void *)(buffer->bytes + first);
	size_t count = (buffer->length - first) / sizeof *keys;
	if (count > FEW) {
		qsort(keys, count, sizeof *keys, by_bytes);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		struct key key = keys[i];
		size_t at = i;
		for (; at > 0 && by_bytes(&keys[at - 1], &key) > 0; at--)
			keys[at] = keys[at - 1];
		keys[at] = key;
	}
}

/* [-1, +0, m] Takes the key on the top, a string. */
static void take(lua_State *L, struct buffer *keys)
{
	struct key key;
	key.bytes = lua_tolstring(L, -1, &key.length);
	luabuffer_add(L, keys, (const char *)&key, sizeof key);
	lua_pop(L, 1);
}

/* [-0, +1, m] Takes the keys that a table has an order for. -> their number */
static size_t take_ordered(lua_State *L, struct buffer *keys, int index, int orders)
{
	size_t taken = 0;
	lua_pushvalue(L, index);
	if (lua_rawget(L, orders) != LUA_TTABLE)
		return 0;
	lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
	for (lua_Integer i = 1; i <= count; i++) {
		lua_rawgeti(L, -1, i);
		lua_pushvalue(L, -1);
		bool there = lua_type(L, -1) == LUA_TSTRING && lua_rawget(L, index) != LUA_TNIL;
		lua_pop(L, 1);
		if (there) {
			take(L, keys);
			taken++;
		} else {
			lua_pop(L, 1);
		}
	}
	return taken;
}

/* [-0, +1, m] Pushes a set of the keys that were taken since `base`. */
static void push_taken(lua_State *L, const struct buffer *keys, size_t base)
{
	struct key key;
	lua_newtable(L);
	for (size_t at = base; at < keys->length; at += sizeof key) {
		memcpy(&key, keys->bytes + at, sizeof key);
		lua_pushlstring(L, key.bytes, key.length);
		lua_pushboolean(L, true);
		lua_rawset(L, -3);
	}
}

/* Takes the keys that are not in the set at `taken`, which is 0 where there is none. */
static void take_others(lua_State *L, struct buffer *keys, int index, int taken)
{
	lua_pushnil(L);
	while (lua_next(L, index)) {
		lua_pop(L, 1);
		if (taken) {
			lua_pushvalue(L, -1);
			bool there = lua_rawget(L, taken) != LUA_TNIL;
			lua_pop(L, 1);
			if (there)
				continue;
		}
		lua_pushvalue(L, -1);
		take(L, keys);
	}
}

size_t keys_take(lua_State *L, struct buffer *keys, int index, size_t count, int orders)
{
	size_t base = keys->length, taken = 0;
	int top = lua_gettop(L);
	luaL_checkstack(L, 8, "keys");
	if (orders)
		taken = take_ordered(L, keys, index, orders);
	if (taken < count) {
		size_t first = keys->length;
		if (taken)
			push_taken(L, keys, base);
		take_others(L, keys, index, taken ? lua_gettop(L) : 0);
		sort(keys, first);
	}
	lua_settop(L, top);
	return base;
}

struct keys_found keys_look(lua_State *L, struct buffer *keys, int index)
{
	struct keys_found found = { .base = keys->length, .strings = true, .sequence = true };
	size_t most = lua_rawlen(L, index);
	luaL_checkstack(L, 8, "keys");
	lua_pushnil(L);
	while (lua_next(L, index)) {
		lua_pop(L, 1);
		found.count++;
		if (lua_type(L, -1) == LUA_TSTRING) {
			found.sequence = false;
			lua_pushvalue(L, -1);
			take(L, keys);
			continue;
		}
		lua_Integer i = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
		found.strings = false;
		found.sequence = found.sequence && i > 0 && (size_t)i <= most;
	}
	found.sequence = found.sequence && found.count == most;
	if (!found.strings)
		keys->length = found.base;
	else if (found.count)
		sort(keys, found.base);
	return found;
}

struct key keys_push(lua_State *L, const struct buffer *keys, size_t base, size_t number, int index)
{
	struct key key;
	memcpy(&key, keys->bytes + base + number * sizeof key, sizeof key);
	lua_pushlstring(L, key.bytes, key.length);
	lua_pushvalue(L, -1);
	lua_rawget(L, index);
	return key;
}
