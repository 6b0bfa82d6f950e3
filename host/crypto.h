/*
** crypto.h: crypto.c hashes and registers; bcrypt.c does what takes a tenth of a second, in a
** thread.
*/
#ifndef O2X_CRYPTO_H
#define O2X_CRYPTO_H

#include <lua.h>
#include <stdint.h>

/* CRC-32C (Castagnoli); before is the sum of what came before the bytes, 0 at first. */
uint32_t crypto_crc32c_of(uint32_t before, const char *bytes, size_t length);

/*
** Bytes from base64 into out, which holds length / 4 * 3 + 3 of them. -> their number, or -1: not
** base64
*/
long crypto_unbase64_bytes(const char *text, size_t length, char *out);

int crypto_bcrypt(lua_State *L);
void crypto_bcrypt_type(lua_State *L);

#endif
