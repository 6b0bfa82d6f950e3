/*
** pairs.c: pairs for scripts. It goes through numbers, then texts, then booleans, each in order: a
** resumed run must repeat the same steps, and Lua's own order is another one in each process.
*/
#include "host.h"

#include <stdlib.h>
#include <string.h>

#define FEW 32 /* keys of most tables: they need no table of their own */

enum kind { NUMBER, TEXT, BOOLEAN };

struct key {
	enum kind kind;
	bool whole; /* a number that is an integer */
	lua_Integer integer;
	lua_Number number;
	const char *text; /* belongs to the table that has the key */
	size_t length;
	int at; /* its place on the stack, if it has one */
};

struct keys {
	struct key *all; /* in a userdata */
	size_t count, room;
	bool sorted;
};

/* ---- the order ---- */

/* An integer and a float are never the same key, and compare well enough as floats. */
static int compare_numbers(const struct key *a, const struct key *b)
{
	if (a->whole && b->whole)
		return (a->integer > b->integer) - (a->integer < b->integer);
	return (a->number > b->number) - (a->number < b->number);
}

static int compare(const void *left, const void *right)
{
	const struct key *a = left, *b = right;
	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	if (a->kind == NUMBER)
		return compare_numbers(a, b);
	if (a->kind == BOOLEAN)
		return (int)(a->integer - b->integer);
	size_t shorter = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->text, b->text, shorter);
	return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* ---- the keys of a table ---- */

/* The key on the top of the stack. [-0, +0, v] */
static struct key key_of(lua_State *L)
{
	struct key key = { .kind = NUMBER };
	switch (lua_type(L, -1)) {
	case LUA_TNUMBER:
		key.whole = lua_isinteger(L, -1);
		key.integer = key.whole ? lua_tointeger(L, -1) : 0;
		key.number = lua_tonumber(L, -1);
		break;
	case LUA_TSTRING:
		key.kind = TEXT;
		key.text = lua_tolstring(L, -1, &key.length);
		break;
	case LUA_TBOOLEAN:
		key.kind = BOOLEAN;
		key.integer = lua_toboolean(L, -1);
		break;
	default: luaL_error(L, "pairs: a key is a %s, which has no order", luaL_typename(L, -1));
	}
	return key;
}

static void push_key(lua_State *L, const struct key *key)
{
	if (key->kind == TEXT)
		lua_pushlstring(L, key->text, key->length);
	else if (key->kind == BOOLEAN)
		lua_pushboolean(L, (int)key->integer);
	else if (key->whole)
		lua_pushinteger(L, key->integer);
	else
		lua_pushnumber(L, key->number);
}

/* For few keys this is faster than qsort. */
static void sort(struct key *keys, int count)
{
	for (int i = 1; i < count; i++) {
		struct key key = keys[i];
		int to = i;
		for (; to > 0 && compare(&keys[to - 1], &key) > 0; to--)
			keys[to] = keys[to - 1];
		keys[to] = key;
	}
}

/* ---- few keys: upvalues of the step ---- */

/* Upvalues of both steps. Then the keys, or the list of them. */
enum { TABLE = 1, VIEW, PLACE, KEYS };

/* As in Lua, fields may be changed and removed on the way: is there still one? [-0, +1, v] */
static bool push_item(lua_State *L, lua_Integer place)
{
	lua_pushvalue(L, -1);
	if (lua_rawget(L, lua_upvalueindex(TABLE)) == LUA_TNIL)
		return false;
	lua_pushinteger(L, place);
	lua_replace(L, lua_upvalueindex(PLACE));
	if (lua_istable(L, -1) && !lua_isnil(L, lua_upvalueindex(VIEW))) {
		lua_pushvalue(L, lua_upvalueindex(VIEW));
		lua_insert(L, -2);
		lua_call(L, 1, 1);
	}
	return true;
}

static int end_of_keys(lua_State *L)
{
	lua_pushnil(L);
	return 1;
}

static int step_few(lua_State *L)
{
	lua_Integer place = lua_tointeger(L, lua_upvalueindex(PLACE));
	for (;; place++) {
		if (lua_isnone(L, lua_upvalueindex(KEYS + (int)place)))
			return end_of_keys(L);
		lua_pushvalue(L, lua_upvalueindex(KEYS + (int)place));
		if (push_item(L, place + 1))
			return 2;
		lua_pop(L, 2);
	}
}

/* Pushes the keys of a table, in no order. -> how many; -1: too many [-0, +count, v] */
static int push_few(lua_State *L, int table, struct key *keys)
{
	int count = 0;
	lua_pushnil(L);
	while (lua_next(L, table)) {
		lua_pop(L, 1);
		if (count == FEW)
			return -1;
		keys[count] = key_of(L);
		keys[count++].at = lua_gettop(L);
		lua_pushvalue(L, -1); /* lua_next removes it */
	}
	return count;
}

/* Pushes the step over a table of few keys. The upvalues before them are on the stack. */
static bool push_step_few(lua_State *L, int table)
{
	struct key keys[FEW];
	int top = lua_gettop(L), count;
	luaL_checkstack(L, 2 * FEW + 8, NULL);
	count = push_few(L, table, keys);
	if (count < 0) {
		lua_settop(L, top);
		return false;
	}
	sort(keys, count);
	for (int i = top - KEYS + 2; i <= top; i++)
		lua_pushvalue(L, i);
	for (int i = 0; i < count; i++)
		lua_pushvalue(L, keys[i].at);
	lua_pushcclosure(L, step_few, KEYS - 1 + count);
	return true;
}

/* ---- many keys: a list ---- */

static int step_many(lua_State *L)
{
	lua_Integer place = lua_tointeger(L, lua_upvalueindex(PLACE));
	for (;;) {
		if (lua_rawgeti(L, lua_upvalueindex(KEYS), ++place) == LUA_TNIL)
			return end_of_keys(L);
		if (push_item(L, place))
			return 2;
		lua_pop(L, 2);
	}
}

/* Makes room for more in a userdata in the stack's place `owner`. */
static void grow(lua_State *L, struct keys *keys, int owner)
{
	size_t room = keys->room ? keys->room * 4 : 4 * FEW;
	struct key *all = lua_newuserdatauv(L, room * sizeof *all, 0);
	if (keys->count > 0)
		memcpy(all, keys->all, keys->count * sizeof *all);
	lua_replace(L, owner);
	keys->all = all;
	keys->room = room;
}

/* [-0, +1, v] */
static void collect(lua_State *L, struct keys *keys, int table)
{
	lua_pushnil(L);
	int owner = lua_gettop(L);
	lua_pushnil(L);
	while (lua_next(L, table)) {
		lua_pop(L, 1);
		if (keys->count == keys->room)
			grow(L, keys, owner);
		struct key *key = &keys->all[keys->count];
		*key = key_of(L);
		keys->sorted = keys->sorted && (keys->count == 0 || compare(key - 1, key) < 0);
		keys->count++;
	}
}

/* Pushes the step over a table of any size. The upvalues before the list are on the stack. */
static void push_step_many(lua_State *L, int table)
{
	struct keys keys = { .sorted = true };
	collect(L, &keys, table);
	int owner = lua_gettop(L);
	if (!keys.sorted)
		qsort(keys.all, keys.count, sizeof *keys.all, compare);
	lua_createtable(L, keys.count < 1000000 ? (int)keys.count : 0, 0);
	for (size_t i = 0; i < keys.count; i++) {
		push_key(L, &keys.all[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_remove(L, owner);
	lua_pushcclosure(L, step_many, KEYS);
}

/* ---- pairs ---- */

static int give(lua_State *L, int status, lua_KContext context)
{
	(void)L, (void)status, (void)context;
	return 3;
}

/* Pushes the __pairs of a metatable that a script made. -> is there one? */
static bool push_own(lua_State *L)
{
	if (!lua_getmetatable(L, 1))
		return false;
	lua_pushvalue(L, -1);
	bool made = lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL;
	lua_pop(L, 1);
	if (made) {
		lua_pushliteral(L, "__pairs");
		if (lua_rawget(L, -2) != LUA_TNIL)
			return true;
	}
	lua_settop(L, 1);
	return false;
}

/* Upvalues: the metatables that scripts made, the contents of views, what makes a view. */
static int sorted_pairs(lua_State *L)
{
	lua_settop(L, 1);
	if (!lua_istable(L, 1))
		return luaL_error(L, "pairs: expected a table, got %s", luaL_typename(L, 1));
	if (push_own(L)) {
		lua_pushvalue(L, 1);
		lua_callk(L, 1, 3, 0, give);
		return 3;
	}
	lua_pushvalue(L, 1);
	bool is_view = lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL;
	if (!is_view) {
		lua_pushvalue(L, 1);
		lua_replace(L, 2);
	}
	lua_pushvalue(L, 2);
	if (is_view)
		lua_pushvalue(L, lua_upvalueindex(3));
	else
		lua_pushnil(L);
	lua_pushinteger(L, 0);
	if (!push_step_few(L, 2))
		push_step_many(L, 2);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

/***
 Makes the pairs of scripts. It raises an error for what is not a table, and for a key that is neither
 number, text nor boolean.
 @function core.pairs.new
 @param made table metatable → true: scripts made it, and its __pairs counts
 @param contents table view → what it shows
 @param view function gives the view of a table
 @return function pairs
*/
static int pairs_new(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checktype(L, 2, LUA_TTABLE);
	luaL_checktype(L, 3, LUA_TFUNCTION);
	lua_settop(L, 3);
	lua_pushcclosure(L, sorted_pairs, 3);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "new", pairs_new },
	{ NULL, NULL },
};

int luaopen_o2x_core_pairs(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
