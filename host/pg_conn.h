/*
** pg_conn.h: a PostgreSQL connection, for the files of the pg module: pg_send.c, pg_result.c and
** pg_copy.c define methods on one, pg.c connects and registers them.
*/
#ifndef O2X_PG_CONN_H
#define O2X_PG_CONN_H

#include <lua.h>

#include "libpq.h"

#define PG_TYPE "o2x.pg"

struct pg {
	PGconn *conn;   /* NULL: closed */
	long long seen; /* bytes that waited when they were read; for sockets that count none */
};

/* The open connection at argument 1; raises when it is closed. [-0, +0, v] */
PGconn *pg_check(lua_State *L);

/* Pushes nil, libpq's message in one line, code. -> number of results [-0, +3, m] */
int pg_fail(lua_State *L, PGconn *conn);

#endif
