/*
** yaml_find.c: nodes of a tree by key, by number, by what they hold; how they are written.
*/
#include "host.h"
#include "yaml_module.h"
#include "yaml_scalar.h"
#include "yaml_value.h"

#include <string.h>

enum { MOST_KEYS = 64 }; /* of a mapping that is looked at quickly */

/* [-0, +1, m] Pushes the text of a key, if it is one. */
static bool push_key(lua_State *L, const struct yaml_tree *tree, uint32_t key, int words)
{
	struct yaml_reading r = { .L = L, .tree = tree, .words = words };
	return !yaml_tree_is_merge(tree, &tree->nodes[key]) && yaml_push_key(&r, &tree->nodes[key]);
}

/* The number of the entry with the key that is a string at an index, or 0. */
static uint32_t find_entry(lua_State *L, const struct yaml_tree *tree, const struct yaml_node *node,
			   int wanted, int words, uint32_t *key)
{
	int top = lua_gettop(L);
	uint32_t place = 0;
	if (node->kind != YAML_MAPPING)
		return 0;
	for (*key = node->child; *key; *key = tree->nodes[tree->nodes[*key].next].next) {
		place++;
		bool found = push_key(L, tree, *key, words) && lua_rawequal(L, wanted, -1);
		lua_settop(L, top);
		if (found)
			return place;
	}
	return 0;
}

/***
 The value of a key of a mapping, and the key. A merge key is none.
 @function tree:entry
 @param node integer
 @param key string as Helm sees it
 @param words table word → boolean, null or float
 @return integer? node of the value; nil if the node is no mapping, or has no such key
 @return integer node of the key
 @return integer number of the entry, from 1
*/
int yaml_tree_entry(lua_State *L)
{
	struct yaml_tree *tree = yaml_check_tree(L, 1);
	const struct yaml_node *node = yaml_check_node(L, tree, 2);
	uint32_t key, place;
	luaL_checkstring(L, 3);
	luaL_checktype(L, 4, LUA_TTABLE);
	place = find_entry(L, tree, node, 3, 4, &key);
	if (!place)
		return 0;
	lua_pushinteger(L, tree->nodes[key].next);
	lua_pushinteger(L, key);
	lua_pushinteger(L, place);
	return 3;
}

/***
 An item of a sequence.
 @function tree:item
 @param node integer
 @param number integer from 1
 @return integer? node; nil if the node is no sequence, or has no such item
*/
int yaml_tree_item(lua_State *L)
{
	struct yaml_tree *tree = yaml_check_tree(L, 1);
	const struct yaml_node *node = yaml_check_node(L, tree, 2);
	lua_Integer place = luaL_checkinteger(L, 3);
	if (node->kind != YAML_SEQUENCE || place < 1 || place > node->count)
		return 0;
	uint32_t i = node->child;
	while (--place)
		i = tree->nodes[i].next;
	lua_pushinteger(L, i);
	return 1;
}

/***
 What a node is, and how it is written.
 @function tree:form
 @param node integer
 @return string "scalar", "sequence", "mapping", "alias"
 @return string? "plain", "single", "double", "literal", "folded"; "block", "flow"; nil for an alias
 @return integer number of its items, or of its entries
*/
int yaml_tree_form(lua_State *L)
{
	const struct yaml_node *node = yaml_check_node(L, yaml_check_tree(L, 1), 2);
	lua_pushstring(L, yaml_kinds[node->kind]);
	if (node->kind == YAML_SCALAR)
		lua_pushstring(L, yaml_scalar_styles[node->style]);
	else if (node->kind == YAML_ALIAS)
		lua_pushnil(L);
	else
		lua_pushstring(L, node->flow ? "flow" : "block");
	lua_pushinteger(L, node->kind == YAML_MAPPING ? node->count / 2 : node->count);
	return 3;
}

/* ---- trees in which each value has a place of its own ---- */

/* Floats of the table of words, such as .inf, begin as numbers do. */
static bool is_simple_scalar(const struct yaml_tree *tree, const struct yaml_node *node)
{
	char first = *yaml_tree_text(tree, node->text);
	return !node->tag &&
	       (node->style != YAML_PLAIN_SCALAR_STYLE || !first || !strchr(".+-", first));
}

/* Are all keys there, and each only once? */
static bool has_simple_keys(lua_State *L, const struct yaml_tree *tree,
			    const struct yaml_node *node, int words)
{
	int top = lua_gettop(L);
	if (node->count > 2 * MOST_KEYS)
		return false;
	for (uint32_t i = node->child; i; i = tree->nodes[tree->nodes[i].next].next) {
		if (!push_key(L, tree, i, words))
			return false;
		for (int other = lua_gettop(L) - 1; other > top; other--)
			if (lua_rawequal(L, other, -1))
				return false;
	}
	lua_settop(L, top);
	return true;
}

/***
 Is it plain to see that all is right with a tree, and that each of its values has a place of its
 own: no anchors, no merge keys, no tags, no key twice? What is not simple may be right as well.
 @function tree:simple
 @param words table word → boolean, null or float
 @return boolean
*/
int yaml_tree_simple(lua_State *L)
{
	struct yaml_tree *tree = yaml_check_tree(L, 1);
	luaL_checktype(L, 2, LUA_TTABLE);
	luaL_checkstack(L, MOST_KEYS + 8, "YAML");
	bool simple = !tree->shared;
	for (uint32_t i = 1; simple && i < tree->count; i++) {
		const struct yaml_node *node = &tree->nodes[i];
		if (node->kind == YAML_SCALAR)
			simple = is_simple_scalar(tree, node);
		else if (node->kind == YAML_MAPPING)
			simple = has_simple_keys(L, tree, node, 2);
	}
	tree->simple = simple;
	lua_pushboolean(L, simple);
	return 1;
}

/* Has a mapping this text as the value of a key? Pushes and pops. */
static bool holds(lua_State *L, const struct yaml_tree *tree, const struct yaml_node *node)
{
	struct yaml_reading r = { .L = L, .tree = tree, .words = 5 };
	uint32_t key;
	int top = lua_gettop(L);
	bool found = false;
	if (find_entry(L, tree, node, 3, 5, &key)) {
		const struct yaml_node *value = &tree->nodes[tree->nodes[key].next];
		found = value->kind == YAML_SCALAR && yaml_push_value(&r, value) &&
			(luaL_tolstring(L, -1, NULL), lua_rawequal(L, 4, -1));
	}
	lua_settop(L, top);
	return found;
}

/***
 The first item of a sequence of mappings that has a text as the value of a key. Only of a simple
 tree.
 @function tree:holding
 @param node integer
 @param key string
 @param text string
 @param words table word → boolean, null or float
 @return integer? number of the item, from 1
*/
int yaml_tree_holding(lua_State *L)
{
	struct yaml_tree *tree = yaml_check_tree(L, 1);
	const struct yaml_node *node = yaml_check_node(L, tree, 2);
	luaL_checkstring(L, 3);
	luaL_checkstring(L, 4);
	luaL_checktype(L, 5, LUA_TTABLE);
	lua_settop(L, 5);
	lua_Integer place = 0;
	if (node->kind != YAML_SEQUENCE)
		return 0;
	for (uint32_t i = node->child; i; i = tree->nodes[i].next) {
		place++;
		if (!holds(L, tree, &tree->nodes[i]))
			continue;
		lua_pushinteger(L, place);
		return 1;
	}
	return 0;
}
