/*
** yaml_change.c: puts a scalar in the place of another one, in the text and in the tree.
*/
#include "host.h"
#include "yaml_module.h"
#include "yaml_scalar.h"

#include <string.h>

/* Some text without any of the line breaks that YAML knows. */
static bool on_one_line(const char *text, size_t length)
{
	static const char *const breaks[] = { "\n", "\r", "\xc2\x85", "\xe2\x80\xa8",
					      "\xe2\x80\xa9" };
	for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++)
		if (memmem(text, length, breaks[i], strlen(breaks[i])))
			return false;
	return length > 0;
}

static bool is_replaceable(const struct yaml_tree *tree, const struct yaml_node *node,
			   const char *text)
{
	return node->kind == YAML_SCALAR && !node->tag &&
	       node->style <= YAML_DOUBLE_QUOTED_SCALAR_STYLE &&
	       on_one_line(text + node->first, node->end - node->first) && tree->simple;
}

/* The line of a node in the new text, as far as it matters what it says. */
struct line {
	const char *text;
	size_t length;
	size_t first, end; /* of the scalar, within the line */
};

static struct line line_of(const char *text, size_t length, size_t first, size_t end)
{
	const char *start = memrchr(text, '\n', first),
		   *stop = memchr(text + end, '\n', length - end);
	start = start ? start + 1 : text;
	stop = stop ? stop : text + length;
	return (struct line){ start, (size_t)(stop - start), first - (size_t)(start - text),
			      end - (size_t)(start - text) };
}

static bool stands_at(struct yaml_reader *r, const yaml_event_t *event, const struct line *line)
{
	return event->type == YAML_SCALAR_EVENT &&
	       yaml_reader_byte(r, event->start_mark.index) == line->first &&
	       yaml_reader_byte(r, event->end_mark.index) == line->end;
}

/*
** Reads the line alone. What stands before the scalar is as it was, so libyaml comes to it in the
** same state as in the whole text; the scalar must be one, exactly where it was put, and the last
** thing on its line, so that what follows is read as it was. -> its event is in `found`
*/
static bool read_line(struct yaml_reader *r, const struct line *line, yaml_event_t *found)
{
	yaml_event_t event;
	found->type = YAML_NO_EVENT;
	bool good = yaml_reader_open(r, line->text, line->length);
	while (good && !r->ended) {
		good = yaml_reader_next(r, &event);
		if (!good)
			break;
		if (found->type == YAML_NO_EVENT && stands_at(r, &event, line)) {
			*found = event;
			continue;
		}
		good = found->type == YAML_NO_EVENT || event.type == YAML_SEQUENCE_END_EVENT ||
		       event.type == YAML_MAPPING_END_EVENT ||
		       event.type == YAML_DOCUMENT_END_EVENT || event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_reader_close(r);
	return good && found->type == YAML_SCALAR_EVENT;
}

/* [-0, +1, m] Pushes the value of a scalar that has no tag. */
static void push_scalar(lua_State *L, const yaml_event_t *event, int words)
{
	const char *text = (const char *)event->data.scalar.value;
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		yaml_push_plain(L, text, event->data.scalar.length, words);
	else
		lua_pushlstring(L, text, event->data.scalar.length);
}

/*
** Runs protected, so that the event is deleted whatever happens. Arguments: event, words, value.
** Pushes the value that was read, and whether it is the wanted one.
*/
static int compare(lua_State *L)
{
	push_scalar(L, lua_touserdata(L, 1), 2);
	lua_pushboolean(L, lua_rawequal(L, 3, -1));
	return 2;
}

/* The places of all nodes after a change of the text: `end` was the end of what is now `more` longer. */
static void move_nodes(struct yaml_tree *tree, uint32_t end, int64_t more)
{
	for (uint32_t i = 1; i < tree->count; i++) {
		struct yaml_node *node = &tree->nodes[i];
		if (node->first >= end)
			node->first = (uint32_t)(node->first + more);
		if (node->end >= end)
			node->end = (uint32_t)(node->end + more);
	}
}

static bool adopt(struct yaml_tree *tree, struct yaml_node *node, const yaml_event_t *event,
		  int64_t more)
{
	uint32_t text = yaml_tree_keep(tree, event->data.scalar.value, event->data.scalar.length);
	if (!text)
		return false;
	move_nodes(tree, node->end, more);
	node->style = (uint8_t)event->data.scalar.style;
	node->text = text;
	node->length = (uint32_t)event->data.scalar.length;
	return true;
}

/* [-0, +1, m] Pushes a text with other bytes in the place of some. */
static void push_spliced(lua_State *L, const struct yaml_node *node)
{
	size_t length, added;
	const char *text = lua_tolstring(L, 2, &length), *bytes = lua_tolstring(L, 4, &added);
	luaL_Buffer b;
	luaL_buffinitsize(L, &b, length + added);
	luaL_addlstring(&b, text, node->first);
	luaL_addlstring(&b, bytes, added);
	luaL_addlstring(&b, text + node->end, length - node->end);
	luaL_pushresult(&b);
}

/***
 Puts a scalar in the place of another one, which does not stand in brackets. Only where this can
 change nothing else: both are on one line, and the tree is simple. The line is read again, and the
 tree follows the text.
 @function tree:replace
 @param text string that the tree was made of
 @param node integer
 @param bytes string the new scalar as it is written
 @param value any what it must be read as
 @param words table word → boolean, null or float
 @return string? text; nil if it must be done in another way: nothing has changed then
 @return any value that was read, an integer where a whole float was written
*/
int yaml_tree_replace(lua_State *L)
{
	size_t length, added;
	struct yaml_tree *tree = yaml_check_tree(L, 1);
	const char *text = luaL_checklstring(L, 2, &length),
		   *bytes = luaL_checklstring(L, 4, &added);
	struct yaml_node *node = &tree->nodes[yaml_check_node(L, tree, 3) - tree->nodes];
	luaL_checktype(L, 6, LUA_TTABLE);
	lua_settop(L, 6);
	luaL_argcheck(L, node->end <= length, 2, "not the text of the tree");
	if (!is_replaceable(tree, node, text) || !on_one_line(bytes, added))
		return 0;
	push_spliced(L, node);
	text = lua_tolstring(L, -1, &length);
	struct line line = line_of(text, length, node->first, node->first + added);
	struct yaml_reader reader = { 0 };
	yaml_event_t event;
	bool good = read_line(&reader, &line, &event);
	int64_t more = (int64_t)added - (int64_t)(node->end - node->first);
	int status = LUA_OK;
	if (good) {
		lua_pushcfunction(L, compare);
		lua_pushlightuserdata(L, &event);
		lua_pushvalue(L, 6);
		lua_pushvalue(L, 5);
		status = lua_pcall(L, 3, 2, 0);
		good = status == LUA_OK && lua_toboolean(L, -1) && adopt(tree, node, &event, more);
	}
	if (event.type != YAML_NO_EVENT)
		yaml_event_delete(&event);
	if (status != LUA_OK)
		return lua_error(L);
	if (!good)
		return 0;
	lua_pop(L, 1);
	return 2;
}
