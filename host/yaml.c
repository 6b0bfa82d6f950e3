/*
** yaml.c: YAML as a stream of events, by libyaml, with the byte position of each event. Lua builds
** values and edits from them. Size and depth are limited here, because libyaml limits neither.
*/
#include "host.h"
#include "json_value.h"
#include "secret.h"

#include <stdio.h>
#include <string.h>

#include <yaml.h>

#define TYPE "o2x.yaml.parser"
#define MAX_BYTES (1 << 20)
#define MAX_DEPTH 64

struct parser {
	yaml_parser_t yaml;
	bool open, ended;
	bool secret; /* scalars become secrets, and what libyaml copied is wiped */
	int depth;
	const char *text; /* kept alive by the user value */
	size_t length;
	size_t mark_index, mark_byte; /* libyaml counts characters; the last position converted */
};

/* libyaml's copies of the text: its buffers, and tokens that no event was made of. */
static void wipe(yaml_parser_t *yaml)
{
	explicit_bzero(yaml->raw_buffer.start,
		       (size_t)(yaml->raw_buffer.end - yaml->raw_buffer.start));
	explicit_bzero(yaml->buffer.start, (size_t)(yaml->buffer.end - yaml->buffer.start));
	for (yaml_token_t *token = yaml->tokens.head; token < yaml->tokens.tail; token++)
		if (token->type == YAML_SCALAR_TOKEN)
			explicit_bzero(token->data.scalar.value, token->data.scalar.length);
}

static int parser_gc(lua_State *L)
{
	struct parser *p = luaL_checkudata(L, 1, TYPE);
	if (p->open && p->secret)
		wipe(&p->yaml);
	if (p->open)
		yaml_parser_delete(&p->yaml);
	p->open = false;
	return 0;
}

static bool inside_character(const struct parser *p, size_t byte)
{
	return byte < p->length && ((unsigned char)p->text[byte] & 0xc0) == 0x80;
}

/*
** The byte offset of a mark. Marks come almost in order, so it is counted from the last one.
*/
static size_t mark_byte(struct parser *p, size_t index)
{
	while (p->mark_index < index && p->mark_byte < p->length) {
		do
			p->mark_byte++;
		while (inside_character(p, p->mark_byte));
		p->mark_index++;
	}
	while (p->mark_index > index && p->mark_byte > 0) {
		do
			p->mark_byte--;
		while (inside_character(p, p->mark_byte));
		p->mark_index--;
	}
	return p->mark_byte;
}

static int fail_at(lua_State *L, size_t line, size_t column, const char *code, const char *problem)
{
	return host_fail(L, code, "%zu:%zu: %s", line + 1, column + 1, problem);
}

/* Two bytes of UTF-16 or UTF-32, with a byte order mark or without: YAML begins with ASCII. */
static bool is_wide(const char *text, size_t length)
{
	if (length < 2)
		return false;
	return !memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2) ||
	       (!text[0] != !text[1]);
}

/*
** libyaml reports bad bytes with an offset and no mark. Its words are about octets; whoever has an
** editor with another encoding needs other ones.
*/
static int fail_reader(lua_State *L, struct parser *p)
{
	size_t line = 0, column = 0;
	char problem[96];
	for (size_t i = 0; i < p->yaml.problem_offset && i < p->length; i++) {
		column = p->text[i] == '\n' ? 0 : column + 1;
		line += p->text[i] == '\n';
	}
	if (!p->yaml.problem || !strstr(p->yaml.problem, "control characters"))
		return fail_at(L, line, column, "syntax", "not UTF-8: save the file as UTF-8");
	if (p->yaml.problem_value == 0)
		return fail_at(L, line, column, "syntax", "a NUL byte");
	snprintf(problem, sizeof problem, "the character U+%04X, which YAML does not allow",
		 (unsigned)p->yaml.problem_value);
	return fail_at(L, line, column, "syntax", problem);
}

/* libyaml's message for a tab does not help whoever typed it. */
static int fail_parse(lua_State *L, struct parser *p)
{
	if (p->yaml.error == YAML_MEMORY_ERROR)
		return luaL_error(L, "not enough memory");
	if (p->yaml.error == YAML_READER_ERROR)
		return fail_reader(L, p);
	yaml_mark_t at = p->yaml.problem_mark;
	size_t byte = mark_byte(p, at.index);
	if (byte < p->length && p->text[byte] == '\t')
		return fail_at(L, at.line, at.column, "tab", "a tab; YAML is indented with spaces");
	char problem[256];
	const char *what = p->yaml.problem ? p->yaml.problem : "not YAML", *where = p->yaml.context;
	snprintf(problem, sizeof problem, "%s%s%s", what, where ? ", " : "", where ? where : "");
	return fail_at(L, at.line, at.column, "syntax", problem);
}

static void push_string(lua_State *L, const yaml_char_t *text)
{
	lua_pushstring(L, (const char *)text);
}

static bool is_null(const yaml_event_t *event)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		    !strcmp((const char *)event->data.scalar.value, words[i]))
			return true;
	return false;
}

/* label: of the secret that the scalar becomes, or NULL for a plain text. */
static void push_text(lua_State *L, const yaml_event_t *event, const char *label)
{
	const char *text = (const char *)event->data.scalar.value;
	if (!label)
		lua_pushlstring(L, text, event->data.scalar.length);
	else if (is_null(event))
		json_pushnull(L);
	else
		secret_push(L, text, event->data.scalar.length, label);
}

static void push_scalar(lua_State *L, const yaml_event_t *event, const char *label)
{
	static const char *const styles[] = { "any",    "plain",   "single",
					      "double", "literal", "folded" };
	push_text(L, event, label);
	lua_pushstring(L, styles[event->data.scalar.style]);
	push_string(L, event->data.scalar.anchor);
	push_string(L, event->data.scalar.tag);
}

static void push_collection(lua_State *L, bool flow, const yaml_char_t *anchor,
			    const yaml_char_t *tag)
{
	lua_pushnil(L);
	lua_pushstring(L, flow ? "flow" : "block");
	push_string(L, anchor);
	push_string(L, tag);
}

/* Pushes value, style, anchor, tag. -> number of values */
static int push_data(lua_State *L, const yaml_event_t *event, const char *label)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT: push_scalar(L, event, label); return 4;
	case YAML_ALIAS_EVENT: push_string(L, event->data.alias.anchor); return 1;
	case YAML_SEQUENCE_START_EVENT:
		push_collection(L, event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE,
				event->data.sequence_start.anchor, event->data.sequence_start.tag);
		return 4;
	case YAML_MAPPING_START_EVENT:
		push_collection(L, event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE,
				event->data.mapping_start.anchor, event->data.mapping_start.tag);
		return 4;
	default: return 0;
	}
}

static const char *const names[] = {
	[YAML_STREAM_START_EVENT] = "stream",
	[YAML_STREAM_END_EVENT] = "stream_end",
	[YAML_DOCUMENT_START_EVENT] = "document",
	[YAML_DOCUMENT_END_EVENT] = "document_end",
	[YAML_ALIAS_EVENT] = "alias",
	[YAML_SCALAR_EVENT] = "scalar",
	[YAML_SEQUENCE_START_EVENT] = "sequence",
	[YAML_SEQUENCE_END_EVENT] = "sequence_end",
	[YAML_MAPPING_START_EVENT] = "mapping",
	[YAML_MAPPING_END_EVENT] = "mapping_end",
};

/*
** Runs protected, so that the event is deleted even when Lua runs out of memory. Arguments: parser,
** label or nil, event.
*/
static int push_event(lua_State *L)
{
	struct parser *p = lua_touserdata(L, 1);
	const char *label = lua_tostring(L, 2);
	yaml_event_t *event = lua_touserdata(L, 3);
	lua_pushstring(L, names[event->type]);
	lua_pushinteger(L, (lua_Integer)mark_byte(p, event->start_mark.index) + 1);
	lua_pushinteger(L, (lua_Integer)mark_byte(p, event->end_mark.index));
	lua_pushinteger(L, (lua_Integer)event->start_mark.line + 1);
	lua_pushinteger(L, (lua_Integer)event->start_mark.column + 1);
	return 5 + push_data(L, event, label);
}

static int convert_event(lua_State *L, yaml_event_t *event, bool secret)
{
	lua_settop(L, 2);
	lua_pushcfunction(L, push_event);
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_pushlightuserdata(L, event);
	int status = lua_pcall(L, 3, LUA_MULTRET, 0);
	if (secret && event->type == YAML_SCALAR_EVENT)
		explicit_bzero(event->data.scalar.value, event->data.scalar.length);
	yaml_event_delete(event);
	if (status)
		return lua_error(L);
	return lua_gettop(L) - 2;
}

/***
 Returns the next event. Kinds: "stream", "document", "document_end", "alias", "scalar",
 "sequence", "sequence_end", "mapping", "mapping_end", "stream_end" (the last; nothing after it).
 @function parser:next
 @param label string? makes a scalar's text a secret with this label, or null if it is YAML's null
 @return string kind, or nil, "line:column: message", code ("syntax", "tab", "depth")
 @return integer first byte (from 1)
 @return integer last byte
 @return integer line
 @return integer column, in characters
 @return string a scalar's text, an alias's name
 @return string style: "plain", "single", "double", "literal", "folded"; "block", "flow"
 @return string anchor
 @return string tag
*/
static int parser_next(lua_State *L)
{
	struct parser *p = luaL_checkudata(L, 1, TYPE);
	luaL_optstring(L, 2, NULL);
	yaml_event_t event;
	luaL_argcheck(L, p->open && !p->ended, 1, "the stream has ended");
	luaL_checkstack(L, 16, "YAML");
	if (!yaml_parser_parse(&p->yaml, &event)) {
		p->ended = true;
		return fail_parse(L, p);
	}
	p->ended = event.type == YAML_STREAM_END_EVENT;
	if (event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT)
		p->depth++;
	if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
		p->depth--;
	if (p->depth > MAX_DEPTH) {
		yaml_mark_t at = event.start_mark;
		yaml_event_delete(&event);
		p->ended = true;
		return fail_at(L, at.line, at.column, "depth", "nested deeper than 64 levels");
	}
	return convert_event(L, &event, p->secret);
}

/***
 Creates a parser for a YAML text.
 @function core.yaml.parser
 @param text string|secret UTF-8, at most 1 MB
 @return parser, or nil, "line:column: message", "size" or "encoding"
*/
static int yaml_parser(lua_State *L)
{
	size_t length;
	const char *text = secret_checkbytes(L, 1, &length);
	bool secret = secret_bytes(L, 1, NULL) != NULL;
	if (length > MAX_BYTES)
		return fail_at(L, 0, 0, "size", "larger than 1 MB");
	if (is_wide(text, length))
		return fail_at(L, 0, 0, "encoding", "UTF-16: save the file as UTF-8");
	struct parser *p = host_newuserdata(L, sizeof *p, TYPE);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	if (!yaml_parser_initialize(&p->yaml))
		return luaL_error(L, "not enough memory");
	p->open = true;
	p->secret = secret;
	p->text = text;
	p->length = length;
	/*
	** A byte order mark would count as a column and misalign the first key.
	*/
	p->mark_byte = length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
	yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
	const unsigned char *start = (const unsigned char *)text + p->mark_byte;
	yaml_parser_set_input_string(&p->yaml, start, length - p->mark_byte);
	return 1;
}

static const luaL_Reg methods[] = { { "next", parser_next }, { NULL, NULL } };
static const luaL_Reg functions[] = { { "parser", yaml_parser }, { NULL, NULL } };

int luaopen_o2x_core_yaml(lua_State *L)
{
	host_newtype(L, TYPE, methods, parser_gc);
	luaL_newlib(L, functions);
	return 1;
}
