/*
** parse_order.c: the nodes of a tree in the order of a walk, parents first. A tree is walked many
** times, so its nodes are put into one list once; each knows its place in it and that of its last
** one. The list has the nodes of each kind, too.
*/
#include "parse.h"

#include <lauxlib.h>

/* A text of operators that bind to their left becomes a deep tree. */
enum { DEEPEST = 20000, SLOTS = 8 };

enum form { NODE, LIST, ITEMS, CLAUSES };

struct child {
	const char *field;
	enum form form;
};

/* The children of each kind of node, in the order in which they are walked. */
static const struct {
	const char *name;
	struct child children[2];
} kinds[] = {
	{ "name", { { 0 } } },
	{ "string", { { 0 } } },
	{ "index", { { "object", NODE }, { "key", NODE } } },
	{ "call", { { "fn", NODE }, { "args", LIST } } },
	{ "method", { { "object", NODE }, { "args", LIST } } },
	{ "expression", { { "value", NODE } } },
	{ "local", { { "values", LIST } } },
	{ "assign", { { "values", LIST }, { "targets", LIST } } },
	{ "binary", { { "a", NODE }, { "b", NODE } } },
	{ "return", { { "values", LIST } } },
	{ "func", { { "body", LIST } } },
	{ "if", { { "clauses", CLAUSES } } },
	{ "table", { { "items", ITEMS } } },
	{ "number", { { 0 } } },
	{ "literal", { { 0 } } },
	{ "unary", { { "a", NODE } } },
	{ "loop", { { "exprs", LIST }, { "body", LIST } } },
	{ "do", { { "body", LIST } } },
	{ "break", { { 0 } } },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Parts that are no nodes themselves. */
static const struct child item[] = { { "key", NODE }, { "value", NODE } };
static const struct child clause[] = { { "condition", NODE }, { "body", LIST } };

struct order {
	lua_State *L;
	const char *names[KINDS]; /* as Lua has them */
	lua_Integer counts[KINDS];
	lua_Integer count;
	int all, lists; /* places on the stack: of the list, of the lists of each kind */
	int depth;
};

static void enumerate(struct order *o);

static int kind_of(struct order *o)
{
	lua_State *L = o->L;
	lua_getfield(L, -1, "k");
	const char *name = lua_tostring(L, -1);
	int kind = 0;
	while (o->names[kind] != name) /* short texts with the same bytes are one text */
		kind++;
	lua_pop(L, 1);
	return kind;
}

static void children(struct order *o, const struct child *list);

/* What is on top of the stack is taken from it. */
static void child(struct order *o, enum form form)
{
	lua_State *L = o->L;
	if (form == NODE) {
		enumerate(o);
		return;
	}
	for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
		if (form == LIST) {
			enumerate(o);
		} else {
			children(o, form == ITEMS ? item : clause);
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 2);
}

/* The children of the node, or of the part, on top of the stack, which stays there. */
static void children(struct order *o, const struct child *list)
{
	for (int i = 0; i < 2 && list[i].field; i++)
		if (lua_getfield(o->L, -1, list[i].field) != LUA_TNIL)
			child(o, list[i].form);
		else
			lua_pop(o->L, 1);
}

static void set_place(lua_State *L, const char *field, lua_Integer place)
{
	lua_pushinteger(L, place);
	lua_setfield(L, -2, field);
}

/* Takes the node on top of the stack from it. */
static void enumerate(struct order *o)
{
	lua_State *L = o->L;
	if (++o->depth > DEEPEST)
		luaL_error(L, "nested too deep");
	luaL_checkstack(L, SLOTS, "nested too deep");
	int kind = kind_of(o);
	lua_pushvalue(L, -1);
	lua_rawseti(L, o->all, ++o->count);
	lua_pushvalue(L, -1);
	lua_rawseti(L, o->lists + kind, ++o->counts[kind]);
	lua_pushvalue(L, o->all);
	lua_setfield(L, -2, "order");
	set_place(L, "first", o->count);
	children(o, kinds[kind].children);
	set_place(L, "last", o->count);
	lua_pop(L, 1);
	o->depth--;
}

void parse_order(lua_State *L)
{
	struct order o = { .L = L };
	int tree = lua_gettop(L);
	luaL_checkstack(L, 2 * KINDS + SLOTS, "too many kinds");
	lua_newtable(L);
	o.all = lua_gettop(L);
	for (int i = 0; i < KINDS; i++)
		o.names[i] = lua_pushstring(L, kinds[i].name);
	o.lists = lua_gettop(L) + 1;
	for (int i = 0; i < KINDS; i++)
		lua_newtable(L);
	lua_pushvalue(L, tree);
	enumerate(&o);
	for (int i = 0; i < KINDS; i++) {
		lua_pushvalue(L, o.lists + i);
		if (o.counts[i] > 0)
			lua_setfield(L, o.all, kinds[i].name);
		else
			lua_pop(L, 1);
	}
	lua_settop(L, tree);
}
