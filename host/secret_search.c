/*
** secret_search.c: the functions of the secret module that search a text for live secrets.
*/
#include "secret_search.h"
#include "scrub.h"

#include <stdlib.h>

#include <lauxlib.h>

/***
 Masks every live secret in a text, raw and in the usual encodings.
 @function core.secret.scrub
 @param text string
 @return string
 @return boolean was anything masked?
*/
int secret_scrub(lua_State *L)
{
	size_t length, masked;
	const char *text = luaL_checklstring(L, 1, &length);
	char *clean = scrub_text(text, length, &masked);
	if (masked == SCRUB_FAILED)
		return luaL_error(L, "not enough memory");
	if (clean)
		lua_pushlstring(L, clean, masked);
	else
		lua_pushvalue(L, 1);
	free(clean);
	lua_pushboolean(L, clean != NULL);
	return 2;
}

/***
 Is there a live secret in a text, plain or encoded?
 @function core.secret.found
 @param text string
 @return string|nil label of one that is
*/
int secret_found(lua_State *L)
{
	size_t length;
	int failed;
	const char *text = luaL_checklstring(L, 1, &length);
	const struct scrub_entry *entry = scrub_find(text, length, &failed);
	if (failed)
		return luaL_error(L, "not enough memory");
	lua_pushstring(L, entry ? entry->label : NULL);
	return 1;
}

/***
 Finds the live secrets in a text, plain or encoded.
 @function core.secret.ranges
 @param text string
 @return integer[] first and last byte of each stretch that has one, in order
*/
int secret_ranges(lua_State *L)
{
	size_t length, count;
	const char *text = luaL_checklstring(L, 1, &length);
	struct scrub_range *ranges = scrub_ranges(text, length, &count);
	if (count == SCRUB_FAILED)
		return luaL_error(L, "not enough memory");
	lua_newtable(L);
	for (size_t i = 0; i < count; i++) {
		lua_pushinteger(L, (lua_Integer)ranges[i].from + 1);
		lua_rawseti(L, -2, (lua_Integer)(2 * i + 1));
		lua_pushinteger(L, (lua_Integer)ranges[i].to);
		lua_rawseti(L, -2, (lua_Integer)(2 * i + 2));
	}
	free(ranges);
	return 1;
}
