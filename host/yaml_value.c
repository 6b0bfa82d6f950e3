/*
** yaml_value.c: see yaml_value.h.
*/
#include "yaml_value.h"

#include <math.h>
#include <string.h>

#include "host.h"
#include "json_number.h"
#include "json_value.h"
#include "yaml_module.h"
#include "yaml_scalar.h"

#define TAG "tag:yaml.org,2002:"

static bool push_value(struct yaml_reading *r, const struct yaml_node *node, int depth);

static const char *text_of(const struct yaml_reading *r, const struct yaml_node *node)
{
	return yaml_tree_text(r->tree, node->text);
}

static const struct yaml_node *node_at(const struct yaml_reading *r, uint32_t number)
{
	return &r->tree->nodes[number];
}

static bool mistake(struct yaml_reading *r, const struct yaml_node *at, const char *code,
		    const char *detail, size_t length)
{
	r->at = at;
	r->code = code;
	r->detail = detail;
	r->detail_length = length;
	return false;
}

static bool bad(struct yaml_reading *r, const struct yaml_node *at, const char *code)
{
	return mistake(r, at, code, "", 0);
}

/* ---- scalars ---- */

static bool push_tagged(struct yaml_reading *r, const struct yaml_node *node, const char *wanted)
{
	lua_State *L = r->L;
	const char *text = text_of(r, node);
	enum yaml_type type = yaml_push_plain(L, text, node->length, r->words);
	if (!strcmp(wanted, "str")) {
		lua_pop(L, 1);
		lua_pushlstring(L, text, node->length);
		return true;
	}
	if (!strcmp(wanted, yaml_type_names[type]))
		return true;
	if (!strcmp(wanted, "float") && type == TYPE_INT) {
		lua_pushnumber(L, lua_tonumber(L, -1));
		lua_remove(L, -2);
		return true;
	}
	r->more = wanted;
	return mistake(r, node, "type", text, node->length);
}

static bool push_plain(struct yaml_reading *r, const struct yaml_node *node)
{
	const char *text = text_of(r, node);
	enum yaml_type type = yaml_push_plain(r->L, text, node->length, r->words);
	if (type == TYPE_RANGE && r->exact)
		return mistake(r, node, "range", text, node->length);
	if (type == TYPE_FLOAT && !isfinite(lua_tonumber(r->L, -1)))
		return mistake(r, node, "infinite", text, node->length);
	return true;
}

static bool push_scalar(struct yaml_reading *r, const struct yaml_node *node)
{
	const char *tag = node->tag ? yaml_tree_text(r->tree, node->tag) : NULL;
	if (tag && !strncmp(tag, TAG, sizeof TAG - 1))
		return push_tagged(r, node, tag + sizeof TAG - 1);
	if (tag && strcmp(tag, "!") != 0)
		return mistake(r, node, "tag", tag, strlen(tag));
	if (!tag && node->style == YAML_PLAIN_SCALAR_STYLE)
		return push_plain(r, node);
	lua_pushlstring(r->L, text_of(r, node), node->length);
	return true;
}

/* JSON has only text keys, so Helm makes texts of them: 8080: is "8080", and on: is "true". */
bool yaml_push_key(struct yaml_reading *r, const struct yaml_node *key)
{
	lua_State *L = r->L;
	char digits[JSON_NUMBER_SIZE];
	const struct yaml_node *target = yaml_tree_target(r->tree, key);
	if (target->kind != YAML_SCALAR)
		return bad(r, key, "key");
	if (!push_scalar(r, target))
		return false;
	switch (lua_type(L, -1)) {
	case LUA_TSTRING: return true;
	case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false"); break;
	case LUA_TNUMBER:
		if (!json_format_number(L, -1, digits))
			return mistake(r, key, "infinite", text_of(r, target), target->length);
		lua_pushstring(L, digits);
		break;
	default: return bad(r, key, "null key");
	}
	lua_remove(L, -2);
	return true;
}

/* ---- merge keys ---- */

/* [-1, +0, m] Adds what the table on the top has and the table at `map` lacks. */
static void add_missing(lua_State *L, int map)
{
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		lua_pushvalue(L, -2);
		if (lua_rawget(L, map) == LUA_TNIL) {
			lua_pushvalue(L, -3);
			lua_pushvalue(L, -3);
			lua_rawset(L, map);
		}
		lua_pop(L, 2);
	}
	lua_pop(L, 1);
}

static bool merge_mapping(struct yaml_reading *r, int map, const struct yaml_node *node, int depth)
{
	if (!push_value(r, node, depth))
		return false;
	add_missing(r->L, map);
	return true;
}

/* Adds the keys of a mapping, or of a list of them, of which earlier ones count. */
static bool merge(struct yaml_reading *r, int map, const struct yaml_node *node, int depth)
{
	const struct yaml_node *target = yaml_tree_target(r->tree, node);
	if (target->kind == YAML_MAPPING)
		return merge_mapping(r, map, node, depth);
	if (node->kind != YAML_SEQUENCE)
		return bad(r, node, "merge");
	for (uint32_t i = node->child; i; i = node_at(r, i)->next) {
		const struct yaml_node *item = node_at(r, i);
		if (yaml_tree_target(r->tree, item)->kind != YAML_MAPPING)
			return bad(r, item, "merge item");
		if (!merge_mapping(r, map, item, depth))
			return false;
	}
	return true;
}

/*
** A merge inserts its keys at its place, as in Helm: they override the keys above it, and keys
** below override them. (In YAML's own draft, the mapping's own keys would always win.)
*/
static bool push_merge(struct yaml_reading *r, int map, const struct yaml_node *node, int depth)
{
	lua_State *L = r->L;
	lua_newtable(L);
	int merged = lua_gettop(L);
	if (!merge(r, merged, node, depth))
		return false;
	lua_pushnil(L);
	while (lua_next(L, merged)) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, map);
	}
	lua_settop(L, merged - 1);
	return true;
}

/* ---- collections ---- */

/* Where the parts of a mapping that is being made are: the map itself, its keys in order or nil. */
struct map {
	int map, keys;
	int own;           /* the table that has the mapping's own keys */
	lua_Integer count; /* of keys */
};

static bool has_merge(const struct yaml_reading *r, const struct yaml_node *node)
{
	for (uint32_t i = node->child; i; i = node_at(r, node_at(r, i)->next)->next)
		if (yaml_tree_is_merge(r->tree, node_at(r, i)))
			return true;
	return false;
}

/* [-0, +1, m] Pushes a key of the mapping itself, and takes note of it. */
static bool push_own_key(struct yaml_reading *r, struct map *m, const struct yaml_node *key)
{
	lua_State *L = r->L;
	if (!yaml_push_key(r, key))
		return false;
	lua_pushvalue(L, -1);
	bool twice = lua_rawget(L, m->own) != LUA_TNIL;
	lua_pop(L, 1);
	if (twice && !r->repeats) {
		size_t length;
		const char *text = lua_tolstring(L, -1, &length);
		return mistake(r, key, "duplicate", text, length);
	}
	if (m->own != m->map) {
		lua_pushvalue(L, -1);
		lua_pushboolean(L, true);
		lua_rawset(L, m->own);
	}
	if (r->orders && !twice) {
		lua_pushvalue(L, -1);
		lua_rawseti(L, m->keys, ++m->count);
	}
	return true;
}

static bool push_entries(struct yaml_reading *r, struct map *m, const struct yaml_node *node,
			 int depth)
{
	for (uint32_t i = node->child; i;) {
		const struct yaml_node *key = node_at(r, i), *item = node_at(r, key->next);
		i = item->next;
		if (m->own != m->map && yaml_tree_is_merge(r->tree, key)) {
			if (!push_merge(r, m->map, item, depth))
				return false;
			continue;
		}
		if (!push_own_key(r, m, key) || !push_value(r, item, depth))
			return false;
		lua_rawset(r->L, m->map);
	}
	return true;
}

static bool push_mapping(struct yaml_reading *r, const struct yaml_node *node, int depth)
{
	lua_State *L = r->L;
	struct map m = { 0 };
	lua_createtable(L, 0, (int)(node->count / 2));
	m.map = m.own = lua_gettop(L);
	if (has_merge(r, node)) {
		lua_newtable(L);
		m.own = lua_gettop(L);
	}
	if (r->orders) {
		lua_createtable(L, (int)(node->count / 2), 0);
		m.keys = lua_gettop(L);
	}
	if (!push_entries(r, &m, node, depth))
		return false;
	if (r->orders) {
		lua_pushvalue(L, m.map);
		lua_pushvalue(L, m.keys);
		lua_rawset(L, r->orders);
	}
	lua_settop(L, m.map);
	return true;
}

static bool push_sequence(struct yaml_reading *r, const struct yaml_node *node, int depth)
{
	lua_Integer place = 0;
	lua_createtable(r->L, (int)node->count, 0);
	lua_pushvalue(r->L, r->array);
	lua_setmetatable(r->L, -2);
	for (uint32_t i = node->child; i; i = node_at(r, i)->next) {
		if (!push_value(r, node_at(r, i), depth))
			return false;
		lua_rawseti(r->L, -2, ++place);
	}
	return true;
}

static bool push_alias(struct yaml_reading *r, const struct yaml_node *node, int depth)
{
	r->inside++;
	if (!push_value(r, node_at(r, node->target), depth))
		return false;
	r->inside--;
	return true;
}

/* [-0, +1, m] */
static bool push_value(struct yaml_reading *r, const struct yaml_node *node, int depth)
{
	luaL_checkstack(r->L, 16, "YAML");
	if (depth > YAML_MAX_DEPTH)
		return bad(r, node, "nested");
	if (r->inside && ++r->expanded > r->most_expanded)
		return bad(r, node, "expanded");
	switch (node->kind) {
	case YAML_SCALAR: return push_scalar(r, node);
	case YAML_ALIAS: return push_alias(r, node, depth);
	case YAML_MAPPING: return push_mapping(r, node, depth + 1);
	default: return push_sequence(r, node, depth + 1);
	}
}

/* ---- whole values ---- */

void yaml_reading_begin(struct yaml_reading *r)
{
	json_pusharraytype(r->L);
	r->array = lua_gettop(r->L);
}

bool yaml_push_value(struct yaml_reading *r, const struct yaml_node *node)
{
	return push_value(r, node, 0);
}

int yaml_push_mistake(const struct yaml_reading *r)
{
	lua_State *L = r->L;
	luaL_checkstack(L, 16, "YAML");
	lua_pushnil(L);
	lua_pushfstring(L, "%d:%d: ", (int)r->at->line, (int)r->at->column);
	lua_pushlstring(L, r->detail, r->detail_length);
	lua_concat(L, 2);
	lua_pushstring(L, r->code);
	lua_pushstring(L, r->more);
	return 4;
}

/***
 The value of a node, without what is null to YAML being absent: null is json.null.
 @function tree:value
 @param node integer
 @param words table word → boolean, null or float
 @param most integer values that aliases may expand to
 @param orders table? gets the keys of each map in their order: map → keys
 @param exact boolean? a number beyond 64 bits is an error
 @param repeats boolean? of a key that is there twice the last one counts
 @return any value, or nil, "line:column: detail", code, more: "nested" too deep, "expanded" to too
 many values, "key" no scalar, "null key", "duplicate" key (its text), "merge" and "merge item" of
 what is no mapping, "tag" unknown (the tag), "type" that a text does not have (the text; the type),
 "range" of 64 bits left (the text), "infinite" number (the text)
*/
int yaml_tree_value(lua_State *L)
{
	struct yaml_tree *tree = yaml_check_tree(L, 1);
	const struct yaml_node *node = yaml_check_node(L, tree, 2);
	luaL_checktype(L, 3, LUA_TTABLE);
	lua_settop(L, 7);
	struct yaml_reading r = {
		.L = L,
		.tree = tree,
		.words = 3,
		.most_expanded = (uint32_t)host_checkrange(L, 4, 0, INT32_MAX),
		.orders = lua_istable(L, 5) ? 5 : 0,
		.exact = lua_toboolean(L, 6),
		.repeats = lua_toboolean(L, 7),
	};
	yaml_reading_begin(&r);
	return yaml_push_value(&r, node) ? 1 : yaml_push_mistake(&r);
}
