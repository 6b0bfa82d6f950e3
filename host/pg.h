/*
** pg.h: what the files of the PostgreSQL module share. pg.c connects and steps, pg_send.c sends
** statements, pg_result.c turns answers into Lua values, pg_array.c reads array literals, pg_copy.c
** moves rows in bulk.
*/
#ifndef O2X_PG_H
#define O2X_PG_H

#include <lua.h>
#include <stdbool.h>

#include "libpq.h"

#define PG_TYPE "o2x.pg"
#define PG_RESULT_TYPE "o2x.pg.result"

struct pg {
	PGconn *conn;  /* NULL: closed */
};

/* The open connection at argument 1; raises when it is closed. [-0, +0, v] */
PGconn *pg_check(lua_State *L);

/* Pushes nil, libpq's complaint in one line, code. [-0, +3, m] */
int pg_fail(lua_State *L, PGconn *conn);

/* Methods of a connection, each documented where it is defined. */
int pg_send(lua_State *L);
int pg_script(lua_State *L);
int pg_pipeline(lua_State *L);
int pg_sync(lua_State *L);
int pg_result(lua_State *L);
int pg_copy_put(lua_State *L);
int pg_copy_end(lua_State *L);
int pg_copy_get(lua_State *L);

/* Make the metatables of results and of copied rows. [-0, +0, m] */
void pg_result_open(lua_State *L);
void pg_copy_open(lua_State *L);

/*
** Pushes the Lua table of an array literal such as {1,NULL,"a b"}, its elements converted as of the
** type element; false: no array that can be shown as one (then nothing is pushed). [-0, +(0|1), m]
*/
bool pg_array_push(lua_State *L, const char *text, Oid element);

/* The type of an array type's elements; 0: not an array type that is known here. */
Oid pg_array_element(Oid type);

/* Pushes one value in text format, of the given type. [-0, +1, m] */
void pg_value_push(lua_State *L, const char *text, size_t length, Oid type);

/* The types that have their own Lua form (pg_type.dat of PostgreSQL; they never change). */
enum pg_oid {
	PG_BOOL = 16, PG_BYTEA = 17, PG_CHAR = 18, PG_NAME = 19, PG_INT8 = 20, PG_INT2 = 21,
	PG_INT4 = 23, PG_TEXT = 25, PG_OID = 26, PG_JSON = 114, PG_FLOAT4 = 700, PG_FLOAT8 = 701,
	PG_BPCHAR = 1042, PG_VARCHAR = 1043, PG_UUID = 2950, PG_JSONB = 3802
};

#endif
