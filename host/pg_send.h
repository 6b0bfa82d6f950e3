/*
** pg_send.h: methods of a connection that send, each documented in pg_send.c.
*/
#ifndef O2X_PG_SEND_H
#define O2X_PG_SEND_H

#include <lua.h>

int pg_send(lua_State *L);
int pg_script(lua_State *L);
int pg_pipeline(lua_State *L);
int pg_sync(lua_State *L);

#endif
