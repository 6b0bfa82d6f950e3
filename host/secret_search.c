/*
** secret_search.c: the functions of the secret module that search texts for live secrets.
*/
#include "secret_search.h"
#include "scrub.h"
#include "secret_clean.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

/* Is the first argument a text that is known to be clean? Leaves the memory at 2. */
static bool known(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);
	lua_settop(L, 1);
	secret_push_clean(L);
	return secret_is_clean(L, 2, 1);
}

static void check_memory(lua_State *L, bool failed)
{
	if (failed)
		luaL_error(L, "not enough memory");
}

/***
 Masks every live secret in a text, raw and in the usual encodings.
 @function core.secret.scrub
 @param text string
 @return string
 @return boolean was anything masked?
*/
int secret_scrub(lua_State *L)
{
	size_t length, masked = 0;
	char *clean = NULL;
	if (!known(L)) {
		const char *text = lua_tolstring(L, 1, &length);
		clean = scrub_text(text, length, &masked);
		check_memory(L, masked == SCRUB_FAILED);
		if (!clean)
			secret_note_clean(L, 2, 1);
	}
	if (clean)
		lua_pushlstring(L, clean, masked);
	else
		lua_pushvalue(L, 1);
	free(clean);
	lua_pushboolean(L, clean != NULL);
	return 2;
}

/***
 Is there a live secret in a text, plain or encoded?
 @function core.secret.found
 @param text string
 @return string|nil label of one that is
*/
int secret_found(lua_State *L)
{
	size_t length;
	int failed;
	if (known(L))
		return 0;
	const char *text = lua_tolstring(L, 1, &length);
	const struct scrub_entry *entry = scrub_find(text, length, &failed);
	check_memory(L, failed);
	if (!entry)
		secret_note_clean(L, 2, 1);
	lua_pushstring(L, entry ? entry->label : NULL);
	return 1;
}

/***
 Finds the live secrets in a text, plain or encoded.
 @function core.secret.ranges
 @param text string
 @return integer[] first and last byte of each stretch that has one, in order
*/
int secret_ranges(lua_State *L)
{
	size_t length, count = 0;
	struct scrub_range *ranges = NULL;
	if (!known(L)) {
		const char *text = lua_tolstring(L, 1, &length);
		ranges = scrub_ranges(text, length, &count);
		check_memory(L, count == SCRUB_FAILED);
		if (count == 0)
			secret_note_clean(L, 2, 1);
	}
	lua_newtable(L);
	for (size_t i = 0; i < count; i++) {
		lua_pushinteger(L, (lua_Integer)ranges[i].from + 1);
		lua_rawseti(L, -2, (lua_Integer)(2 * i + 1));
		lua_pushinteger(L, (lua_Integer)ranges[i].to);
		lua_rawseti(L, -2, (lua_Integer)(2 * i + 2));
	}
	free(ranges);
	return 1;
}

/* ---- whole values ---- */

/* Arguments of suspicious, and what stands behind them on the stack. */
enum { VALUE = 1, MARKS, MARKS_END = MARKS + 2, MEMORY = MARKS_END, FRESH };

enum {
	DEEPEST = 100,  /* levels of tables */
	SHORT = 100000, /* a number below it has not enough digits for a secret */
};

struct walk {
	lua_State *L;
	lua_Integer fresh; /* texts that are in the list of those to be searched */
	bool marked;       /* one of them, or another, has a mark */
};

static bool has_mark(lua_State *L, int text)
{
	size_t length, size;
	const char *bytes = lua_tolstring(L, text, &length);
	for (int i = MARKS; i < MARKS_END; i++) {
		const char *mark = lua_tolstring(L, i, &size);
		if (mark && memmem(bytes, length, mark, size))
			return true;
	}
	return false;
}

/* Notes a text that must be searched, once. Pops it. [-1, +0, m] */
static void add_text(struct walk *walk)
{
	lua_State *L = walk->L;
	int text = lua_gettop(L);
	walk->marked = walk->marked || has_mark(L, text);
	if (!secret_is_clean(L, MEMORY, text) && !secret_is_clean(L, FRESH, text)) {
		lua_pushvalue(L, text);
		lua_rawseti(L, FRESH, ++walk->fresh);
		lua_pushvalue(L, text);
		lua_pushboolean(L, 1);
		lua_rawset(L, FRESH);
	}
	lua_settop(L, text - 1);
}

static void add_number(struct walk *walk, int idx)
{
	lua_State *L = walk->L;
	lua_Integer number = lua_tointeger(L, idx);
	if (lua_isinteger(L, idx) && number > -SHORT / 10 && number < SHORT)
		return;
	lua_pushvalue(L, idx); /* a key of a walk must stay a number */
	lua_tolstring(L, -1, NULL);
	add_text(walk);
}

/* Adds the texts of the value at idx. -> false: it is nested too deep [-0, +0, m] */
static bool add_texts(struct walk *walk, int idx, int depth)
{
	lua_State *L = walk->L;
	switch (lua_type(L, idx)) {
	case LUA_TNUMBER: add_number(walk, idx); return true;
	case LUA_TSTRING:
		lua_pushvalue(L, idx);
		add_text(walk);
		return true;
	case LUA_TTABLE: break;
	default: return true;
	}
	if (depth == DEEPEST)
		return false;
	luaL_checkstack(L, 8, "nested too deep");
	lua_pushnil(L);
	while (lua_next(L, idx)) {
		int item = lua_gettop(L);
		if (!add_texts(walk, item - 1, depth + 1) || !add_texts(walk, item, depth + 1))
			return false;
		lua_settop(L, item - 1);
	}
	return true;
}

/*
** Pushes all texts to be searched as one, so that one search answers for most values. No code goes on
** behind a NUL: what is in one text is found whatever stands in the one before it. [-0, +1, m]
*/
static void push_fresh(const struct walk *walk)
{
	luaL_Buffer all;
	luaL_buffinit(walk->L, &all);
	for (lua_Integer i = 1; i <= walk->fresh; i++) {
		lua_rawgeti(walk->L, FRESH, i);
		luaL_addvalue(&all);
		luaL_addchar(&all, '\0');
	}
	luaL_pushresult(&all);
}

/***
 May there be a live secret, or one of the marks, in a text, number or key of a value? Tables are
 read raw.
 @function core.secret.suspicious
 @param value any
 @param first string? a mark
 @param second string? another one
 @return boolean false: there is none
*/
int secret_suspicious(lua_State *L)
{
	struct walk walk = { .L = L };
	int failed = 0;
	size_t length;
	lua_settop(L, MARKS_END - 1);
	secret_push_clean(L);
	lua_newtable(L);
	bool done = add_texts(&walk, VALUE, 0) && !walk.marked;
	if (done && walk.fresh > 0) {
		push_fresh(&walk);
		const char *text = lua_tolstring(L, -1, &length);
		done = !scrub_find(text, length, &failed);
		check_memory(L, failed);
	}
	for (lua_Integer i = 1; done && i <= walk.fresh; i++) {
		lua_rawgeti(L, FRESH, i);
		secret_note_clean(L, MEMORY, lua_gettop(L));
		lua_pop(L, 1);
	}
	lua_pushboolean(L, !done);
	return 1;
}

/* Is there a secret in the value at idx? [-0, +0, -] */
static bool has_secret(lua_State *L, int idx, int depth)
{
	if (lua_type(L, idx) == LUA_TUSERDATA)
		return luaL_testudata(L, idx, SECRET_TYPE) != NULL;
	if (lua_type(L, idx) != LUA_TTABLE)
		return false;
	if (depth == DEEPEST)
		return true;
	luaL_checkstack(L, 4, "nested too deep");
	lua_pushnil(L);
	while (lua_next(L, idx)) {
		int item = lua_gettop(L);
		if (has_secret(L, item, depth + 1))
			return true;
		lua_settop(L, item - 1);
	}
	return false;
}

/***
 May there be a secret in a value? Tables are read raw.
 @function core.secret.inside
 @param value any
 @return boolean false: there is none
*/
int secret_inside(lua_State *L)
{
	lua_settop(L, 1);
	lua_pushboolean(L, has_secret(L, 1, 0));
	return 1;
}
