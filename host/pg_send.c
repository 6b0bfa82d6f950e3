/*
** pg_send.c: sending statements and their parameters.
*/
#include "pg_send.h"
#include "host.h"
#include "json_value.h"
#include "pg_conn.h"
#include "secret.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARAMETERS = 65535 }; /* the protocol counts them in 16 bits */

/*
** Replaces the number at arg by a text that PostgreSQL reads as the same number; numeric keeps all
** digits, so 0.1 must not become 0.10000000000000001, and 2^63 is not 9.2233720368547758e+18. [-0, +0, m]
*/
static void number_text(lua_State *L, int arg)
{
	char text[40];
	double number = lua_tonumber(L, arg);
	if (lua_isinteger(L, arg))
		snprintf(text, sizeof text, LUA_INTEGER_FMT, (LUAI_UACINT)lua_tointeger(L, arg));
	else if (isnan(number))
		snprintf(text, sizeof text, "NaN");
	else if (isinf(number))
		snprintf(text, sizeof text, number < 0 ? "-Infinity" : "Infinity");
	else if (number == floor(number) && fabs(number) < 1e22)
		snprintf(text, sizeof text, "%.0f", number);
	else if (snprintf(text, sizeof text, "%.15g", number), strtod(text, NULL) != number)
		snprintf(text, sizeof text, "%.17g", number);
	lua_pushstring(L, text);
	lua_replace(L, arg);
}

/*
** The text of the parameter at arg, valid as long as that stack slot; NULL for SQL's NULL. [-0, +0,
** v]
*/
static const char *parameter(lua_State *L, int arg)
{
	size_t length;
	const char *text = NULL;
	switch (lua_type(L, arg)) {
	case LUA_TNIL: return NULL;
	case LUA_TBOOLEAN: return lua_toboolean(L, arg) ? "t" : "f";
	case LUA_TNUMBER: number_text(L, arg); return lua_tostring(L, arg);
	case LUA_TSTRING: text = lua_tolstring(L, arg, &length); break;
	default:
		if (json_isnull(L, arg))
			return NULL;
		text = secret_bytes(L, arg, &length);
		break;
	}
	luaL_argexpected(L, text, arg, "nil, boolean, number, string or secret");
	luaL_argcheck(L, strlen(text) == length, arg, "PostgreSQL's text has no NUL");
	return text;
}

/***
 Queues one statement with its parameters ($1, $2 …). In pipeline mode more may follow before any
 result is read.
 @function conn:send
 @param sql string one statement
 @param ... nil|boolean|number|string|secret nil and json.null are NULL
 @return boolean true, or nil, message, code
*/
int pg_send(lua_State *L)
{
	PGconn *conn = pg_check(L);
	const char *sql = host_checkcstr(L, 2);
	int count = lua_gettop(L) - 2;
	luaL_argcheck(L, count <= MAX_PARAMETERS, 3, "more than 65535 parameters");
	const char **values = lua_newuserdatauv(L, sizeof *values * ((size_t)count + 1), 0);
	for (int i = 0; i < count; i++)
		values[i] = parameter(L, 3 + i);
	if (!libpq.PQsendQueryParams(conn, sql, count, NULL, values, NULL, NULL, 0))
		return pg_fail(L, conn);
	lua_pushboolean(L, true);
	return 1;
}

/***
 Queues any number of statements without parameters (the simple query protocol). Each has a result.
 @function conn:script
 @param sql string
 @return boolean true, or nil, message, code
*/
int pg_script(lua_State *L)
{
	PGconn *conn = pg_check(L);
	if (!libpq.PQsendQuery(conn, host_checkcstr(L, 2)))
		return pg_fail(L, conn);
	lua_pushboolean(L, true);
	return 1;
}

/***
 Enters or leaves pipeline mode. It can be left only once the result of the last sync is read.
 @function conn:pipeline
 @param on boolean
 @return boolean true, or nil, message, code
*/
int pg_pipeline(lua_State *L)
{
	PGconn *conn = pg_check(L);
	luaL_checktype(L, 2, LUA_TBOOLEAN);
	bool on = lua_toboolean(L, 2);
	int ok = on ? libpq.PQenterPipelineMode(conn) : libpq.PQexitPipelineMode(conn);
	if (!ok)
		return pg_fail(L, conn);
	lua_pushboolean(L, true);
	return 1;
}

/***
 Ends a group in pipeline mode. An error skips the rest of its group only.
 @function conn:sync
 @return boolean true, or nil, message, code
*/
int pg_sync(lua_State *L)
{
	PGconn *conn = pg_check(L);
	if (!libpq.PQpipelineSync(conn))
		return pg_fail(L, conn);
	lua_pushboolean(L, true);
	return 1;
}
