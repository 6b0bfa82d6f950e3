/*
** bcrypt.h: password hashing, for crypto.c, which registers it.
*/
#ifndef O2X_BCRYPT_H
#define O2X_BCRYPT_H

#include <lua.h>

/* core.crypto.bcrypt, documented in bcrypt.c. */
int bcrypt_start(lua_State *L);

/* Makes the metatable of the operation. [-0, +0, m] */
void bcrypt_open(lua_State *L);

#endif
