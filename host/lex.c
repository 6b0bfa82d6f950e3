/*
** lex.c: the tokens of a Lua text, for o2x check. It is in C because all of stdlib is read for
** each check. The text compiles; what does not is refused at the place where a token has no end.
** build/run has it too, so it needs Lua only, not the host.
*/
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

struct lexer {
	lua_State *L;
	const char *at, *end;
	lua_Integer line, count; /* of the next token; tokens so far */
};

/* Indexes of the three lists on the stack. */
enum { TEXT = 1, KINDS, VALUES, LINES };

static const char *const keywords[] = {
	"and",      "break",  "do",   "else", "elseif", "end",   "false", "for",
	"function", "goto",   "if",   "in",   "local",  "nil",   "not",   "or",
	"repeat",   "return", "then", "true", "until",  "while",
};

/* Longest first. Other symbols have one character. */
static const char *const symbols[] = {
	"...", "<<", ">>", "//", "==", "~=", "<=", ">=", "::", "..",
};

static bool is_keyword(const char *word, size_t size)
{
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
		if (*keywords[i] == *word && strlen(keywords[i]) == size &&
		    memcmp(keywords[i], word, size) == 0)
			return true;
	return false;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Skips to `to` and counts the lines on the way. */
static void skip_to(struct lexer *lexer, const char *to)
{
	for (; lexer->at < to; lexer->at++)
		lexer->line += *lexer->at == '\n';
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

/* Appends a token whose value is on top of the stack. */
static void append(struct lexer *lexer, const char *kind, size_t size, lua_Integer line)
{
	lua_State *L = lexer->L;
	lexer->count++;
	lua_rawseti(L, VALUES, lexer->count);
	lua_pushlstring(L, kind, size);
	lua_rawseti(L, KINDS, lexer->count);
	lua_pushinteger(L, line);
	lua_rawseti(L, LINES, lexer->count);
}

static void long_string(struct lexer *lexer, int level)
{
	lua_Integer line = lexer->line;
	const char *from = lexer->at + level + 2, *close = long_close(lexer, from, level);
	const char *first = from;
	if (first < close && *first == '\r')
		first++;
	if (first < close && *first == '\n')
		from = first + 1;
	lua_pushlstring(lexer->L, from, (size_t)(close - from));
	append(lexer, "string", 6, line);
	skip_to(lexer, close + level + 2);
}

/* The character that an escape stands for. Numbers stay as they are written. */
static char escaped(char c)
{
	static const char letters[] = "ntrabfv", values[] = "\n\t\r\a\b\f\v";
	const char *found = c ? strchr(letters, c) : NULL;
	return found ? values[found - letters] : c;
}

static void quoted(struct lexer *lexer)
{
	const char quote = *lexer->at, *at = lexer->at + 1;
	luaL_Buffer value;
	luaL_buffinit(lexer->L, &value);
	while (at < lexer->end && *at != quote) {
		if (*at != '\\') {
			luaL_addchar(&value, *at++);
		} else if (at + 1 >= lexer->end) {
			break;
		} else if (at[1] == 'z') {
			for (at += 2; at < lexer->end && isspace((unsigned char)*at);)
				at++;
		} else {
			luaL_addchar(&value, escaped(at[1]));
			at += 2;
		}
	}
	if (at >= lexer->end)
		no_end(lexer, "a string");
	luaL_pushresult(&value);
	append(lexer, "string", 6, lexer->line);
	skip_to(lexer, at + 1);
}

/* 0x1F, 1e-3, .5: digits and letters, and a sign behind an exponent. */
static void number(struct lexer *lexer)
{
	const char *at = lexer->at;
	bool hex = at + 1 < lexer->end && *at == '0' && (at[1] == 'x' || at[1] == 'X');
	for (; at < lexer->end && (isalnum((unsigned char)*at) || *at == '.'); at++)
		if (tolower((unsigned char)*at) == (hex ? 'p' : 'e') && at + 1 < lexer->end &&
		    (at[1] == '-' || at[1] == '+'))
			at++;
	lua_pushlstring(lexer->L, lexer->at, (size_t)(at - lexer->at));
	append(lexer, "number", 6, lexer->line);
	lexer->at = at;
}

static void name(struct lexer *lexer)
{
	const char *at = lexer->at;
	while (at < lexer->end && is_name(*at))
		at++;
	size_t size = (size_t)(at - lexer->at);
	lua_pushlstring(lexer->L, lexer->at, size);
	if (is_keyword(lexer->at, size))
		append(lexer, lexer->at, size, lexer->line);
	else
		append(lexer, "name", 4, lexer->line);
	lexer->at = at;
}

static void symbol(struct lexer *lexer)
{
	size_t size = 1, left = (size_t)(lexer->end - lexer->at);
	for (size_t i = 0; size == 1 && i < sizeof symbols / sizeof *symbols; i++)
		if (strlen(symbols[i]) <= left &&
		    memcmp(symbols[i], lexer->at, strlen(symbols[i])) == 0)
			size = strlen(symbols[i]);
	lua_pushlstring(lexer->L, lexer->at, size);
	append(lexer, lexer->at, size, lexer->line);
	lexer->at += size;
}

/* A comment of one line, or a first line for the shell. */
static void skip_line(struct lexer *lexer)
{
	const char *line_end = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));
	lexer->at = line_end ? line_end : lexer->end;
}

static void comment(struct lexer *lexer)
{
	int level = long_level(lexer, lexer->at + 2);
	if (level >= 0)
		skip_to(lexer, long_close(lexer, lexer->at + 2 + level + 2, level) + level + 2);
	else
		skip_line(lexer);
}

static void one(struct lexer *lexer)
{
	char c = *lexer->at, next = lexer->at + 1 < lexer->end ? lexer->at[1] : '\0';
	int level = long_level(lexer, lexer->at);
	if (isspace((unsigned char)c))
		skip_to(lexer, lexer->at + 1);
	else if (c == '-' && next == '-')
		comment(lexer);
	else if (c == '"' || c == '\'')
		quoted(lexer);
	else if (level >= 0)
		long_string(lexer, level);
	else if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)next)))
		number(lexer);
	else if (is_name(c))
		name(lexer);
	else
		symbol(lexer);
}

/***
 Returns the tokens of a Lua text as three lists of the same length: a table for each token would
 cost more than all else. Raises an error where a string or a comment has no end.
 @function core.lex.tokens
 @param text string
 @return string[] kinds: "name", "string", "number", a word or a symbol of the language; the last
   one is "end of file" and has no value
 @return string[] values
 @return integer[] lines
*/
static int lex_tokens(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, TEXT, &size);
	struct lexer lexer = { L, text, text + size, 1, 0 };
	lua_settop(L, TEXT);
	for (int i = KINDS; i <= LINES; i++)
		lua_createtable(L, (int)(size / 5 < 100000 ? size / 5 : 100000), 0);
	if (size > 0 && *text == '#')
		skip_line(&lexer);
	while (lexer.at < lexer.end)
		one(&lexer);
	lua_pushliteral(L, "end of file");
	lua_rawseti(L, KINDS, lexer.count + 1);
	lua_pushinteger(L, lexer.line);
	lua_rawseti(L, LINES, lexer.count + 1);
	return 3;
}

static const luaL_Reg functions[] = {
	{ "tokens", lex_tokens },
	{ NULL, NULL },
};

int luaopen_o2x_core_lex(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
