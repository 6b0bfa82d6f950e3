/*
** yaml_events.c: YAML as a stream of events for Lua. Only what must not become a tree of values is
** read so: a file of secrets, whose scalars never pass through a Lua string.
*/
#include "host.h"
#include "json_value.h"
#include "secret.h"
#include "yaml_module.h"
#include "yaml_reader.h"

#include <string.h>

#define TYPE "o2x.yaml.parser"

struct parser {
	struct yaml_reader reader; /* its text is kept alive by the user value */
	bool secret;               /* what libyaml copied is wiped */
};

static int parser_gc(lua_State *L)
{
	struct parser *p = luaL_checkudata(L, 1, TYPE);
	if (p->secret)
		yaml_reader_wipe(&p->reader);
	yaml_reader_close(&p->reader);
	return 0;
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
	case YAML_SCALAR_EVENT:
		push_text(L, event, label);
		lua_pushstring(L, yaml_scalar_styles[event->data.scalar.style]);
		push_string(L, event->data.scalar.anchor);
		push_string(L, event->data.scalar.tag);
		return 4;
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
	lua_pushinteger(L, (lua_Integer)yaml_reader_byte(&p->reader, event->start_mark.index) + 1);
	lua_pushinteger(L, (lua_Integer)yaml_reader_byte(&p->reader, event->end_mark.index));
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
	luaL_argcheck(L, p->reader.open && !p->reader.ended, 1, "the stream has ended");
	luaL_checkstack(L, 16, "YAML");
	if (!yaml_reader_next(&p->reader, &event))
		return yaml_push_fault(L, &p->reader.fault);
	return convert_event(L, &event, p->secret);
}

/***
 Creates a parser for a YAML text.
 @function core.yaml.parser
 @param text string|secret UTF-8, at most 1 MB
 @return parser, or nil, "line:column: message", "size" or "encoding"
*/
int yaml_parser(lua_State *L)
{
	size_t length;
	const char *text = secret_checkbytes(L, 1, &length);
	bool secret = secret_bytes(L, 1, NULL) != NULL;
	struct parser *p = host_newuserdata(L, sizeof *p, TYPE);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	p->secret = secret;
	if (!yaml_reader_open(&p->reader, text, length))
		return yaml_push_fault(L, &p->reader.fault);
	return 1;
}

static const luaL_Reg methods[] = { { "next", parser_next }, { NULL, NULL } };

void yaml_events_open(lua_State *L)
{
	host_newtype(L, TYPE, methods, parser_gc);
}
