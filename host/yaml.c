/*
** yaml.c: the functions of the native module, and the userdata that owns a tree.
*/
#include "host.h"
#include "yaml_module.h"

#include <string.h>

#define TYPE "o2x.yaml.tree"

const char *const yaml_scalar_styles[] = {
	"any", "plain", "single", "double", "literal", "folded"
};

const char *const yaml_kinds[] = {
	[YAML_SCALAR] = "scalar",
	[YAML_SEQUENCE] = "sequence",
	[YAML_MAPPING] = "mapping",
	[YAML_ALIAS] = "alias",
};

int yaml_push_fault(lua_State *L, const struct yaml_fault *fault)
{
	if (!strcmp(fault->code, "memory"))
		return luaL_error(L, "not enough memory");
	return host_fail(L, fault->code, "%zu:%zu: %s", fault->line, fault->column, fault->message);
}

struct yaml_tree *yaml_check_tree(lua_State *L, int arg)
{
	return luaL_checkudata(L, arg, TYPE);
}

const struct yaml_node *yaml_check_node(lua_State *L, const struct yaml_tree *tree, int arg)
{
	return &tree->nodes[host_checkrange(L, arg, 1, (lua_Integer)tree->count - 1)];
}

static int tree_gc(lua_State *L)
{
	yaml_tree_free(yaml_check_tree(L, 1));
	return 0;
}

/***
 Composes the nodes of a YAML text, which are asked for by their numbers.
 @function core.yaml.compose
 @param text string UTF-8, at most 1 MB
 @param most integer aliases
 @return tree, or nil, "line:column: message", code: "syntax", "tab", "depth", "size", "encoding";
 about aliases, with the name as message: "aliases" too many, "inside" of what it refers to, "anchor"
 missing
*/
static int yaml_compose(lua_State *L)
{
	size_t length;
	luaL_checktype(L, 1, LUA_TSTRING); /* a number is no text */
	const char *text = lua_tolstring(L, 1, &length);
	uint32_t most = (uint32_t)host_checkrange(L, 2, 0, INT32_MAX);
	struct yaml_tree *tree = host_newuserdata(L, sizeof *tree, TYPE);
	struct yaml_fault fault;
	if (yaml_tree_compose(tree, text, length, most, &fault))
		return 1;
	yaml_tree_free(tree);
	return yaml_push_fault(L, &fault);
}

/***
 The root of the first document, or of the one after another.
 @function tree:document
 @param after integer? root of a document
 @return integer? node; nil if there is none
 @return integer line
 @return integer column
*/
static int tree_document(lua_State *L)
{
	struct yaml_tree *tree = yaml_check_tree(L, 1);
	uint32_t number = lua_isnoneornil(L, 2) ? tree->first : yaml_check_node(L, tree, 2)->next;
	if (!number)
		return 0;
	lua_pushinteger(L, number);
	lua_pushinteger(L, tree->nodes[number].line);
	lua_pushinteger(L, tree->nodes[number].column);
	return 3;
}

static const luaL_Reg methods[] = {
	{ "document", tree_document },    { "entry", yaml_tree_entry },
	{ "form", yaml_tree_form },       { "holding", yaml_tree_holding },
	{ "item", yaml_tree_item },       { "nodes", yaml_tree_nodes },
	{ "replace", yaml_tree_replace }, { "simple", yaml_tree_simple },
	{ "value", yaml_tree_value },     { NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "ambiguous", yaml_is_ambiguous },
	{ "block", yaml_block },
	{ "compose", yaml_compose },
	{ "flow", yaml_flow },
	{ "parser", yaml_parser },
	{ "plain", yaml_is_plain },
	{ "quote", yaml_quote },
	{ "resolve", yaml_resolve_text },
	{ "scalar", yaml_scalar },
	{ "shape", yaml_shape },
	{ "string", yaml_string },
	{ NULL, NULL },
};

int luaopen_o2x_core_yaml(lua_State *L)
{
	yaml_events_open(L);
	yaml_quote_open();
	host_newtype(L, TYPE, methods, tree_gc);
	luaL_newlib(L, functions);
	return 1;
}
