/*
** pg_copy.c: COPY in and out, in chunks of any size.
*/
#include "pg_copy.h"
#include "host.h"
#include "pg_conn.h"

#define COPIED_TYPE "o2x.pg.copied"

struct copied {
	char *bytes;
};

/***
 Queues a chunk of a COPY … FROM STDIN.
 @function conn:copy_put
 @param bytes string a chunk of the stream, cut anywhere
 @return boolean true; false: wait as for flush, then try again; or nil, message, code
*/
int pg_copy_put(lua_State *L)
{
	PGconn *conn = pg_check(L);
	size_t length;
	const char *bytes = luaL_checklstring(L, 2, &length);
	luaL_argcheck(L, length <= 1 << 30, 2, "more than 1 GiB at once");
	int put = libpq.PQputCopyData(conn, bytes, (int)length);
	if (put < 0)
		return pg_fail(L, conn);
	lua_pushboolean(L, put == 1);
	return 1;
}

/***
 Ends a COPY … FROM STDIN. Read the result next.
 @function conn:copy_end
 @param problem string? makes the COPY fail with this message
 @return boolean true; false: wait as for flush, then call again; or nil, message, code
*/
int pg_copy_end(lua_State *L)
{
	PGconn *conn = pg_check(L);
	const char *problem = lua_isnoneornil(L, 2) ? NULL : host_checkcstr(L, 2);
	int put = libpq.PQputCopyEnd(conn, problem);
	if (put < 0)
		return pg_fail(L, conn);
	lua_pushboolean(L, put == 1);
	return 1;
}

static int copied_gc(lua_State *L)
{
	struct copied *copied = lua_touserdata(L, 1);
	if (copied->bytes)
		libpq.PQfreemem(copied->bytes);
	copied->bytes = NULL;
	return 0;
}

/***
 Returns the next row of a COPY … TO STDOUT.
 @function conn:copy_get
 @return string; false: wait for "r", consume, ask again; nil: no more, read the result; or
  nil, message, code
*/
int pg_copy_get(lua_State *L)
{
	PGconn *conn = pg_check(L);
	struct copied *copied = host_newuserdata(L, sizeof *copied, COPIED_TYPE);
	int length = libpq.PQgetCopyData(conn, &copied->bytes, 1);
	if (length == -2)
		return pg_fail(L, conn);
	if (length > 0)
		lua_pushlstring(L, copied->bytes, (size_t)length);
	else if (length == 0)
		lua_pushboolean(L, false);
	else
		lua_pushnil(L);
	if (copied->bytes)
		libpq.PQfreemem(copied->bytes); /* at once: there may be thousands of rows */
	copied->bytes = NULL;
	return 1;
}

static const luaL_Reg no_methods[] = { { NULL, NULL } };

void pg_copy_open(lua_State *L)
{
	host_newtype(L, COPIED_TYPE, no_methods, copied_gc);
}
