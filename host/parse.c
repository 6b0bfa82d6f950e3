/*
** parse.c: the statements of Lua, and the module: a Lua text as a tree, for o2x check. It is in C
** because all of stdlib is read for each check; what is wrong with a tree is said in Lua.
** build/run has it too, so it needs Lua only, not the host.
*/
#include "parse.h"

#include <lauxlib.h>

static bool ends_block(int kind)
{
	return kind == TOKEN_END || kind == TOKEN_ELSE || kind == TOKEN_ELSEIF ||
	       kind == TOKEN_UNTIL || kind == TOKEN_END_OF_FILE;
}

/* A block with variables of its own as a field of the node on top of the stack. */
static void body(struct parser *p)
{
	lua_Integer outer = p->locals;
	parse_block(p);
	parse_close(p, outer);
	lua_setfield(p->L, -2, "body");
}

/* A list of names with commas between them. */
static void names(struct parser *p, bool attributes)
{
	lua_Integer count = 0;
	lua_createtable(p->L, 1, 0);
	do {
		parse_expect_name(p);
		lua_rawseti(p->L, -2, ++count);
		if (attributes && parse_accept(p, '<')) {
			parse_expect(p, TOKEN_NAME);
			parse_expect(p, '>');
		}
	} while (parse_accept(p, ','));
}

/* Makes variables of the names in the list at an index. */
static void declare_all(struct parser *p, int list)
{
	lua_State *L = p->L;
	lua_Integer count = (lua_Integer)lua_rawlen(L, list);
	for (lua_Integer i = 1; i <= count; i++) {
		lua_rawgeti(L, list, i);
		parse_declare(p);
		lua_rawseti(L, list, i);
	}
}

/* Replaces a value on top of the stack by a list of it. */
static void list_of_one(lua_State *L)
{
	lua_createtable(L, 1, 0);
	lua_insert(L, -2);
	lua_rawseti(L, -2, 1);
}

/* local function: the variable is there before its value. */
static void local_function(struct parser *p, lua_Integer line)
{
	lua_State *L = p->L;
	parse_node(p, "local", line);
	parse_expect_name(p);
	parse_declare(p);
	parse_function(p, line, false);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "value");
	list_of_one(L);
	lua_setfield(L, -3, "values");
	list_of_one(L);
	lua_setfield(L, -2, "vars");
}

static void local(struct parser *p, lua_Integer line)
{
	lua_State *L = p->L;
	if (parse_accept(p, TOKEN_FUNCTION)) {
		local_function(p, line);
		return;
	}
	parse_node(p, "local", line);
	names(p, true);
	if (parse_accept(p, '='))
		parse_expressions(p);
	else
		lua_newtable(L);
	int values = lua_gettop(L), vars = values - 1;
	declare_all(p, vars);
	for (lua_Integer i = 1; lua_rawgeti(L, vars, i) != LUA_TNIL; i++) {
		lua_rawgeti(L, values, i);
		lua_setfield(L, -2, "value");
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	lua_setfield(L, -3, "values");
	lua_setfield(L, -2, "vars");
}

/* The variable of the name on top of the stack, if it is one, does not keep its first value. */
static void note_change(lua_State *L)
{
	if (lua_getfield(L, -1, "var") == LUA_TTABLE) {
		lua_pushboolean(L, true);
		lua_setfield(L, -2, "changed");
	}
	lua_pop(L, 1);
}

static void function(struct parser *p, lua_Integer line)
{
	lua_State *L = p->L;
	bool with_self = false;
	parse_node(p, "assign", line);
	parse_name(p);
	while (p->now.kind == '.' || p->now.kind == ':') {
		with_self = p->now.kind == ':';
		parse_advance(p);
		parse_field(p);
	}
	note_change(L);
	list_of_one(L);
	lua_setfield(L, -2, "targets");
	parse_function(p, line, with_self);
	list_of_one(L);
	lua_setfield(L, -2, "values");
}

/* A condition, `then` or `do`, a block. */
static void condition(struct parser *p, int before_block)
{
	lua_createtable(p->L, 0, 2);
	parse_expression(p);
	lua_setfield(p->L, -2, "condition");
	parse_expect(p, before_block);
	body(p);
}

static void branches(struct parser *p, lua_Integer line)
{
	lua_State *L = p->L;
	lua_Integer count = 0;
	parse_node(p, "if", line);
	lua_newtable(L);
	do {
		condition(p, TOKEN_THEN);
		lua_rawseti(L, -2, ++count);
	} while (parse_accept(p, TOKEN_ELSEIF));
	if (parse_accept(p, TOKEN_ELSE)) {
		lua_createtable(L, 0, 1);
		body(p);
		lua_rawseti(L, -2, ++count);
	}
	parse_expect(p, TOKEN_END);
	lua_setfield(L, -2, "clauses");
}

static void while_loop(struct parser *p, lua_Integer line)
{
	parse_node(p, "loop", line);
	parse_expression(p);
	list_of_one(p->L);
	lua_setfield(p->L, -2, "exprs");
	parse_expect(p, TOKEN_DO);
	body(p);
	parse_expect(p, TOKEN_END);
}

/* The condition at the end sees the variables of the block. */
static void repeat_loop(struct parser *p, lua_Integer line)
{
	lua_Integer outer = p->locals;
	parse_node(p, "loop", line);
	parse_block(p);
	lua_setfield(p->L, -2, "body");
	parse_expect(p, TOKEN_UNTIL);
	parse_expression(p);
	list_of_one(p->L);
	lua_setfield(p->L, -2, "exprs");
	parse_close(p, outer);
}

static void for_loop(struct parser *p, lua_Integer line)
{
	lua_State *L = p->L;
	lua_Integer outer = p->locals;
	parse_node(p, "loop", line);
	names(p, false);
	if (!parse_accept(p, '='))
		parse_expect(p, TOKEN_IN);
	parse_expressions(p);
	lua_setfield(L, -3, "exprs");
	parse_expect(p, TOKEN_DO);
	declare_all(p, lua_gettop(L));
	lua_pop(L, 1);
	body(p);
	parse_close(p, outer);
	parse_expect(p, TOKEN_END);
}

static void result(struct parser *p, lua_Integer line)
{
	parse_node(p, "return", line);
	if (ends_block(p->now.kind) || p->now.kind == ';')
		lua_newtable(p->L);
	else
		parse_expressions(p);
	lua_setfield(p->L, -2, "values");
	parse_accept(p, ';');
}

/* A call, or an assignment. */
static void expression_statement(struct parser *p, lua_Integer line)
{
	lua_State *L = p->L;
	parse_suffixed(p);
	if (p->now.kind != '=' && p->now.kind != ',') {
		parse_around(p, "expression", line, "value");
		return;
	}
	list_of_one(L);
	for (lua_Integer count = 2; parse_accept(p, ','); count++) {
		parse_suffixed(p);
		lua_rawseti(L, -2, count);
	}
	parse_expect(p, '=');
	for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
		note_change(L);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	parse_around(p, "assign", line, "targets");
	parse_expressions(p);
	lua_setfield(L, -2, "values");
}

static void block_statement(struct parser *p, lua_Integer line)
{
	parse_node(p, "do", line);
	body(p);
	parse_expect(p, TOKEN_END);
}

/* What has nothing to look at: break, goto, a label. */
static void break_statement(struct parser *p, lua_Integer line)
{
	parse_node(p, "break", line);
}

static void goto_statement(struct parser *p, lua_Integer line)
{
	parse_node(p, "break", line);
	parse_expect(p, TOKEN_NAME);
}

static void label(struct parser *p, lua_Integer line)
{
	goto_statement(p, line);
	parse_expect(p, TOKEN_LABEL);
}

/* By first word; each parses what follows it. */
static void (*const statements[])(struct parser *, lua_Integer line) = {
	[TOKEN_LOCAL] = local,           [TOKEN_FUNCTION] = function,
	[TOKEN_IF] = branches,           [TOKEN_WHILE] = while_loop,
	[TOKEN_REPEAT] = repeat_loop,    [TOKEN_FOR] = for_loop,
	[TOKEN_DO] = block_statement,    [TOKEN_RETURN] = result,
	[TOKEN_BREAK] = break_statement, [TOKEN_GOTO] = goto_statement,
	[TOKEN_LABEL] = label,
};

static void statement(struct parser *p)
{
	size_t kind = (size_t)p->now.kind;
	lua_Integer line = p->now.line;
	parse_enter(p);
	if (kind < sizeof statements / sizeof *statements && statements[kind]) {
		parse_advance(p);
		statements[kind](p, line);
	} else {
		expression_statement(p, line);
	}
	parse_leave(p);
}

void parse_block(struct parser *p)
{
	lua_Integer count = 0;
	lua_newtable(p->L);
	while (!ends_block(p->now.kind))
		if (!parse_accept(p, ';')) {
			statement(p);
			lua_rawseti(p->L, -2, ++count);
		}
}

/***
 The tree of a Lua text that compiles; lua/o2x/script/check/parser.lua describes it. Raises an error
 where the text cannot be understood.
 @function core.parse.tree
 @param text string
 @return table main a function without parameters
*/
static int parse_tree(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, PARSE_TEXT, &size);
	struct parser p = { .L = L };
	lua_settop(L, PARSE_TEXT);
	for (int i = PARSE_TEXT; i < PARSE_LAST; i++)
		lua_newtable(L);
	lex_start(&p.lexer, L, text, size);
	lex_next(&p.lexer, &p.next);
	parse_advance(&p);
	parse_node(&p, "func", 1);
	lua_newtable(L);
	lua_setfield(L, -2, "params");
	parse_block(&p);
	lua_setfield(L, -2, "body");
	parse_expect(&p, TOKEN_END_OF_FILE);
	parse_order(L);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "tree", parse_tree },
	{ "tokens", lex_tokens },
	{ NULL, NULL },
};

int luaopen_o2x_core_parse(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
