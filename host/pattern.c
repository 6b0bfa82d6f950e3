/*
** pattern.c: find, match, gmatch and gsub of Lua's string library, on the matcher of pattern_match.c,
** which stops when the script has no time left. tests/unit/host/pattern_spec.lua compares their
** results with Lua's own.
*/
#include "host.h"
#include "pattern_match.h"

#include <ctype.h>
#include <string.h>

/* Where a search begins, from 0; more than length: nowhere. */
static size_t start_of(lua_Integer init, size_t length)
{
	if (init > 0)
		return (size_t)init - 1;
	if (init == 0 || init < -(lua_Integer)length)
		return 0;
	return length - (size_t)-init;
}

/* Has the pattern none of the characters that Lua looks for? A ')' alone is not among them. */
static bool is_plain(const char *p, size_t length)
{
	for (size_t at = 0; at <= length; at += strlen(p + at) + 1)
		if (strpbrk(p + at, "^$*+?.([%-"))
			return false;
	return true;
}

static int search(lua_State *L, bool find)
{
	size_t length, pattern_length;
	const char *text = luaL_checklstring(L, 1, &length);
	const char *p = luaL_checklstring(L, 2, &pattern_length);
	size_t from = start_of(luaL_optinteger(L, 3, 1), length);
	if (from > length) {
		luaL_pushfail(L);
		return 1;
	}
	if (find && (lua_toboolean(L, 4) || is_plain(p, pattern_length))) {
		const char *found = memmem(text + from, length - from, p, pattern_length);
		if (!found) {
			luaL_pushfail(L);
			return 1;
		}
		lua_pushinteger(L, found - text + 1);
		lua_pushinteger(L, found - text + (lua_Integer)pattern_length);
		return 2;
	}
	struct match m = { .L = L,
			   .text = text,
			   .text_end = text + length,
			   .pattern_end = p + pattern_length };
	const char *s = text + from;
	bool anchored = *p == '^';
	do {
		if (!anchored && !(s = match_candidate(&m, s, p)))
			break;
		const char *end = match_at(&m, s, p + anchored);
		if (!end)
			continue;
		if (!find)
			return match_push_all(&m, s, end, true);
		lua_pushinteger(L, s - text + 1);
		lua_pushinteger(L, end - text);
		return match_push_all(&m, s, end, false) + 2;
	} while (s++ < m.text_end && !anchored);
	luaL_pushfail(L);
	return 1;
}

/***
 As string.find.
 @function core.pattern.find
*/
static int pattern_find(lua_State *L)
{
	return search(L, true);
}

/***
 As string.match.
 @function core.pattern.match
*/
static int pattern_match(lua_State *L)
{
	return search(L, false);
}

/* ---- gmatch ---- */

/* Upvalues: the text, the pattern, where to go on, where the last match ended (-1: nowhere). */
static int next_match(lua_State *L)
{
	size_t length, pattern_length;
	const char *text = lua_tolstring(L, lua_upvalueindex(1), &length);
	const char *p = lua_tolstring(L, lua_upvalueindex(2), &pattern_length);
	lua_Integer from = lua_tointeger(L, lua_upvalueindex(3));
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
	struct match m = { .L = L,
			   .text = text,
			   .text_end = text + length,
			   .pattern_end = p + pattern_length };
	for (; from <= (lua_Integer)length; from++) {
		const char *s = match_candidate(&m, text + from, p);
		if (!s)
			break;
		from = s - text;
		const char *end = match_at(&m, s, p);
		if (!end || end - text == last)
			continue;
		lua_pushinteger(L, end - text);
		lua_copy(L, -1, lua_upvalueindex(3));
		lua_replace(L, lua_upvalueindex(4));
		return match_push_all(&m, s, end, true);
	}
	lua_pushinteger(L, (lua_Integer)length + 1);
	lua_replace(L, lua_upvalueindex(3));
	return 0;
}

/***
 As string.gmatch.
 @function core.pattern.gmatch
*/
static int pattern_gmatch(lua_State *L)
{
	size_t length;
	luaL_checklstring(L, 1, &length);
	luaL_checkstring(L, 2);
	size_t from = start_of(luaL_optinteger(L, 3, 1), length);
	lua_settop(L, 2);
	lua_pushinteger(L, (lua_Integer)(from > length ? length + 1 : from));
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, next_match, 4);
	return 1;
}

/* ---- gsub ---- */

/* Adds the replacement text, with its %0 to %9. */
static void add_text(struct match *m, luaL_Buffer *out, const char *s, const char *end)
{
	size_t length;
	const char *r = lua_tolstring(m->L, 3, &length), *r_end = r + length, *percent;
	while ((percent = memchr(r, '%', (size_t)(r_end - r)))) {
		luaL_addlstring(out, r, (size_t)(percent - r));
		int c = percent + 1 < r_end ? (unsigned char)percent[1] : 0;
		if (c == '%') {
			luaL_addchar(out, '%');
		} else if (c == '0') {
			luaL_addlstring(out, s, (size_t)(end - s));
		} else if (isdigit(c)) {
			match_push(m, c - '1', s, end);
			luaL_addvalue(out);
		} else {
			luaL_error(m->L, "invalid use of '%%' in replacement string");
		}
		r = percent + 2;
	}
	luaL_addlstring(out, r, (size_t)(r_end - r));
}

/* Adds what stands for the match s to end. -> whether it differs from the match */
static bool add_replacement(struct match *m, luaL_Buffer *out, const char *s, const char *end)
{
	lua_State *L = m->L;
	switch (lua_type(L, 3)) {
	case LUA_TFUNCTION:
		lua_pushvalue(L, 3);
		lua_call(L, match_push_all(m, s, end, true), 1);
		break;
	case LUA_TTABLE:
		match_push(m, 0, s, end);
		lua_gettable(L, 3);
		break;
	default: add_text(m, out, s, end); return true;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(out, s, (size_t)(end - s));
		return false;
	}
	if (!lua_isstring(L, -1))
		luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	luaL_addvalue(out);
	return true;
}

/***
 As string.gsub.
 @function core.pattern.gsub
*/
static int pattern_gsub(lua_State *L)
{
	size_t length, pattern_length;
	const char *text = luaL_checklstring(L, 1, &length), *s = text, *last = NULL;
	const char *p = luaL_checklstring(L, 2, &pattern_length);
	int kind = lua_type(L, 3);
	lua_Integer most_times = luaL_optinteger(L, 4, (lua_Integer)length + 1), times = 0;
	bool anchored = *p == '^', changed = false;
	luaL_argexpected(L,
			 kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TFUNCTION ||
				 kind == LUA_TTABLE,
			 3, "string/function/table");
	struct match m = { .L = L,
			   .text = text,
			   .text_end = text + length,
			   .pattern_end = p + pattern_length };
	luaL_Buffer out;
	luaL_buffinit(L, &out);
	while (times < most_times) {
		const char *from = anchored ? s : match_candidate(&m, s, p);
		if (!from)
			break;
		luaL_addlstring(&out, s, (size_t)(from - s));
		s = from;
		const char *end = match_at(&m, s, p + anchored);
		if (end && end != last) {
			times++;
			changed |= add_replacement(&m, &out, s, end);
			s = last = end;
		} else if (s < m.text_end) {
			luaL_addchar(&out, *s++);
		} else {
			break;
		}
		if (anchored)
			break;
	}
	luaL_addlstring(&out, s, (size_t)(m.text_end - s));
	luaL_pushresult(&out);
	if (!changed)
		lua_pushvalue(L, 1);
	lua_pushinteger(L, times);
	return 2;
}

static const luaL_Reg functions[] = {
	{ "find", pattern_find },
	{ "match", pattern_match },
	{ "gmatch", pattern_gmatch },
	{ "gsub", pattern_gsub },
	{ NULL, NULL },
};

int luaopen_o2x_core_pattern(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
