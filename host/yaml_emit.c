/*
** yaml_emit.c: writes Lua values as YAML: block style, two spaces a level, lists not indented below
** their key, quotes only where needed (yaml_quote.c); or in flow style, on one line.
*/
#include "host.h"
#include "json_number.h"
#include "json_value.h"
#include "keys.h"
#include "luabuffer.h"
#include "secret.h"
#include "yaml_module.h"
#include "yaml_quote.h"

#include <stdio.h>
#include <string.h>

struct step {
	const char *key; /* NULL: an item */
	lua_Integer index;
};

struct emitter {
	lua_State *L;
	struct buffer *out;
	struct buffer *keys; /* of the tables that are being written */
	int words, orders;   /* stack indexes */
	const char *prefix;  /* of each line */
	size_t prefix_length;
	int depth;
	struct step path[YAML_MAX_DEPTH + 1];
	const char *what, *code; /* that cannot be written, and why */
};

enum shape { NEITHER, LIST, RECORD };

static bool write_block(struct emitter *e, int index, int spaces, bool started);
static bool write_table(struct emitter *e, int index, enum shape shape, size_t count, int spaces,
			bool started);

static bool refuse(struct emitter *e, const char *what, const char *code)
{
	e->what = what;
	e->code = code;
	return false;
}

static void add(struct emitter *e, const char *text)
{
	luabuffer_adds(e->L, e->out, text);
}

static struct yaml_indent indent(const struct emitter *e, int spaces)
{
	return (struct yaml_indent){ e->prefix, e->prefix_length, spaces };
}

/* ---- scalars ---- */

static bool write_other(struct emitter *e, int index)
{
	lua_State *L = e->L;
	if (json_isnull(L, index))
		return add(e, "null"), true;
	if (secret_bytes(L, index, NULL))
		return refuse(e, "secret", "secret");
	return refuse(e, luaL_typename(L, index), "type");
}

/* lines: the indent of the lines of a text with several lines; NULL: all on one line. */
static bool write_text(struct emitter *e, int index, const struct yaml_indent *lines, bool flow)
{
	size_t length;
	const char *text = lua_tolstring(e->L, index, &length);
	unsigned marks = yaml_marks(text, length);
	if (marks & NOT_UTF8)
		return refuse(e, "string that is not UTF-8", "type");
	if (lines && yaml_is_literal(text, length, marks))
		yaml_add_literal(e->L, e->out, text, length, *lines);
	else
		yaml_add_string(e->L, e->out, index, marks, flow, e->words);
	return true;
}

static bool write_scalar(struct emitter *e, int index, const struct yaml_indent *lines, bool flow)
{
	char digits[JSON_NUMBER_SIZE];
	switch (lua_type(e->L, index)) {
	case LUA_TSTRING: return write_text(e, index, lines, flow);
	case LUA_TBOOLEAN: add(e, lua_toboolean(e->L, index) ? "true" : "false"); return true;
	case LUA_TNUMBER:
		if (!json_format_number(e->L, index, digits))
			return refuse(e, "number that is not finite", "type");
		add(e, digits);
		return true;
	default: return write_other(e, index);
	}
}

/* ---- tables ---- */

static enum shape shape_of(lua_State *L, int index, size_t *count)
{
	bool strings, sequence, array = json_isarray(L, index);
	*count = json_count_keys(L, index, &strings, &sequence);
	if (!array && strings)
		return RECORD;
	return sequence ? LIST : NEITHER;
}

static bool go_down(struct emitter *e, struct step step)
{
	luaL_checkstack(e->L, 8, "YAML");
	if (e->depth >= YAML_MAX_DEPTH)
		return refuse(e, "table nested deeper than 64 levels (or in itself)", "type");
	e->path[e->depth++] = step;
	return true;
}

/* ---- block style ---- */

static bool write_list(struct emitter *e, int index, size_t count, int spaces, bool started)
{
	lua_State *L = e->L;
	for (size_t i = 1; i <= count; i++) {
		e->path[e->depth - 1].index = (lua_Integer)i;
		if (i > 1)
			add(e, "\n");
		if (i > 1 || !started)
			yaml_add_indent(L, e->out, indent(e, spaces));
		add(e, "- ");
		lua_rawgeti(L, index, (lua_Integer)i);
		if (!write_block(e, lua_gettop(L), spaces + 2, true))
			return false;
		lua_pop(L, 1);
	}
	return true;
}

/* What stands after the colon of a key. */
static bool write_value(struct emitter *e, int index, int spaces)
{
	size_t count = 0;
	struct yaml_indent lines = indent(e, spaces + 2);
	if (!lua_istable(e->L, index)) {
		add(e, " ");
		return write_scalar(e, index, &lines, false);
	}
	enum shape shape = shape_of(e->L, index, &count);
	if (!count)
		return add(e, shape == LIST ? " []" : " {}"), true;
	add(e, "\n");
	return write_table(e, index, shape, count, shape == LIST ? spaces : spaces + 2, false);
}

static bool write_record(struct emitter *e, int index, size_t count, int spaces, bool started)
{
	lua_State *L = e->L;
	size_t base = keys_take(L, e->keys, index, count, e->orders);
	for (size_t i = 0; i < count; i++) {
		struct key key = keys_push(L, e->keys, base, i, index);
		unsigned marks = yaml_marks(key.bytes, key.length);
		if (marks & NOT_UTF8) {
			e->depth--;
			return refuse(e, "key that is not UTF-8", "type");
		}
		e->path[e->depth - 1].key = key.bytes;
		if (i > 0)
			add(e, "\n");
		if (i > 0 || !started)
			yaml_add_indent(L, e->out, indent(e, spaces));
		yaml_add_string(L, e->out, lua_gettop(L) - 1, marks, false, e->words);
		add(e, ":");
		if (!write_value(e, lua_gettop(L), spaces))
			return false;
		lua_pop(L, 2);
	}
	e->keys->length = base;
	return true;
}

/* started: what stands before the value on its first line is written already. */
static bool write_table(struct emitter *e, int index, enum shape shape, size_t count, int spaces,
			bool started)
{
	if (shape == NEITHER && e->depth < YAML_MAX_DEPTH)
		return refuse(e, "table that is neither a list nor a record", "type");
	if (!go_down(e, (struct step){ 0 }))
		return false;
	if (!count) {
		if (!started)
			yaml_add_indent(e->L, e->out, indent(e, spaces));
		add(e, shape == LIST ? "[]" : "{}");
	} else if (!(shape == LIST ? write_list : write_record)(e, index, count, spaces, started)) {
		return false;
	}
	e->depth--;
	return true;
}

static bool write_block(struct emitter *e, int index, int spaces, bool started)
{
	size_t count;
	struct yaml_indent lines = indent(e, e->depth ? spaces : spaces + 2);
	if (lua_istable(e->L, index)) {
		enum shape shape = shape_of(e->L, index, &count);
		return write_table(e, index, shape, count, spaces, started);
	}
	if (!started)
		yaml_add_indent(e->L, e->out, indent(e, spaces));
	return write_scalar(e, index, &lines, false);
}

/* ---- flow style ---- */

static bool write_flow(struct emitter *e, int index)
{
	lua_State *L = e->L;
	size_t count;
	if (!lua_istable(L, index))
		return write_scalar(e, index, NULL, true);
	enum shape shape = shape_of(L, index, &count);
	if (shape == NEITHER)
		return refuse(e, "table that is neither a list nor a record", "type");
	if (!go_down(e, (struct step){ 0 }))
		return false;
	size_t base =
		shape == RECORD ? keys_take(L, e->keys, index, count, e->orders) : e->keys->length;
	add(e, shape == LIST ? "[" : "{");
	for (size_t i = 0; i < count; i++) {
		int top = lua_gettop(L);
		if (i)
			add(e, ", ");
		if (shape == LIST) {
			e->path[e->depth - 1].index = (lua_Integer)i + 1;
			lua_rawgeti(L, index, (lua_Integer)i + 1);
		} else {
			struct key key = keys_push(L, e->keys, base, i, index);
			e->path[e->depth - 1].key = key.bytes;
			yaml_add_string(L, e->out, top + 1, yaml_marks(key.bytes, key.length), true,
					e->words);
			add(e, ": ");
		}
		if (!write_flow(e, lua_gettop(L)))
			return false;
		lua_settop(L, top);
	}
	add(e, shape == LIST ? "]" : "}");
	e->keys->length = base;
	e->depth--;
	return true;
}

/* ---- for Lua ---- */

/* Pushes nil, what cannot be written, code, its path. -> 4 */
static int push_refusal(struct emitter *e)
{
	lua_State *L = e->L;
	struct buffer *path = luabuffer_new(L);
	char index[32];
	for (int i = 0; i < e->depth; i++) {
		if (e->path[i].key) {
			luabuffer_adds(L, path, path->length ? "." : "");
			luabuffer_adds(L, path, e->path[i].key);
		} else {
			snprintf(index, sizeof index, "[%lld]", (long long)e->path[i].index);
			luabuffer_adds(L, path, index);
		}
	}
	lua_pushnil(L);
	lua_pushstring(L, e->what);
	lua_pushstring(L, e->code);
	lua_pushlstring(L, path->bytes, path->length);
	return 4;
}

/* Arguments 1 value, 2 words, 3 orders. */
static struct emitter begin(lua_State *L)
{
	struct emitter e = { .L = L, .words = 2, .orders = 3 };
	luaL_checkany(L, 1);
	luaL_checktype(L, 2, LUA_TTABLE);
	luaL_checktype(L, 3, LUA_TTABLE);
	lua_settop(L, 5);
	e.out = luabuffer_new(L);
	e.keys = luabuffer_new(L);
	return e;
}

static int finish(struct emitter *e, bool good)
{
	if (!good)
		return push_refusal(e);
	lua_pushlstring(e->L, e->out->bytes, e->out->length);
	return 1;
}

/***
 A value in block style.
 @function core.yaml.block
 @param value any
 @param words table word → boolean, null or float
 @param orders table map → its keys in their order, each once
 @param indent string of each line
 @param tail string? what the last line ends with
 @return string, or nil, what cannot be written, "secret" or "type", its path
*/
int yaml_block(lua_State *L)
{
	luaL_checkstring(L, 4);
	luaL_optstring(L, 5, NULL);
	struct emitter e = begin(L);
	e.prefix = lua_tolstring(L, 4, &e.prefix_length);
	bool good = write_block(&e, 1, 0, false);
	if (good && !lua_isnil(L, 5))
		add(&e, lua_tostring(L, 5));
	return finish(&e, good);
}

/***
 A value in flow style, on one line.
 @function core.yaml.flow
 @param value any
 @param words table word → boolean, null or float
 @param orders table map → its keys in their order, each once
 @return string, or nil, what cannot be written, "secret" or "type", its path
*/
int yaml_flow(lua_State *L)
{
	struct emitter e = begin(L);
	return finish(&e, write_flow(&e, 1));
}

/***
 A scalar in block style, without an indent before it.
 @function core.yaml.scalar
 @param value any
 @param words table word → boolean, null or float
 @param orders table
 @param indent string? of each further line of a text with several lines; nil: all on one line
 @return string, or nil, what cannot be written, "secret" or "type", its path
*/
int yaml_scalar(lua_State *L)
{
	luaL_optstring(L, 4, NULL);
	struct emitter e = begin(L);
	struct yaml_indent lines = { 0 };
	lines.prefix = lua_tolstring(L, 4, &lines.length);
	return finish(&e, write_scalar(&e, 1, lines.prefix ? &lines : NULL, false));
}

/***
 The shape of a table.
 @function core.yaml.shape
 @param t table
 @return string? "list", "record", or nil if it is neither
*/
int yaml_shape(lua_State *L)
{
	size_t count;
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	enum shape shape = shape_of(L, 1, &count);
	lua_pushstring(L, shape == LIST ? "list" : shape == RECORD ? "record" : NULL);
	return 1;
}
