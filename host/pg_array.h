/*
** pg_array.h: PostgreSQL's array literals as Lua tables.
*/
#ifndef O2X_PG_ARRAY_H
#define O2X_PG_ARRAY_H

#include <lua.h>
#include <stdbool.h>

#include "libpq.h"

/* The type of an array type's elements; 0: not an array type that is known here. */
Oid pg_array_element(Oid type);

/*
** Pushes the Lua table of an array literal such as {1,NULL,"a b"}, its elements converted according
** to the type element; false: no array that can be shown as one (then nothing is pushed). [-0,
** +(0|1), m]
*/
bool pg_array_push(lua_State *L, const char *text, Oid element);

#endif
