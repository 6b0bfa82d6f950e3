/*
** parse_node.c: the tokens, nodes and variables of the parser.
*/
#include "parse.h"

#include <lauxlib.h>

/* Lua itself allows 200 levels. */
enum { DEEPEST = 250, SLOTS = 30, FIELDS = 8 };

void parse_advance(struct parser *p)
{
	p->now = p->next;
	if (p->now.kind != TOKEN_END_OF_FILE)
		lex_next(&p->lexer, &p->next);
}

bool parse_accept(struct parser *p, int kind)
{
	if (p->now.kind != kind)
		return false;
	parse_advance(p);
	return true;
}

static void check(struct parser *p, int kind)
{
	lua_State *L = p->L;
	if (p->now.kind == kind)
		return;
	lex_push_kind(L, kind);
	lex_push_kind(L, p->now.kind);
	luaL_error(L, "line %I: %s expected, got %s", p->now.line, lua_tostring(L, -2),
		   lua_tostring(L, -1));
}

lua_Integer parse_expect(struct parser *p, int kind)
{
	lua_Integer line = p->now.line;
	check(p, kind);
	parse_advance(p);
	return line;
}

lua_Integer parse_expect_name(struct parser *p)
{
	check(p, TOKEN_NAME);
	lex_push(p->L, &p->now);
	return parse_expect(p, TOKEN_NAME);
}

void parse_enter(struct parser *p)
{
	if (++p->depth > DEEPEST)
		luaL_error(p->L, "line %I: nested too deep", p->now.line);
	luaL_checkstack(p->L, SLOTS, "nested too deep");
}

void parse_leave(struct parser *p)
{
	p->depth--;
}

void parse_node(struct parser *p, const char *kind, lua_Integer line)
{
	lua_State *L = p->L;
	lua_createtable(L, 0, FIELDS);
	lua_pushstring(L, kind);
	lua_setfield(L, -2, "k");
	lua_pushinteger(L, line);
	lua_setfield(L, -2, "line");
}

void parse_around(struct parser *p, const char *kind, lua_Integer line, const char *field)
{
	parse_node(p, kind, line);
	lua_insert(p->L, -2);
	lua_setfield(p->L, -2, field);
}

void parse_resolve(struct parser *p)
{
	lua_pushvalue(p->L, -1);
	lua_rawget(p->L, PARSE_VARIABLES);
}

void parse_declare(struct parser *p)
{
	lua_State *L = p->L;
	p->locals++;
	parse_resolve(p);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, false);
	}
	lua_rawseti(L, PARSE_HIDDEN, p->locals);
	lua_createtable(L, 0, 2);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "name");
	lua_pushvalue(L, -1);
	lua_rawseti(L, PARSE_LOCALS, p->locals);
	lua_insert(L, -2);
	lua_pushvalue(L, -2);
	lua_rawset(L, PARSE_VARIABLES);
}

void parse_close(struct parser *p, lua_Integer count)
{
	lua_State *L = p->L;
	for (; p->locals > count; p->locals--) {
		lua_rawgeti(L, PARSE_LOCALS, p->locals);
		lua_getfield(L, -1, "name");
		lua_rawgeti(L, PARSE_HIDDEN, p->locals);
		if (!lua_toboolean(L, -1)) {
			lua_pop(L, 1);
			lua_pushnil(L);
		}
		lua_rawset(L, PARSE_VARIABLES);
		lua_pop(L, 1);
	}
}
