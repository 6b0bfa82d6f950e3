/*
** yaml_tree.h: a YAML text as a tree of nodes with their places in the text. Nothing here touches
** Lua. A node is named by its number; 0 is none.
*/
#ifndef O2X_YAML_TREE_H
#define O2X_YAML_TREE_H

#include <stdint.h>

#include "buffer.h"
#include "yaml_reader.h"

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING, YAML_ALIAS };

struct yaml_node {
	uint8_t kind;
	uint8_t style;         /* of a scalar: libyaml's */
	bool flow;             /* a collection in brackets */
	uint32_t first, end;   /* bytes, from 0; end is the first byte after it */
	uint32_t line, column; /* from 1 */
	uint32_t text, length; /* of a scalar, or the name of an alias: in bytes */
	uint32_t anchor, tag;  /* in bytes; 0: none */
	uint32_t child,
		count;   /* the first of its children; a mapping's are keys and values by turns */
	uint32_t target; /* of an alias */
	uint32_t next;   /* the next child of the same node, the next document */
};

struct yaml_tree {
	struct yaml_node *nodes;
	uint32_t count, capacity;
	uint32_t first;      /* the root of the first document */
	bool shared;         /* has anchors: a change in one place may be seen in another */
	bool simple;         /* yaml_find.c found each value in a place of its own */
	struct buffer bytes; /* texts, each ends with a NUL */
};

/*
** Fills an empty tree. -> false: see the fault; what was made of the tree is still to be freed. Its
** codes are those of the reader, and about aliases (with the name as message): "aliases" too many,
** "inside" of what it refers to, "anchor" missing.
*/
bool yaml_tree_compose(struct yaml_tree *tree, const char *text, size_t length,
		       uint32_t most_aliases, struct yaml_fault *fault);

/* Keeps a copy of a text of libyaml, for a node. -> its place, or 0 if there is no memory */
uint32_t yaml_tree_keep(struct yaml_tree *tree, const yaml_char_t *text, size_t length);

void yaml_tree_free(struct yaml_tree *tree);

/* A string of the tree. */
static inline const char *yaml_tree_text(const struct yaml_tree *tree, uint32_t at)
{
	return tree->bytes.bytes + at;
}

/* The node itself, or what it is an alias of. */
static inline const struct yaml_node *yaml_tree_target(const struct yaml_tree *tree,
						       const struct yaml_node *node)
{
	return node->kind == YAML_ALIAS ? &tree->nodes[node->target] : node;
}

/* Is the key of an entry the merge key? */
bool yaml_tree_is_merge(const struct yaml_tree *tree, const struct yaml_node *key);

#endif
