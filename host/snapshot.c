/*
** snapshot.c: deep copies of plain data, for lua/o2x/base/snapshot.lua. What is no plain data is
** refused; Lua writes the message.
*/
#include "host.h"
#include "json_value.h"

#include <math.h>

enum { DEEPEST = 64, SHOWN_KEYS = 8 };

/* Arguments of copy. The tables of base/frozen.lua and base/ordered.lua are keyed by tables. */
enum { VALUE = 1, CONTENTS, HANDLES, ORDERS, MOST, FUNCTIONS };

struct copying {
	lua_State *L;
	lua_Integer left;      /* values that may still come */
	lua_Integer functions; /* entries in the list of functions */
	int depth;             /* tables that are open */
	int keys[DEEPEST];     /* where the key in each of them is on the stack */
	const void *open[DEEPEST];
	const char *problem; /* NULL: all is well */
	int type;            /* of the value with the problem */
};

static bool refuse(struct copying *c, const char *problem, int index)
{
	c->problem = problem;
	c->type = lua_type(c->L, index);
	return false;
}

/* Pushes the place of the value in the whole: ".spec.ports[2]". A long one is cut. [-0, +1, m] */
static void push_path(const struct copying *c)
{
	luaL_Buffer path;
	lua_State *L = c->L;
	luaL_buffinit(L, &path);
	for (int i = 0; i < c->depth && i < SHOWN_KEYS; i++) {
		bool named = lua_type(L, c->keys[i]) == LUA_TSTRING;
		luaL_addstring(&path, named ? "." : "[");
		luaL_tolstring(L, c->keys[i], NULL);
		luaL_addvalue(&path);
		luaL_addstring(&path, named ? "" : "]");
	}
	if (c->depth > SHOWN_KEYS)
		luaL_addstring(&path, "…");
	luaL_pushresult(&path);
}

/* Notes where a function is: the table that holds its copy, the key, the path. [-0, +0, m] */
static void note_function(struct copying *c, int result)
{
	lua_State *L = c->L;
	if (c->depth == 0)
		return;
	lua_pushvalue(L, result);
	lua_rawseti(L, FUNCTIONS, ++c->functions);
	lua_pushvalue(L, c->keys[c->depth - 1]);
	lua_rawseti(L, FUNCTIONS, ++c->functions);
	push_path(c);
	lua_rawseti(L, FUNCTIONS, ++c->functions);
}

/* An empty table with room for what another one has. [-0, +1, m] */
static void push_room(lua_State *L, int source)
{
	int list = (int)lua_rawlen(L, source), fields = 0;
	lua_pushnil(L);
	if (list)
		lua_pop(L, 1);
	for (; !list && lua_next(L, source); fields++)
		lua_pop(L, 1);
	lua_createtable(L, list, fields);
}

static bool copy(struct copying *c, int result);

/* [-0, +0, m] */
static bool copy_fields(struct copying *c, int source, int result)
{
	lua_State *L = c->L;
	lua_pushnil(L);
	while (lua_next(L, source)) {
		int key = lua_gettop(L) - 1, type = lua_type(L, key);
		if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
			return refuse(c, "key", key);
		c->keys[c->depth++] = key;
		if (!copy(c, result))
			return false;
		c->depth--;
		lua_pushvalue(L, key);
		lua_rotate(L, -2, 1);
		lua_rawset(L, result);
	}
	return true;
}

/* Pushes what has a table's fields: of a view, its contents. [-0, +1, -] */
static void push_source(lua_State *L, int value)
{
	lua_pushvalue(L, value);
	if (lua_rawget(L, CONTENTS) != LUA_TTABLE) {
		lua_pop(L, 1);
		lua_pushvalue(L, value);
	}
}

/* Gives the copy the marks of its source: list, order of keys. [-0, +0, m] */
static void copy_marks(lua_State *L, int source, int result)
{
	if (json_isarray(L, source))
		json_markarray(L, result);
	lua_pushvalue(L, source);
	if (lua_rawget(L, ORDERS) == LUA_TNIL) {
		lua_pop(L, 1);
		return;
	}
	lua_pushvalue(L, result);
	lua_rotate(L, -2, 1);
	lua_rawset(L, ORDERS);
}

/* Replaces the table on top by its copy. [-1, +1, m] */
static bool copy_table(struct copying *c)
{
	lua_State *L = c->L;
	int value = lua_gettop(L);
	push_source(L, value);
	const void *address = lua_topointer(L, -1);
	for (int i = 0; i < c->depth; i++)
		if (c->open[i] == address)
			return refuse(c, "itself", value);
	if (c->depth == DEEPEST)
		return refuse(c, "deep", value);
	/* A metatable of a script could answer differently each time it is asked. */
	if (lua_getmetatable(L, -1)) {
		lua_pop(L, 1);
		if (!json_isarray(L, -1))
			return refuse(c, "metatable", value);
	}
	c->open[c->depth] = address;
	push_room(L, value + 1);
	if (!copy_fields(c, value + 1, value + 2))
		return false;
	copy_marks(L, value + 1, value + 2);
	lua_replace(L, value);
	lua_settop(L, value);
	return true;
}

/* Is the table on top one that guards itself? Those have a metatable. */
static bool is_handle(lua_State *L)
{
	if (!lua_getmetatable(L, -1))
		return false;
	lua_pop(L, 1);
	lua_pushvalue(L, -1);
	bool found = lua_rawget(L, HANDLES) == LUA_TBOOLEAN;
	lua_pop(L, 1);
	return found;
}

/* Replaces the value on top, which goes into the table at `result`, by its copy. [-1, +1, m] */
static bool copy(struct copying *c, int result)
{
	lua_State *L = c->L;
	luaL_checkstack(L, 8, "nested too deep");
	if (--c->left < 0)
		return refuse(c, "many", -1);
	switch (lua_type(L, -1)) {
	case LUA_TTABLE: return is_handle(L) || copy_table(c);
	case LUA_TFUNCTION: note_function(c, result); return true;
	case LUA_TTHREAD: return refuse(c, "type", -1);
	default: return true;
	}
}

/***
 A deep copy of plain data: texts, numbers, booleans, userdata, functions, and tables of them. Views
 are read through; handles stay as they are; marks of lists and orders of keys are kept.
 @function core.snapshot.copy
 @param value any
 @param contents table view → its contents
 @param handles table of tables that guard themselves
 @param orders table table → its order of keys
 @param most integer values at most
 @param functions table a list that gets, for each function inside: the table, the key, the path
 @return any copy; or nil, the problem ("key", "itself", "deep", "metatable", "many", "type"), the
 path to it, the type of what is there
*/
static int snapshot_copy(lua_State *L)
{
	struct copying c = { .L = L, .left = luaL_checkinteger(L, MOST) };
	for (int i = CONTENTS; i <= ORDERS; i++)
		luaL_checktype(L, i, LUA_TTABLE);
	luaL_checktype(L, FUNCTIONS, LUA_TTABLE);
	lua_settop(L, FUNCTIONS);
	lua_pushvalue(L, VALUE);
	if (copy(&c, 0))
		return 1;
	lua_pushnil(L);
	lua_pushstring(L, c.problem);
	push_path(&c);
	lua_pushstring(L, lua_typename(L, c.type));
	return 4;
}

/***
 Need none of the values be copied?
 @function core.snapshot.are_atoms
 @param ... any
 @return boolean
*/
static int snapshot_are_atoms(lua_State *L)
{
	bool atoms = true;
	for (int i = lua_gettop(L); i > 0; i--) {
		int type = lua_type(L, i);
		atoms = atoms && type != LUA_TTABLE && type != LUA_TFUNCTION && type != LUA_TTHREAD;
	}
	lua_pushboolean(L, atoms);
	return 1;
}

/* A name that a record may have: one with "$" means something else in one (base/plain.lua). */
static bool is_plain_key(lua_State *L, int key)
{
	return lua_type(L, key) == LUA_TSTRING ? *lua_tostring(L, key) != '$'
					       : lua_isinteger(L, key);
}

static bool is_plain_number(lua_State *L, int number)
{
	double n = lua_tonumber(L, number);
	return lua_isinteger(L, number) || (isfinite(n) && n != floor(n));
}

/* [-0, +0, m] */
static bool is_plain(lua_State *L, int value, int orders, int depth)
{
	int type = lua_type(L, value);
	if (type == LUA_TNUMBER)
		return is_plain_number(L, value);
	if (type != LUA_TTABLE)
		return type == LUA_TSTRING || type == LUA_TBOOLEAN || type == LUA_TLIGHTUSERDATA;
	luaL_checkstack(L, 4, "is_plain");
	lua_pushvalue(L, value);
	bool has_order = lua_rawget(L, orders) != LUA_TNIL;
	lua_pop(L, 1);
	if (depth == DEEPEST || has_order)
		return false;
	bool plain = true;
	lua_pushnil(L);
	while (plain && lua_next(L, value)) {
		int top = lua_gettop(L);
		plain = is_plain_key(L, top - 1) && is_plain(L, top, orders, depth + 1);
		lua_pop(L, plain ? 1 : 2);
	}
	return plain;
}

/***
 Would JSON give the value back as it is, if it can be written as JSON at all? It has no float that
 is a whole number, no order of keys, no key that begins with "$", no functions and no secrets.
 @function core.snapshot.is_plain
 @param value any
 @param orders table of base/ordered.lua
 @return boolean
*/
static int snapshot_is_plain(lua_State *L)
{
	lua_settop(L, 2);
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_pushboolean(L, is_plain(L, 1, 2, 0));
	return 1;
}

static const luaL_Reg functions[] = {
	{ "copy", snapshot_copy },
	{ "is_plain", snapshot_is_plain },
	{ "are_atoms", snapshot_are_atoms },
	{ NULL, NULL },
};

int luaopen_o2x_core_snapshot(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
