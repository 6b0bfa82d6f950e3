/*
** yaml_tree.c: see yaml_tree.h.
*/
#include "yaml_tree.h"

#include <stdlib.h>
#include <string.h>

/* What an anchor stood for, from here on in the text; OPEN within the node that it names. */
struct anchor {
	uint32_t hash, name, node;
};

enum { OPEN = 0 };

/* Bytes of texts: tags may be many times as long as what stands for them in the file. */
#define MOST_KEPT (16 * YAML_MAX_BYTES)

struct composer {
	struct yaml_reader reader;
	struct yaml_tree *tree;
	struct anchor *anchors; /* of this document; of one name the last one counts */
	uint32_t anchor_count, anchor_capacity;
	uint32_t aliases, most_aliases;
};

static bool compose_node(struct composer *c, yaml_event_t *event, uint32_t *number);

/* ---- memory ---- */

static bool no_memory(struct composer *c)
{
	c->reader.fault = (struct yaml_fault){ .code = "memory" };
	return false;
}

/* Makes room for one more of `count` elements. */
static bool reserve(void **array, uint32_t count, uint32_t *capacity, size_t size)
{
	if (count < *capacity)
		return true;
	uint32_t wider = *capacity ? *capacity * 2 : 64;
	void *bigger = realloc(*array, wider * size);
	if (!bigger)
		return false;
	*array = bigger;
	*capacity = wider;
	return true;
}

/* libyaml ends its texts with a NUL, too. */
uint32_t yaml_tree_keep(struct yaml_tree *tree, const yaml_char_t *text, size_t length)
{
	size_t at = tree->bytes.length;
	bool kept = at + length < MOST_KEPT && buffer_append(&tree->bytes, text, length + 1);
	return kept ? (uint32_t)at : 0;
}

static bool keep_name(struct composer *c, const yaml_char_t *text, uint32_t *at)
{
	if (!text)
		return true;
	*at = yaml_tree_keep(c->tree, text, strlen((const char *)text));
	return *at || no_memory(c);
}

/* ---- anchors ---- */

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 2166136261u;
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

static bool set_anchor(struct composer *c, uint32_t name, uint32_t node)
{
	if (!name)
		return true;
	if (!reserve((void **)&c->anchors, c->anchor_count, &c->anchor_capacity,
		     sizeof *c->anchors))
		return no_memory(c);
	uint32_t hash = hash_of(yaml_tree_text(c->tree, name));
	c->anchors[c->anchor_count++] = (struct anchor){ hash, name, node };
	c->tree->shared = true;
	return true;
}

static const struct anchor *find_anchor(const struct composer *c, const char *name)
{
	uint32_t hash = hash_of(name);
	for (uint32_t i = c->anchor_count; i > 0; i--) {
		const struct anchor *a = &c->anchors[i - 1];
		if (a->hash == hash && !strcmp(yaml_tree_text(c->tree, a->name), name))
			return a;
	}
	return NULL;
}

/* ---- nodes ---- */

static bool fail_at_node(struct composer *c, const struct yaml_node *node, const char *code)
{
	struct yaml_fault *fault = &c->reader.fault;
	fault->line = node->line;
	fault->column = node->column;
	fault->code = code;
	const char *name = yaml_tree_text(c->tree, node->text);
	size_t length = strnlen(name, sizeof fault->message - 1);
	memcpy(fault->message, name, length);
	fault->message[length] = '\0';
	return false;
}

static bool add_node(struct composer *c, const yaml_event_t *event, uint32_t *number)
{
	struct yaml_tree *tree = c->tree;
	*number = 0;
	if (!reserve((void **)&tree->nodes, tree->count, &tree->capacity, sizeof *tree->nodes))
		return no_memory(c);
	*number = tree->count++;
	tree->nodes[*number] = (struct yaml_node){
		.first = (uint32_t)yaml_reader_byte(&c->reader, event->start_mark.index),
		.end = (uint32_t)yaml_reader_byte(&c->reader, event->end_mark.index),
		.line = (uint32_t)event->start_mark.line + 1,
		.column = (uint32_t)event->start_mark.column + 1,
	};
	return true;
}

static bool set_text(struct composer *c, struct yaml_node *node, const yaml_char_t *text,
		     size_t length)
{
	node->text = yaml_tree_keep(c->tree, text, length);
	node->length = (uint32_t)length;
	return node->text || no_memory(c);
}

static bool compose_alias(struct composer *c, const yaml_event_t *event, struct yaml_node *node)
{
	const char *name = (const char *)event->data.alias.anchor;
	node->kind = YAML_ALIAS;
	if (!set_text(c, node, event->data.alias.anchor, strlen(name)))
		return false;
	if (++c->aliases > c->most_aliases)
		return fail_at_node(c, node, "aliases");
	const struct anchor *anchor = find_anchor(c, name);
	if (!anchor)
		return fail_at_node(c, node, "anchor");
	node->target = anchor->node;
	return node->target != OPEN || fail_at_node(c, node, "inside");
}

static bool compose_scalar(struct composer *c, const yaml_event_t *event, struct yaml_node *node)
{
	node->kind = YAML_SCALAR;
	node->style = (uint8_t)event->data.scalar.style;
	return set_text(c, node, event->data.scalar.value, event->data.scalar.length) &&
	       keep_name(c, event->data.scalar.anchor, &node->anchor) &&
	       keep_name(c, event->data.scalar.tag, &node->tag) &&
	       set_anchor(c, node->anchor, (uint32_t)(node - c->tree->nodes));
}

static bool begin_collection(struct composer *c, const yaml_event_t *event, struct yaml_node *node)
{
	bool map = event->type == YAML_MAPPING_START_EVENT;
	node->kind = map ? YAML_MAPPING : YAML_SEQUENCE;
	node->flow = map ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
			 : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	return keep_name(c,
			 map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
			 &node->anchor) &&
	       keep_name(c, map ? event->data.mapping_start.tag : event->data.sequence_start.tag,
			 &node->tag) &&
	       set_anchor(c, node->anchor, OPEN);
}

static bool is_end(const yaml_event_t *event)
{
	return event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT;
}

/* The children of a collection, and where it ends. (The array of nodes may move.) */
static bool compose_children(struct composer *c, uint32_t parent)
{
	yaml_event_t event;
	uint32_t last = 0, number;
	while (yaml_reader_next(&c->reader, &event)) {
		if (is_end(&event)) {
			struct yaml_node *node = &c->tree->nodes[parent];
			node->end = (uint32_t)yaml_reader_byte(&c->reader, event.end_mark.index);
			yaml_event_delete(&event);
			return set_anchor(c, node->anchor, parent);
		}
		if (!compose_node(c, &event, &number))
			return false;
		*(last ? &c->tree->nodes[last].next : &c->tree->nodes[parent].child) = number;
		c->tree->nodes[parent].count++;
		last = number;
	}
	return false;
}

/* Deletes the event. */
static bool compose_node(struct composer *c, yaml_event_t *event, uint32_t *number)
{
	bool good = add_node(c, event, number), deeper = false;
	struct yaml_node *node = &c->tree->nodes[*number];
	if (good && event->type == YAML_ALIAS_EVENT) {
		good = compose_alias(c, event, node);
	} else if (good && event->type == YAML_SCALAR_EVENT) {
		good = compose_scalar(c, event, node);
	} else if (good) {
		good = begin_collection(c, event, node);
		deeper = good;
	}
	yaml_event_delete(event);
	return good && (!deeper || compose_children(c, *number));
}

static bool compose_documents(struct composer *c)
{
	yaml_event_t event;
	uint32_t last = 0, number = 0;
	while (yaml_reader_next(&c->reader, &event)) {
		yaml_event_type_t type = event.type;
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			return true;
		if (type != YAML_DOCUMENT_START_EVENT)
			continue;
		c->anchor_count = 0;
		if (!yaml_reader_next(&c->reader, &event) || !compose_node(c, &event, &number))
			return false;
		*(last ? &c->tree->nodes[last].next : &c->tree->first) = number;
		last = number;
	}
	return false;
}

bool yaml_tree_compose(struct yaml_tree *tree, const char *text, size_t length,
		       uint32_t most_aliases, struct yaml_fault *fault)
{
	struct composer c = { .tree = tree, .most_aliases = most_aliases };
	yaml_event_t none = { 0 };
	uint32_t zero;
	bool good = yaml_reader_open(&c.reader, text, length) &&
		    (buffer_append(&tree->bytes, "", 1) || no_memory(&c)) &&
		    add_node(&c, &none, &zero) && compose_documents(&c);
	yaml_reader_close(&c.reader);
	free(c.anchors);
	*fault = c.reader.fault;
	return good;
}

void yaml_tree_free(struct yaml_tree *tree)
{
	free(tree->nodes);
	buffer_free(&tree->bytes);
	*tree = (struct yaml_tree){ 0 };
}

bool yaml_tree_is_merge(const struct yaml_tree *tree, const struct yaml_node *key)
{
	return key->kind == YAML_SCALAR && key->style == YAML_PLAIN_SCALAR_STYLE && !key->tag &&
	       key->length == 2 && !memcmp(yaml_tree_text(tree, key->text), "<<", 2);
}
