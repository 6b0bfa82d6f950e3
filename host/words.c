/*
** words.c: the words in a value's texts that may be names: of hosts, objects, databases, folders.
** Every file is searched for the names in all others, so it is done here.
*/
#include "host.h"

#include <ctype.h>
#include <stdbool.h>

#define DEEPEST 200 /* levels; YAML and JSON that o2x reads have fewer */

struct list {
	int index;
	lua_Integer length;
};

static bool is_of_word(int c)
{
	return isalnum(c) || c == '.' || c == '_' || c == '-';
}

static int digit(int c)
{
	return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

/* The character at *s, or what its "%2e" stands for; moves *s past it. */
static int next_char(const char **s, const char *end)
{
	const unsigned char *at = (const unsigned char *)*s;
	if (*at == '%' && end - *s > 2 && isxdigit(at[1]) && isxdigit(at[2])) {
		*s += 3;
		return digit(at[1]) * 16 + digit(at[2]);
	}
	*s += 1;
	return *at;
}

/* Adds what is on the top of the stack to the list. [-1, +0, m] */
static void add(lua_State *L, struct list *list)
{
	lua_rawseti(L, list->index, ++list->length);
}

/* What a word is made of. */
struct word {
	const char *start, *end; /* in the text */
	bool is_name;            /* it has a dot or a hyphen */
	bool is_plain;           /* it stands in the text as it is compared */
};

/* The word that begins at s; one without a character if there is none. */
static struct word read_word(const char *s, const char *end)
{
	struct word word = { s, s, false, true };
	while (s < end) {
		bool escaped = *s == '%';
		int c = next_char(&s, end);
		if (!is_of_word(c))
			break;
		word.is_name = word.is_name || c == '.' || c == '-';
		word.is_plain = word.is_plain && !escaped && !isupper(c);
		word.end = s;
	}
	return word;
}

/* In lower case and without the dot at its end. [-0, +1, m] */
static void push_word(lua_State *L, const struct word *word)
{
	luaL_Buffer text;
	const char *s = word->start;
	if (word->is_plain) {
		size_t dot = word->end[-1] == '.';
		lua_pushlstring(L, s, (size_t)(word->end - s) - dot);
		return;
	}
	luaL_buffinit(L, &text);
	while (s < word->end)
		luaL_addchar(&text, (char)tolower(next_char(&s, word->end)));
	if (luaL_buffaddr(&text)[luaL_bufflen(&text) - 1] == '.')
		luaL_buffsub(&text, 1);
	luaL_pushresult(&text);
}

/* The text is at the top of the stack. [-0, +0, m] */
static void split(lua_State *L, struct list *list)
{
	size_t length;
	const char *s = lua_tolstring(L, -1, &length), *end = s + length;
	while (s < end) {
		struct word word = read_word(s, end);
		if (word.is_name) {
			push_word(L, &word);
			add(L, list);
		}
		s = word.end;
		if (s < end)
			next_char(&s, end);
	}
}

/* The value is at the top of the stack. [-0, +0, v] */
static void search(lua_State *L, struct list *list, int depth)
{
	if (lua_type(L, -1) == LUA_TSTRING) {
		split(L, list);
		return;
	}
	if (!lua_istable(L, -1))
		return;
	if (depth == DEEPEST)
		luaL_error(L, "nested too deep");
	luaL_checkstack(L, 6, NULL);
	int table = lua_gettop(L);
	lua_pushnil(L);
	while (lua_next(L, table)) {
		search(L, list, depth + 1);
		lua_pop(L, 1);
	}
}

/***
 The words in the texts of a value, at every depth, that have a dot or a hyphen: letters, digits, ".",
 "_" and "-". They are in lower case and without a dot at their end, as names are compared; "%2e" is
 read as what it stands for. Keys are not searched.
 @function core.words.of
 @param value any
 @return list of texts, in no order
*/
static int words_of(lua_State *L)
{
	struct list list = { .index = 1 };
	luaL_checkany(L, 1);
	lua_settop(L, 1);
	lua_newtable(L);
	lua_insert(L, 1);
	search(L, &list, 0);
	lua_settop(L, 1);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "of", words_of },
	{ NULL, NULL },
};

int luaopen_o2x_core_words(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
