/*
** pg_conn.c: see pg_conn.h.
*/
#include "pg_conn.h"

#include <lauxlib.h>
#include <string.h>

PGconn *pg_check(lua_State *L)
{
	const struct pg *pg = luaL_checkudata(L, 1, PG_TYPE);
	luaL_argcheck(L, pg->conn, 1, "the connection is closed");
	return pg->conn;
}

int pg_fail(lua_State *L, PGconn *conn)
{
	const char *text = libpq.PQerrorMessage(conn);
	size_t length = strlen(text);
	while (length > 0 && text[length - 1] == '\n')
		length--;
	lua_pushnil(L);
	lua_pushlstring(L, text, length);
	lua_pushstring(L, libpq.PQstatus(conn) == CONNECTION_BAD ? "08006" : "XX000");
	return 3;
}
