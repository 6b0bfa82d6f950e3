/*
** xml.c: parses an XML document into plain tables, with libexpat. The parser's callbacks only
** record what they see in a buffer; tables are built from the records afterwards. Document types
** are refused, so there are no entities and nothing external.
*/
#include "host.h"
#include "lazy.h"
#include "luabuffer.h"

#include <string.h>

#include <expat.h>

#define MAX_DEPTH 64

#define EXPAT(X) \
	X(XML_ParserCreate) \
	X(XML_ParserFree) \
	X(XML_SetUserData) \
	X(XML_SetElementHandler) \
	X(XML_SetCharacterDataHandler) \
	X(XML_SetStartDoctypeDeclHandler) \
	X(XML_Parse) \
	X(XML_StopParser) \
	X(XML_GetErrorCode) \
	X(XML_ErrorString) \
	X(XML_GetCurrentLineNumber)
LAZY(expat, "libexpat.so.1", EXPAT)

/* Records: 'S' name NUL, 'E', 'T' text NUL. XML has no NUL. Text arrives in pieces. */
struct parse {
	XML_Parser parser;
	struct buffer *notes;
	const char *problem;
	int depth;
};

static void stop(struct parse *parse, const char *problem)
{
	if (!parse->problem)
		parse->problem = problem;
	expat.XML_StopParser(parse->parser, XML_FALSE);
}

static void note(struct parse *parse, char kind, const char *bytes, size_t length)
{
	struct buffer *notes = parse->notes;
	if (!buffer_append(notes, &kind, 1) || !buffer_append(notes, bytes, length) ||
	    !buffer_append(notes, "", 1))
		stop(parse, "not enough memory");
}

static void on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct parse *parse = arg;
	(void)attributes;
	if (++parse->depth > MAX_DEPTH)
		stop(parse, "elements are nested too deeply");
	note(parse, 'S', name, strlen(name));
}

static void on_end(void *arg, const XML_Char *name)
{
	struct parse *parse = arg;
	(void)name;
	parse->depth--;
	note(parse, 'E', "", 0);
}

static void on_text(void *arg, const XML_Char *text, int length)
{
	note(arg, 'T', text, (size_t)length);
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	stop(arg, "document types are not accepted");
}

/* Appends text to the "text" of the element on top. */
static void add_text(lua_State *L, const char *text)
{
	lua_getfield(L, -1, "text");
	lua_pushstring(L, text);
	lua_concat(L, 2);
	lua_setfield(L, -2, "text");
}

/* Builds the table of the root element from the records and leaves it on the stack. */
static void build(lua_State *L, const struct buffer *notes)
{
	int base = lua_gettop(L);
	luaL_checkstack(L, MAX_DEPTH + 8, "XML");
	for (size_t at = 0; at < notes->length; at += strlen(notes->bytes + at + 1) + 2) {
		const char *text = notes->bytes + at + 1;
		switch (notes->bytes[at]) {
		case 'S':
			lua_newtable(L);
			lua_pushstring(L, text);
			lua_setfield(L, -2, "name");
			lua_pushliteral(L, "");
			lua_setfield(L, -2, "text");
			break;
		case 'T': add_text(L, text); break;
		default:
			if (lua_gettop(L) > base + 1)
				lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
		}
	}
}

static int fail(lua_State *L, const struct parse *parse)
{
	const char *problem = parse->problem;
	if (!problem)
		problem = expat.XML_ErrorString(expat.XML_GetErrorCode(parse->parser));
	unsigned long line = expat.XML_GetCurrentLineNumber(parse->parser);
	return host_fail(L, "EXML", "line %lu: %s", line, problem);
}

/***
 Parses an XML document. Attributes, comments and processing instructions are ignored: they mean
 nothing in what o2x reads.
 @function core.xml.parse
 @param text string
 @return table the root element: {name=, text=, its children at 1, 2, …}; or nil, message, "EXML"
*/
static int xml_parse(lua_State *L)
{
	size_t length;
	const char *text = luaL_checklstring(L, 1, &length);
	luaL_argcheck(L, length < 1 << 28, 1, "too long");
	const char *missing = expat_load();
	if (missing)
		return host_fail(L, "ELIB", "%s", missing);
	struct parse parse = { .notes = luabuffer_new(L) };
	parse.parser = expat.XML_ParserCreate(NULL);
	if (!parse.parser)
		return luaL_error(L, "not enough memory");
	expat.XML_SetUserData(parse.parser, &parse);
	expat.XML_SetElementHandler(parse.parser, on_start, on_end);
	expat.XML_SetCharacterDataHandler(parse.parser, on_text);
	expat.XML_SetStartDoctypeDeclHandler(parse.parser, on_doctype);
	/* Nothing up to XML_ParserFree raises, except when there is no memory for the message. */
	enum XML_Status status = expat.XML_Parse(parse.parser, text, (int)length, 1);
	int failed = status != XML_STATUS_OK || parse.problem;
	int results = failed ? fail(L, &parse) : 0;
	expat.XML_ParserFree(parse.parser);
	if (failed)
		return results;
	build(L, parse.notes);
	return 1;
}

static const luaL_Reg functions[] = { { "parse", xml_parse }, { NULL, NULL } };

int luaopen_o2x_core_xml(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
