/*
** secret_search.h: functions of the secret module, documented where they are defined.
*/
#ifndef O2X_SECRET_SEARCH_H
#define O2X_SECRET_SEARCH_H

#include <lua.h>

/* The metatable of secrets. */
#define SECRET_TYPE "o2x.secret"

int secret_scrub(lua_State *L);
int secret_found(lua_State *L);
int secret_ranges(lua_State *L);
int secret_suspicious(lua_State *L);
int secret_inside(lua_State *L);

#endif
