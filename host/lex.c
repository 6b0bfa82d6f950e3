/*
** lex.c: the tokens of a Lua text, for o2x check. It is in C because all of stdlib is read for
** each check. The text compiles; what does not is refused at the place where a token has no end.
** build/run has it too, so it needs Lua only, not the host.
*/
#include "lex.h"

#include <ctype.h>
#include <string.h>

#include <lauxlib.h>

#define TEXT(name, text) text,
static const char *const words[] = { LEX_WORDS(TEXT) };
static const char *const symbols[] = { LEX_SYMBOLS(TEXT) };
#define LENGTH(list) (sizeof list / sizeof *list)
enum { FIRST_WORD = TOKEN_AND, FIRST_SYMBOL = TOKEN_DOTS };

/* The kind of a word, or of a name. */
static int kind_of(const char *word, size_t size)
{
	for (size_t i = 0; i < LENGTH(words) && *words[i] <= *word; i++)
		if (*words[i] == *word && strlen(words[i]) == size &&
		    memcmp(words[i], word, size) == 0)
			return FIRST_WORD + (int)i;
	return TOKEN_NAME;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/*
** Takes one character and counts the line that ends with it. As in Lua, a line ends with \n, \r, or
** both in any order.
*/
static void skip_one(struct lexer *lexer)
{
	char c = *lexer->at++, other = c == '\n' ? '\r' : '\n';
	if (c != '\n' && c != '\r')
		return;
	lexer->line++;
	if (lexer->at < lexer->end && *lexer->at == other)
		lexer->at++;
}

/* Skips to `to` and counts the lines on the way. */
static void skip_to(struct lexer *lexer, const char *to)
{
	while (lexer->at < to)
		skip_one(lexer);
}

static const char *no_end(struct lexer *lexer, const char *what)
{
	luaL_error(lexer->L, "line %I: %s without an end", lexer->line, what);
	return NULL;
}

/* The level of a long bracket that begins at `at`, or -1. */
static int long_level(const struct lexer *lexer, const char *at)
{
	int level = 0;
	if (at >= lexer->end || *at != '[')
		return -1;
	for (at++; at < lexer->end && *at == '='; at++)
		level++;
	return at < lexer->end && *at == '[' ? level : -1;
}

/* The last bracket of the pair that closes a long bracket. */
static const char *long_close(struct lexer *lexer, const char *from, int level)
{
	for (const char *at = from; at < lexer->end; at++) {
		int signs = 0;
		if (*at != ']')
			continue;
		while (at + 1 + signs < lexer->end && at[1 + signs] == '=')
			signs++;
		if (signs == level && at + 1 + signs < lexer->end && at[1 + signs] == ']')
			return at;
	}
	return no_end(lexer, "a long bracket");
}

/* A token that is the text from where the lexer is. */
static void take(struct lexer *lexer, struct token *token, int kind, const char *to)
{
	token->kind = kind;
	token->text = lexer->at;
	token->size = (size_t)(to - lexer->at);
	lexer->at = to;
}

static void long_string(struct lexer *lexer, struct token *token, int level)
{
	const char *from = lexer->at + level + 2, *close = long_close(lexer, from, level);
	/* A line's end at the beginning does not belong to the text. */
	skip_to(lexer, from);
	if (from < close && (*from == '\n' || *from == '\r'))
		skip_one(lexer);
	from = lexer->at < close ? lexer->at : close;
	token->kind = TOKEN_STRING;
	token->text = from;
	token->size = (size_t)(close - from);
	skip_to(lexer, close + level + 2);
}

static void quoted(struct lexer *lexer, struct token *token)
{
	const char quote = *lexer->at, *at = lexer->at + 1;
	token->kind = TOKEN_STRING;
	token->text = at;
	while (at < lexer->end && *at != quote) {
		token->escapes |= *at == '\\';
		at += *at == '\\' ? 2 : 1;
	}
	if (at >= lexer->end)
		no_end(lexer, "a string");
	token->size = (size_t)(at - token->text);
	skip_to(lexer, at + 1);
}

/* 0x1F, 1e-3, .5: digits and letters, and a sign behind an exponent. */
static void number(struct lexer *lexer, struct token *token)
{
	const char *at = lexer->at;
	bool hex = at + 1 < lexer->end && *at == '0' && (at[1] == 'x' || at[1] == 'X');
	for (; at < lexer->end && (isalnum((unsigned char)*at) || *at == '.'); at++)
		if (tolower((unsigned char)*at) == (hex ? 'p' : 'e') && at + 1 < lexer->end &&
		    (at[1] == '-' || at[1] == '+'))
			at++;
	take(lexer, token, TOKEN_NUMBER, at);
}

static void name(struct lexer *lexer, struct token *token)
{
	const char *at = lexer->at;
	while (at < lexer->end && is_name(*at))
		at++;
	take(lexer, token, kind_of(lexer->at, (size_t)(at - lexer->at)), at);
}

static void symbol(struct lexer *lexer, struct token *token)
{
	size_t left = (size_t)(lexer->end - lexer->at);
	for (size_t i = 0; i < LENGTH(symbols); i++) {
		size_t size = strlen(symbols[i]);
		if (*symbols[i] == *lexer->at && size <= left &&
		    memcmp(symbols[i], lexer->at, size) == 0) {
			take(lexer, token, FIRST_SYMBOL + (int)i, lexer->at + size);
			return;
		}
	}
	take(lexer, token, (unsigned char)*lexer->at, lexer->at + 1);
}

/* A comment of one line, or a first line for the shell. */
static void skip_line(struct lexer *lexer)
{
	while (lexer->at < lexer->end && *lexer->at != '\n' && *lexer->at != '\r')
		lexer->at++;
}

static void comment(struct lexer *lexer)
{
	int level = long_level(lexer, lexer->at + 2);
	if (level >= 0)
		skip_to(lexer, long_close(lexer, lexer->at + 2 + level + 2, level) + level + 2);
	else
		skip_line(lexer);
}

/* Skips what is between two tokens. */
static void skip_space(struct lexer *lexer)
{
	while (lexer->at < lexer->end) {
		if (isspace((unsigned char)*lexer->at))
			skip_one(lexer);
		else if (*lexer->at == '-' && lexer->at + 1 < lexer->end && lexer->at[1] == '-')
			comment(lexer);
		else
			return;
	}
}

void lex_start(struct lexer *lexer, lua_State *L, const char *text, size_t size)
{
	*lexer = (struct lexer){ L, text, text + size, 1 };
	if (size > 0 && *text == '#')
		skip_line(lexer);
}

void lex_next(struct lexer *lexer, struct token *token)
{
	skip_space(lexer);
	token->line = lexer->line;
	token->escapes = false;
	if (lexer->at >= lexer->end) {
		take(lexer, token, TOKEN_END_OF_FILE, lexer->at);
		return;
	}
	char c = *lexer->at, next = lexer->at + 1 < lexer->end ? lexer->at[1] : '\0';
	int level = long_level(lexer, lexer->at);
	if (c == '"' || c == '\'')
		quoted(lexer, token);
	else if (level >= 0)
		long_string(lexer, token, level);
	else if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)next)))
		number(lexer, token);
	else if (is_name(c))
		name(lexer, token);
	else
		symbol(lexer, token);
}

/* The character that an escape stands for. Numbers stay as they are written. */
static char escaped(char c)
{
	static const char letters[] = "ntrabfv", values[] = "\n\t\r\a\b\f\v";
	const char *found = c ? strchr(letters, c) : NULL;
	return found ? values[found - letters] : c;
}

static void push_unescaped(lua_State *L, const struct token *token)
{
	const char *at = token->text, *end = at + token->size;
	luaL_Buffer value;
	luaL_buffinit(L, &value);
	while (at < end) {
		if (*at != '\\') {
			luaL_addchar(&value, *at++);
		} else if (at[1] == 'z') {
			for (at += 2; at < end && isspace((unsigned char)*at);)
				at++;
		} else {
			luaL_addchar(&value, escaped(at[1]));
			at += 2;
		}
	}
	luaL_pushresult(&value);
}

void lex_push(lua_State *L, const struct token *token)
{
	if (token->escapes)
		push_unescaped(L, token);
	else
		lua_pushlstring(L, token->text, token->size);
}

void lex_push_kind(lua_State *L, int kind)
{
	static const char *const others[] = { "name", "string", "number", "end of file" };
	if (kind >= FIRST_SYMBOL)
		lua_pushstring(L, symbols[kind - FIRST_SYMBOL]);
	else if (kind >= FIRST_WORD)
		lua_pushstring(L, words[kind - FIRST_WORD]);
	else if (kind >= TOKEN_NAME)
		lua_pushstring(L, others[kind - TOKEN_NAME]);
	else
		lua_pushlstring(L, &(char){ (char)kind }, 1);
}

/***
 Returns the tokens of a Lua text as three lists of the same length. Raises an error where a string
 or a comment has no end.
 @function core.parse.tokens
 @param text string
 @return string[] kinds: "name", "string", "number", a word or a symbol of the language; the last
   one is "end of file" and has no value
 @return string[] values
 @return integer[] lines
*/
int lex_tokens(lua_State *L)
{
	enum { TEXT = 1, KINDS, VALUES, LINES };
	size_t size;
	const char *text = luaL_checklstring(L, TEXT, &size);
	struct lexer lexer;
	struct token token = { 0 };
	lua_settop(L, TEXT);
	for (int i = KINDS; i <= LINES; i++)
		lua_newtable(L);
	lex_start(&lexer, L, text, size);
	for (lua_Integer count = 1; token.kind != TOKEN_END_OF_FILE; count++) {
		lex_next(&lexer, &token);
		lex_push_kind(L, token.kind);
		lua_rawseti(L, KINDS, count);
		lua_pushinteger(L, token.line);
		lua_rawseti(L, LINES, count);
		if (token.kind != TOKEN_END_OF_FILE)
			lex_push(L, &token);
		else
			lua_pushnil(L);
		lua_rawseti(L, VALUES, count);
	}
	return 3;
}
