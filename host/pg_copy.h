/*
** pg_copy.h: methods of a connection that move rows in bulk, each documented in pg_copy.c.
*/
#ifndef O2X_PG_COPY_H
#define O2X_PG_COPY_H

#include <lua.h>

int pg_copy_put(lua_State *L);
int pg_copy_end(lua_State *L);
int pg_copy_get(lua_State *L);

/* Makes the metatable of copied rows. [-0, +0, m] */
void pg_copy_open(lua_State *L);

#endif
