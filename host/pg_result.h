/*
** pg_result.h: results of statements.
*/
#ifndef O2X_PG_RESULT_H
#define O2X_PG_RESULT_H

#include <lua.h>

/* conn:result, documented in pg_result.c. */
int pg_result(lua_State *L);

/* Makes the metatable of results. [-0, +0, m] */
void pg_result_open(lua_State *L);

#endif
