/*
** yaml_value.h: the Lua values of a tree's nodes.
*/
#ifndef O2X_YAML_VALUE_H
#define O2X_YAML_VALUE_H

#include <lua.h>

#include "yaml_tree.h"

/*
** What decides how values are made. Stack indexes: `words` (yaml_scalar.h); `orders`, a table in
** which each map gets its keys in order, or nil.
*/
struct yaml_reading {
	lua_State *L;
	const struct yaml_tree *tree;
	int words, orders;
	uint32_t most_expanded; /* values that aliases expand to */
	bool exact;             /* a number beyond 64 bits is an error */
	bool repeats;           /* of a key that is there twice the last one counts */

	int array; /* stack index of the metatable of arrays */
	uint32_t inside, expanded;

	/* What is wrong, and where; `detail` is in the tree or on the stack. */
	const struct yaml_node *at;
	const char *code, *detail, *more;
	size_t detail_length;
};

/* Pushes the metatable of arrays. [-0, +1, m] */
void yaml_reading_begin(struct yaml_reading *r);

/* [-0, +1, m]; on failure the stack is left as it is, and the error is set. */
bool yaml_push_value(struct yaml_reading *r, const struct yaml_node *node);

/* Pushes the text of a mapping's key, as Helm sees it. [-0, +1, m]; on failure as above. */
bool yaml_push_key(struct yaml_reading *r, const struct yaml_node *key);

/* Pushes nil, "line:column: detail", code, more. -> 4 */
int yaml_push_mistake(const struct yaml_reading *r);

#endif
