/*
** lex.h: the tokens of a Lua text, one after the other.
*/
#ifndef O2X_LEX_H
#define O2X_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

/* The words of the language, sorted, and its symbols of more than one character, longest first. */
#define LEX_WORDS(X) \
	X(AND, "and") \
	X(BREAK, "break") \
	X(DO, "do") \
	X(ELSE, "else") \
	X(ELSEIF, "elseif") \
	X(END, "end") \
	X(FALSE, "false") \
	X(FOR, "for") \
	X(FUNCTION, "function") \
	X(GOTO, "goto") \
	X(IF, "if") \
	X(IN, "in") \
	X(LOCAL, "local") \
	X(NIL, "nil") \
	X(NOT, "not") \
	X(OR, "or") \
	X(REPEAT, "repeat") \
	X(RETURN, "return") \
	X(THEN, "then") \
	X(TRUE, "true") \
	X(UNTIL, "until") \
	X(WHILE, "while")
#define LEX_SYMBOLS(X) \
	X(DOTS, "...") \
	X(SHIFT_LEFT, "<<") \
	X(SHIFT_RIGHT, ">>") \
	X(WHOLE_DIVISION, "//") \
	X(EQUAL, "==") \
	X(NOT_EQUAL, "~=") \
	X(AT_MOST, "<=") \
	X(AT_LEAST, ">=") \
	X(LABEL, "::") \
	X(CONCAT, "..")

/* A symbol of one character is its own kind. */
#define LEX_KIND(name, text) TOKEN_##name,
enum {
	TOKEN_NAME = 256,
	TOKEN_STRING,
	TOKEN_NUMBER,
	TOKEN_END_OF_FILE,
	LEX_WORDS(LEX_KIND) LEX_SYMBOLS(LEX_KIND)
};

struct lexer {
	lua_State *L;
	const char *at, *end;
	lua_Integer line;
};

struct token {
	int kind;
	bool escapes;     /* of a string: it has some */
	const char *text; /* of a string: what is between its quotes */
	size_t size;
	lua_Integer line; /* on which it begins */
};

/*
** The text must stay where it is.
*/
void lex_start(struct lexer *lexer, lua_State *L, const char *text, size_t size);

/*
** Raises an error where a string or a comment has no end.
*/
void lex_next(struct lexer *lexer, struct token *token);

/*
** Pushes the value of a name, a string or a number; of other tokens their text.
*/
void lex_push(lua_State *L, const struct token *token);

/*
** Pushes what a kind of token is called: "name", "end", "..", "end of file".
*/
void lex_push_kind(lua_State *L, int kind);

/*
** The function tokens of o2x.core.parse.
*/
int lex_tokens(lua_State *L);

#endif
