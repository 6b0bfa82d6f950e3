/*
** parse_expression.c: the expressions of Lua.
*/
#include "parse.h"

#include <string.h>

enum { UNARY_PRIORITY = 12 };

/* How close an operator binds to its left and to its right; 0: no operator of two operands. */
struct priority {
	int left, right;
};

static struct priority priority_of(int kind)
{
	switch (kind) {
	case TOKEN_OR: return (struct priority){ 1, 1 };
	case TOKEN_AND: return (struct priority){ 2, 2 };
	case '<':
	case '>':
	case TOKEN_AT_MOST:
	case TOKEN_AT_LEAST:
	case TOKEN_NOT_EQUAL:
	case TOKEN_EQUAL: return (struct priority){ 3, 3 };
	case '|': return (struct priority){ 4, 4 };
	case '~': return (struct priority){ 5, 5 };
	case '&': return (struct priority){ 6, 6 };
	case TOKEN_SHIFT_LEFT:
	case TOKEN_SHIFT_RIGHT: return (struct priority){ 7, 7 };
	case TOKEN_CONCAT: return (struct priority){ 9, 8 };
	case '+':
	case '-': return (struct priority){ 10, 10 };
	case '*':
	case '/':
	case '%':
	case TOKEN_WHOLE_DIVISION: return (struct priority){ 11, 11 };
	case '^': return (struct priority){ 14, 13 };
	default: return (struct priority){ 0, 0 };
	}
}

static void expression(struct parser *p, int limit);

void parse_name(struct parser *p)
{
	lua_State *L = p->L;
	parse_node(p, "name", p->now.line);
	parse_expect_name(p);
	parse_resolve(p);
	lua_setfield(L, -3, "var");
	lua_setfield(L, -2, "name");
}

void parse_expressions(struct parser *p)
{
	lua_Integer count = 0;
	lua_createtable(p->L, 1, 0);
	do {
		expression(p, 0);
		lua_rawseti(p->L, -2, ++count);
	} while (parse_accept(p, ','));
}

static void parameters(struct parser *p, bool with_self)
{
	lua_State *L = p->L;
	lua_Integer count = 0;
	bool vararg = false;
	lua_newtable(L);
	if (with_self) {
		lua_pushliteral(L, "self");
		parse_declare(p);
		lua_rawseti(L, -2, ++count);
	}
	parse_expect(p, '(');
	while (p->now.kind != ')') {
		if (parse_accept(p, TOKEN_DOTS)) {
			vararg = true;
		} else {
			parse_expect_name(p);
			parse_declare(p);
			lua_rawseti(L, -2, ++count);
		}
		if (!parse_accept(p, ','))
			break;
	}
	parse_expect(p, ')');
	lua_setfield(L, -2, "params");
	if (vararg) {
		lua_pushboolean(L, true);
		lua_setfield(L, -2, "vararg");
	}
}

void parse_function(struct parser *p, lua_Integer line, bool with_self)
{
	lua_Integer outer = p->locals;
	parse_node(p, "func", line);
	parameters(p, with_self);
	parse_block(p);
	lua_setfield(p->L, -2, "body");
	parse_expect(p, TOKEN_END);
	parse_close(p, outer);
}

/* Is the node on top of the stack a text? */
static bool is_text(lua_State *L)
{
	lua_getfield(L, -1, "k");
	bool found = strcmp(lua_tostring(L, -1), "string") == 0;
	lua_pop(L, 1);
	return found;
}

/* The key of a table's item that is on top of the stack, if it has one. */
static void key(struct parser *p)
{
	lua_State *L = p->L;
	if (parse_accept(p, '[')) {
		expression(p, 0);
		if (is_text(L)) {
			lua_getfield(L, -1, "value");
			lua_setfield(L, -3, "name");
		}
		lua_setfield(L, -2, "key");
		parse_expect(p, ']');
		parse_expect(p, '=');
	} else if (p->now.kind == TOKEN_NAME && p->next.kind == '=') {
		parse_expect_name(p);
		lua_setfield(L, -2, "name");
		parse_expect(p, '=');
	}
}

/* A table; its items are { name, key, value, line }. */
static void constructor(struct parser *p)
{
	lua_State *L = p->L;
	lua_Integer count = 0;
	parse_node(p, "table", p->now.line);
	lua_newtable(L);
	parse_expect(p, '{');
	while (p->now.kind != '}') {
		lua_createtable(L, 0, 4);
		lua_pushinteger(L, p->now.line);
		lua_setfield(L, -2, "line");
		key(p);
		expression(p, 0);
		lua_setfield(L, -2, "value");
		lua_rawseti(L, -2, ++count);
		if (!parse_accept(p, ',') && !parse_accept(p, ';'))
			break;
	}
	parse_expect(p, '}');
	lua_setfield(L, -2, "items");
}

/* The next token as a node: a text, a number, nil, true, false or ... */
static void constant(struct parser *p, const char *kind)
{
	parse_node(p, kind, p->now.line);
	lex_push(p->L, &p->now);
	lua_setfield(p->L, -2, "value");
	parse_advance(p);
}

/* A list of what is given to a call. */
static void arguments(struct parser *p)
{
	lua_State *L = p->L;
	if (p->now.kind == TOKEN_STRING || p->now.kind == '{') {
		lua_createtable(L, 1, 0);
		if (p->now.kind == '{')
			constructor(p);
		else
			constant(p, "string");
		lua_rawseti(L, -2, 1);
		return;
	}
	parse_expect(p, '(');
	if (p->now.kind == ')')
		lua_newtable(L);
	else
		parse_expressions(p);
	parse_expect(p, ')');
}

void parse_field(struct parser *p)
{
	lua_State *L = p->L;
	lua_Integer line = p->now.line;
	parse_around(p, "index", line, "object");
	parse_node(p, "string", line);
	parse_expect_name(p);
	lua_setfield(L, -2, "value");
	lua_setfield(L, -2, "key");
}

static void method(struct parser *p)
{
	parse_around(p, "method", p->now.line, "object");
	parse_expect_name(p);
	lua_setfield(p->L, -2, "name");
	arguments(p);
	lua_setfield(p->L, -2, "args");
}

void parse_suffixed(struct parser *p)
{
	lua_State *L = p->L;
	if (parse_accept(p, '(')) {
		expression(p, 0);
		parse_expect(p, ')');
	} else {
		parse_name(p);
	}
	for (;;) {
		lua_Integer line = p->now.line;
		switch (p->now.kind) {
		case '.':
			parse_advance(p);
			parse_field(p);
			break;
		case ':':
			parse_advance(p);
			method(p);
			break;
		case '[':
			parse_advance(p);
			parse_around(p, "index", line, "object");
			expression(p, 0);
			lua_setfield(L, -2, "key");
			parse_expect(p, ']');
			break;
		case '(':
		case '{':
		case TOKEN_STRING:
			parse_around(p, "call", line, "fn");
			arguments(p);
			lua_setfield(L, -2, "args");
			break;
		default: return;
		}
	}
}

static void operand(struct parser *p)
{
	lua_Integer line = p->now.line;
	switch (p->now.kind) {
	case TOKEN_STRING: constant(p, "string"); return;
	case TOKEN_NUMBER: constant(p, "number"); return;
	case TOKEN_NIL:
	case TOKEN_TRUE:
	case TOKEN_FALSE:
	case TOKEN_DOTS: constant(p, "literal"); return;
	case '{': constructor(p); return;
	case TOKEN_FUNCTION:
		parse_advance(p);
		parse_function(p, line, false);
		return;
	default: parse_suffixed(p);
	}
}

/* Takes the next token, an operator, as the field op of the node on top of the stack. */
static void operator(struct parser *p)
{
	lex_push(p->L, &p->now);
	lua_setfield(p->L, -2, "op");
	parse_advance(p);
}

static bool is_unary(int kind)
{
	return kind == TOKEN_NOT || kind == '#' || kind == '-' || kind == '~';
}

/* Operators that bind no closer than limit end the expression. */
static void expression(struct parser *p, int limit)
{
	lua_State *L = p->L;
	parse_enter(p);
	if (is_unary(p->now.kind)) {
		parse_node(p, "unary", p->now.line);
		operator(p);
		expression(p, UNARY_PRIORITY);
		lua_setfield(L, -2, "a");
	} else {
		operand(p);
	}
	struct priority priority = priority_of(p->now.kind);
	while (priority.left > limit) {
		parse_around(p, "binary", p->now.line, "a");
		operator(p);
		expression(p, priority.right);
		lua_setfield(L, -2, "b");
		priority = priority_of(p->now.kind);
	}
	parse_leave(p);
}

void parse_expression(struct parser *p)
{
	expression(p, 0);
}
