/*
** yaml_nodes.c: the nodes of a tree as Lua tables, for who looks at places in the text.
*/
#include "host.h"
#include "yaml_module.h"

struct pusher {
	lua_State *L;
	const struct yaml_tree *tree;
	int anchored; /* stack index: number of a node with an anchor → its table */
};

static void push_node(struct pusher *p, uint32_t number);

static void set_integer(lua_State *L, const char *field, uint32_t value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, field);
}

static void set_string(lua_State *L, const char *field, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, field);
}

static void set_text(struct pusher *p, const struct yaml_node *node)
{
	lua_pushlstring(p->L, yaml_tree_text(p->tree, node->text), node->length);
	lua_setfield(p->L, -2, "text");
}

static void set_items(struct pusher *p, const struct yaml_node *node)
{
	lua_Integer place = 0;
	lua_createtable(p->L, (int)node->count, 0);
	for (uint32_t i = node->child; i; i = p->tree->nodes[i].next) {
		push_node(p, i);
		lua_rawseti(p->L, -2, ++place);
	}
	lua_setfield(p->L, -2, "items");
}

static void set_entries(struct pusher *p, const struct yaml_node *node)
{
	lua_Integer place = 0;
	lua_createtable(p->L, (int)(node->count / 2), 0);
	for (uint32_t i = node->child; i;) {
		uint32_t value = p->tree->nodes[i].next;
		lua_createtable(p->L, 0, 2);
		push_node(p, i);
		lua_setfield(p->L, -2, "key");
		push_node(p, value);
		lua_setfield(p->L, -2, "value");
		lua_rawseti(p->L, -2, ++place);
		i = p->tree->nodes[value].next;
	}
	lua_setfield(p->L, -2, "entries");
}

/* What is particular to the kind of a node. */
static void set_content(struct pusher *p, const struct yaml_node *node)
{
	lua_State *L = p->L;
	switch (node->kind) {
	case YAML_SCALAR:
		set_text(p, node);
		set_string(L, "style", yaml_scalar_styles[node->style]);
		break;
	case YAML_ALIAS:
		set_text(p, node);
		lua_rawgeti(L, p->anchored, node->target);
		lua_setfield(L, -2, "target");
		break;
	case YAML_SEQUENCE:
		set_string(L, "style", node->flow ? "flow" : "block");
		set_items(p, node);
		break;
	default: set_string(L, "style", node->flow ? "flow" : "block"); set_entries(p, node);
	}
}

/* [-0, +1, m] */
static void push_node(struct pusher *p, uint32_t number)
{
	lua_State *L = p->L;
	const struct yaml_node *node = &p->tree->nodes[number];
	luaL_checkstack(L, 8, "YAML");
	lua_createtable(L, 0, 10);
	set_string(L, "kind", yaml_kinds[node->kind]);
	set_integer(L, "number", number);
	set_integer(L, "first", node->first + 1);
	set_integer(L, "last", node->end);
	set_integer(L, "line", node->line);
	set_integer(L, "column", node->column);
	if (node->tag)
		set_string(L, "tag", yaml_tree_text(p->tree, node->tag));
	set_content(p, node);
	if (!node->anchor)
		return;
	set_string(L, "anchor", yaml_tree_text(p->tree, node->anchor));
	lua_pushvalue(L, -1);
	lua_rawseti(L, p->anchored, number);
}

/***
 A node and those below it as tables: number, kind ("scalar", "sequence", "mapping", "alias"),
 first and last byte, line, column, style ("plain", "single", "double", "literal", "folded"; "block", "flow"),
 anchor, tag; a scalar's or an alias's text, a sequence's items, a mapping's entries ({ key =, value =
 }), an alias's target.
 @function tree:nodes
 @param node integer
 @return table
*/
int yaml_tree_nodes(lua_State *L)
{
	struct yaml_tree *tree = yaml_check_tree(L, 1);
	const struct yaml_node *node = yaml_check_node(L, tree, 2);
	lua_newtable(L);
	struct pusher p = { .L = L, .tree = tree, .anchored = lua_gettop(L) };
	push_node(&p, (uint32_t)(node - tree->nodes));
	return 1;
}
