/*
** parse.h: what the parts of the parser share. Each function leaves what it makes on the stack:
** a node is a table, and lua/o2x/script/check/parser.lua says which fields it has.
*/
#ifndef O2X_PARSE_H
#define O2X_PARSE_H

#include "lex.h"

/* Places on the stack of luaopen_o2x_core_parse's function tree. */
enum {
	PARSE_TEXT = 1,
	PARSE_VARIABLES, /* name -> its innermost variable */
	PARSE_LOCALS,    /* the variables that can be seen, in the order of their declaration */
	PARSE_HIDDEN,    /* the variable that each of them hides, or false */
	PARSE_LAST = PARSE_HIDDEN
};

struct parser {
	lua_State *L;
	struct lexer lexer;
	struct token now, next; /* the next token to take, and the one behind it */
	lua_Integer locals;     /* how many can be seen */
	int depth;
};

/* ---- tokens ---- */

/*
** Takes the next token.
*/
void parse_advance(struct parser *p);

/*
** Takes the next token if it is of a kind.
*/
bool parse_accept(struct parser *p, int kind);

/*
** The next token must be of a kind, and is taken. -> its line
*/
lua_Integer parse_expect(struct parser *p, int kind);

/*
** As parse_expect, and pushes the name.
*/
lua_Integer parse_expect_name(struct parser *p);

/*
** To be called where the text can nest, and parse_leave after it: what does not compile has no end.
*/
void parse_enter(struct parser *p);
void parse_leave(struct parser *p);

/* ---- nodes and variables ---- */

/*
** Pushes a new node.
*/
void parse_node(struct parser *p, const char *kind, lua_Integer line);

/*
** A new node around what is on top of the stack, which becomes its field.
*/
void parse_around(struct parser *p, const char *kind, lua_Integer line, const char *field);

/*
** Replaces the name on top of the stack by a new variable of that name.
*/
void parse_declare(struct parser *p);

/*
** Pushes the variable that the name on top of the stack stands for; nil: a global.
*/
void parse_resolve(struct parser *p);

/*
** Forgets the variables that were declared since p->locals was `count`.
*/
void parse_close(struct parser *p, lua_Integer count);

/* ---- expressions (parse_expression.c), statements (parse.c), the order of nodes ---- */

void parse_name(struct parser *p);
void parse_expression(struct parser *p);
void parse_expressions(struct parser *p);

/*
** A name or an expression in parentheses, with its indexes, methods and calls.
*/
void parse_suffixed(struct parser *p);

/*
** Access by name to the object on top of the stack.
*/
void parse_field(struct parser *p);

/*
** A function from its parameters to its end; a method has the parameter self.
*/
void parse_function(struct parser *p, lua_Integer line, bool with_self);

/*
** Statements until the word that ends their block.
*/
void parse_block(struct parser *p);

/*
** Prepares the tree on top of the stack to be walked: each node gets order, first and last.
*/
void parse_order(lua_State *L);

#endif
