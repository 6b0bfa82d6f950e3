/*
** extract.c: takes secrets out of a text before Lua sees it, so that what is left can be read by an
** ordinary parser: the key in a file of profiles, or in the answer of a service.
*/
#include "host.h"
#include "luabuffer.h"
#include "pattern_match.h"
#include "secret.h"

#include <string.h>

/* "‹2›" stands for the second secret. */
static void add_mark(lua_State *L, struct buffer *out, lua_Integer number)
{
	luabuffer_adds(L, out, lua_pushfstring(L, "‹%I›", number));
	lua_pop(L, 1);
}

/* Arguments of the call: the text, the pattern, the label; the list of secrets is on top. */
static void take(lua_State *L, struct buffer *out, const struct match *m, const char *s,
		 const char *end)
{
	const struct capture *found = &m->capture[0];
	luaL_argcheck(L, m->captures == 1 && found->length >= 0, 2, "one capture expected");
	if (found->length == 0) {
		luabuffer_add(L, out, s, (size_t)(end - s));
		return;
	}
	const char *rest = found->start + found->length;
	lua_Integer number = (lua_Integer)lua_rawlen(L, -1) + 1;
	secret_push(L, found->start, (size_t)found->length, luaL_checkstring(L, 3));
	lua_rawseti(L, -2, number);
	luabuffer_add(L, out, s, (size_t)(found->start - s));
	add_mark(L, out, number);
	luabuffer_add(L, out, rest, (size_t)(end - rest));
}

/***
 Takes what a pattern captures out of a text: each place becomes a secret, and a mark in the text.
 @function core.extract.secrets
 @param text secret|string
 @param pattern string of Lua, with one capture
 @param label string of the secrets
 @return string the text with "‹1›", "‹2›" … in their places
 @return secret[]
*/
static int extract_secrets(lua_State *L)
{
	size_t length, pattern_length;
	const char *s = secret_checkbytes(L, 1, &length);
	const char *p = luaL_checklstring(L, 2, &pattern_length);
	luaL_checkstring(L, 3);
	lua_settop(L, 3);
	struct buffer *out = luabuffer_new(L);
	lua_newtable(L);
	struct match m = { .L = L,
			   .text = s,
			   .text_end = s + length,
			   .pattern_end = p + pattern_length };
	while (s < m.text_end) {
		const char *end = match_at(&m, s, p);
		if (end && end > s) {
			take(L, out, &m, s, end);
			s = end;
		} else {
			luabuffer_add(L, out, s++, 1);
		}
	}
	lua_pushlstring(L, out->bytes ? out->bytes : "", out->length);
	lua_insert(L, -2);
	return 2;
}

static const luaL_Reg functions[] = {
	{ "secrets", extract_secrets },
	{ NULL, NULL },
};

int luaopen_o2x_core_extract(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
