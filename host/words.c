/*
** words.c: the words in a value's texts that may be names: of hosts, objects, databases, folders.
** Every file is searched for the names in all others, so it is done here.
*/
#include "host.h"

#include <ctype.h>
#include <stdbool.h>

#define DEEPEST 200 /* levels; YAML and JSON that o2x reads have fewer */

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

/* Adds a word to the list at idx, without the dot at its end. [-0, +0, m] */
static void add(lua_State *L, int list, luaL_Buffer *word)
{
	size_t length = luaL_bufflen(word);
	if (luaL_buffaddr(word)[length - 1] == '.')
		luaL_buffsub(word, 1);
	luaL_pushresult(word);
	lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
}

/* Is the word that begins at s a name? Sets *after to where it ends. */
static bool is_name(const char *s, const char *end, const char **after)
{
	bool found = false;
	for (int c; s < end; *after = s) {
		c = next_char(&s, end);
		if (!is_of_word(c))
			break;
		found = found || c == '.' || c == '-';
	}
	return found;
}

/* The text is at the top of the stack. [-0, +0, m] */
static void split(lua_State *L, int list)
{
	size_t length;
	const char *s = lua_tolstring(L, -1, &length), *end = s + length;
	while (s < end) {
		luaL_Buffer word;
		const char *after = s;
		bool name = is_name(s, end, &after);
		if (name) {
			luaL_buffinit(L, &word);
			while (s < after)
				luaL_addchar(&word, (char)tolower(next_char(&s, end)));
			add(L, list, &word);
		} else if (after > s) {
			s = after;
		} else {
			next_char(&s, end);
		}
	}
}

/* The value is at the top of the stack. [-0, +0, v] */
static void search(lua_State *L, int list, int depth)
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
	luaL_checkany(L, 1);
	lua_settop(L, 1);
	lua_newtable(L);
	lua_insert(L, 1);
	search(L, 1, 0);
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
