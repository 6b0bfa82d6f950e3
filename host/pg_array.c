/*
** pg_array.c: array literals, such as {1,NULL,"a \"b\""} or {{1,2},{3,4}}, as Lua tables.
*/
#include "pg_array.h"
#include "json_value.h"
#include "pg_value.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_DIMENSIONS = 6 }; /* PostgreSQL's own limit */

struct reader {
	const char *at;
	Oid element;
};

Oid pg_array_element(Oid type)
{
	switch (type) {
	case 1000: return PG_BOOL;
	case 1001: return PG_BYTEA;
	case 1002: return PG_CHAR;
	case 1003: return PG_NAME;
	case 1005: return PG_INT2;
	case 1007: return PG_INT4;
	case 1009: return PG_TEXT;
	case 1014: return PG_BPCHAR;
	case 1015: return PG_VARCHAR;
	case 1016: return PG_INT8;
	case 1021: return PG_FLOAT4;
	case 1022: return PG_FLOAT8;
	case 1028: return PG_OID;
	case 2951: return PG_UUID;
	default: return 0;
	}
}

/* An element in quotes; a backslash escapes the next character. [-0, +(0|1), m] */
static bool push_quoted(lua_State *L, struct reader *r)
{
	luaL_Buffer buffer;
	luaL_buffinit(L, &buffer);
	for (r->at++; *r->at && *r->at != '"'; r->at++) {
		if (*r->at == '\\' && !*++r->at)
			break;
		luaL_addchar(&buffer, *r->at);
	}
	luaL_pushresult(&buffer);
	if (*r->at != '"') {
		lua_pop(L, 1);
		return false;
	}
	r->at++;
	size_t length;
	const char *text = lua_tolstring(L, -1, &length);
	pg_value_push(L, text, length, r->element);
	lua_remove(L, -2);
	return true;
}

/* An element without quotes; NULL is json.null, because a list has no holes. [-0, +(0|1), m] */
static bool push_bare(lua_State *L, struct reader *r)
{
	size_t length = strcspn(r->at, ",{}\"");
	if (length == 0)
		return false;
	if (length == 4 && strncasecmp(r->at, "NULL", 4) == 0) {
		json_pushnull(L);
	} else {
		const char *text = lua_pushlstring(L, r->at, length);
		pg_value_push(L, text, length, r->element);
		lua_remove(L, -2);
	}
	r->at += length;
	return true;
}

static bool push_list(lua_State *L, struct reader *r, int depth);

static bool push_element(lua_State *L, struct reader *r, int depth)
{
	if (*r->at == '{')
		return push_list(L, r, depth + 1);
	return *r->at == '"' ? push_quoted(L, r) : push_bare(L, r);
}

/* [-0, +(0|1), m] */
static bool push_list(lua_State *L, struct reader *r, int depth)
{
	if (depth > MAX_DIMENSIONS || *r->at != '{')
		return false;
	luaL_checkstack(L, 6, NULL);
	lua_newtable(L);
	json_markarray(L, -1);
	r->at++;
	if (*r->at == '}') {
		r->at++;
		return true;
	}
	for (lua_Integer i = 1; push_element(L, r, depth); i++) {
		lua_rawseti(L, -2, i);
		if (*r->at == '}') {
			r->at++;
			return true;
		}
		if (*r->at++ != ',')
			break;
	}
	lua_pop(L, 1);
	return false;
}

bool pg_array_push(lua_State *L, const char *text, Oid element)
{
	struct reader reader = { text, element };
	if (!push_list(L, &reader, 1))
		return false; /* such as [0:1]={1,2}, which has explicit bounds */
	if (*reader.at == '\0')
		return true;
	lua_pop(L, 1);
	return false;
}
