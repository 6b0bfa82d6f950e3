/*
** yaml_module.h: what the files of the native module share. yaml_reader.c has libyaml's events,
** yaml_tree.c makes nodes of them; yaml_scalar.c says what a plain scalar means. yaml_value.c,
** yaml_nodes.c, yaml_find.c and yaml_change.c are what Lua does with a tree, yaml_quote.c and yaml_emit.c write,
** yaml_events.c reads files of secrets. yaml.c lists the functions.
*/
#ifndef O2X_YAML_MODULE_H
#define O2X_YAML_MODULE_H

#include <lua.h>

#include "yaml_reader.h"
#include "yaml_tree.h"

/* The names of the kinds of nodes, and of libyaml's styles of scalars. */
extern const char *const yaml_kinds[];
extern const char *const yaml_scalar_styles[];

/* Pushes nil, "line:column: message", code. -> 3; raises where memory is what is missing */
int yaml_push_fault(lua_State *L, const struct yaml_fault *fault);

/* The tree that is the argument `arg`; raises for anything else. */
struct yaml_tree *yaml_check_tree(lua_State *L, int arg);

/* The node of a tree whose number is the argument `arg`. */
const struct yaml_node *yaml_check_node(lua_State *L, const struct yaml_tree *tree, int arg);

/* What must be there before the functions are called: metatables, tables. */
void yaml_events_open(lua_State *L);
void yaml_quote_open(void);

/* lua_CFunctions, documented where they are defined. */
int yaml_parser(lua_State *L);
int yaml_tree_value(lua_State *L);
int yaml_tree_nodes(lua_State *L);
int yaml_tree_entry(lua_State *L);
int yaml_tree_item(lua_State *L);
int yaml_tree_form(lua_State *L);
int yaml_tree_simple(lua_State *L);
int yaml_tree_holding(lua_State *L);
int yaml_tree_replace(lua_State *L);
int yaml_resolve_text(lua_State *L);
int yaml_is_ambiguous(lua_State *L);
int yaml_is_plain(lua_State *L);
int yaml_quote(lua_State *L);
int yaml_block(lua_State *L);
int yaml_flow(lua_State *L);
int yaml_scalar(lua_State *L);
int yaml_shape(lua_State *L);
int yaml_string(lua_State *L);

#endif
