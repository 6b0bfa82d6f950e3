/*
** pg_array.h: PostgreSQL's array literals as Lua tables.
*/
#ifndef O2X_PG_ARRAY_H
#define O2X_PG_ARRAY_H

#include <lua.h>
#include <stdbool.h>

#include "libpq.h"

/* The element type of an array type; 0: not a known array type. */
Oid pg_array_element(Oid type);

/*
** Pushes the Lua table of an array literal such as {1,NULL,"a b"}, with elements of the given type.
** -> false, and pushes nothing, if the array has no Lua form. [-0, +(0|1), m]
*/
bool pg_array_push(lua_State *L, const char *text, Oid element);

#endif
