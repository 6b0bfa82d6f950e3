/*
** pg_value.h: PostgreSQL's values in text format as Lua values.
*/
#ifndef O2X_PG_VALUE_H
#define O2X_PG_VALUE_H

#include <lua.h>
#include <stddef.h>

#include "libpq.h"

/* The types that have their own Lua form (pg_type.dat of PostgreSQL; they never change). */
enum pg_oid {
	PG_BOOL = 16,
	PG_BYTEA = 17,
	PG_CHAR = 18,
	PG_NAME = 19,
	PG_INT8 = 20,
	PG_INT2 = 21,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_OID = 26,
	PG_JSON = 114,
	PG_FLOAT4 = 700,
	PG_FLOAT8 = 701,
	PG_BPCHAR = 1042,
	PG_VARCHAR = 1043,
	PG_UUID = 2950,
	PG_JSONB = 3802
};

/* Pushes one value of a type that is no array. A type not listed above stays text. [-0, +1, m] */
void pg_value_push(lua_State *L, const char *text, size_t length, Oid type);

#endif
