/*
** crypto.h: crypto.c hashes and registers; bcrypt.c does what takes a tenth of a second, in a
** thread.
*/
#ifndef O2X_CRYPTO_H
#define O2X_CRYPTO_H

#include <lua.h>

int crypto_bcrypt(lua_State *L);
void crypto_bcrypt_type(lua_State *L);

#endif
