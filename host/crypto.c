/*
** crypto.c: hashing, random bytes and encodings for Lua. A function accepts secrets only where its
** documentation says so.
*/
#include "bcrypt.h"
#include "encode.h"
#include "host.h"
#include "libcrypto.h"
#include "secret.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

static void need_libcrypto(lua_State *L)
{
	const char *problem = libcrypto_load();
	if (problem)
		luaL_error(L, "OpenSSL's libcrypto cannot be loaded: %s", problem);
}

/***
 Returns the SHA-1 of a text: for names of files that others chose by it, never for security.
 @function core.crypto.sha1
 @param text string
 @return string 20 bytes
*/
static int crypto_sha1(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	unsigned char digest[SHA_DIGEST_LENGTH];
	need_libcrypto(L);
	libcrypto.SHA1((const unsigned char *)text, len, digest);
	lua_pushlstring(L, (const char *)digest, sizeof digest);
	return 1;
}

/***
 Returns the SHA-256 of a text.
 @function core.crypto.sha256
 @param text string
 @return string 32 bytes
*/
static int crypto_sha256(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	need_libcrypto(L);
	if (!libcrypto_sha256(text, len, digest))
		return luaL_error(L, "not enough memory");
	lua_pushlstring(L, (const char *)digest, sizeof digest);
	return 1;
}

/***
 Returns the HMAC-SHA-256 of a text. With a label the result is a secret, which keeps derived keys
 secret.
 @function core.crypto.hmac_sha256
 @param key string or secret
 @param text string or secret
 @param label string? makes the result a secret of that name
 @return string 32 bytes; or secret
*/
static int crypto_hmac_sha256(lua_State *L)
{
	size_t key_len, len;
	const char *key = secret_checkbytes(L, 1, &key_len);
	const char *text = secret_checkbytes(L, 2, &len);
	const char *label = luaL_optstring(L, 3, NULL);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	luaL_argcheck(L, key_len < 1 << 20, 1, "the key must be shorter than 1 MiB");
	need_libcrypto(L);
	libcrypto.HMAC(libcrypto.EVP_sha256(), key, (int)key_len, (const unsigned char *)text, len,
		       digest, NULL);
	if (label)
		secret_push(L, (const char *)digest, sizeof digest, label);
	else
		lua_pushlstring(L, (const char *)digest, sizeof digest);
	explicit_bzero(digest, sizeof digest);
	return 1;
}

/***
 Returns the CRC-32C of a text. Pass the checksum of the preceding part to continue it.
 @function core.crypto.crc32c
 @param text string
 @param before integer? default 0
 @return integer 0 to 2^32 - 1
*/
static int crypto_crc32c(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	uint32_t before =
		(uint32_t)(lua_isnoneornil(L, 2) ? 0 : host_checkrange(L, 2, 0, UINT32_MAX));
	lua_pushinteger(L, (lua_Integer)encode_crc32c(before, text, len));
	return 1;
}

/***
 Returns random bytes from the kernel.
 @function core.crypto.random
 @param count integer 1 to 65536
 @return string
*/
static int crypto_random(lua_State *L)
{
	size_t count = (size_t)host_checkrange(L, 1, 1, 65536), got = 0;
	luaL_Buffer b;
	char *bytes = luaL_buffinitsize(L, &b, count);
	while (got < count) {
		ssize_t n = getrandom(bytes + got, count - got, 0);
		if (n < 0 && errno != EINTR)
			return luaL_error(L, "no random bytes: %s", strerror(errno));
		got += n > 0 ? (size_t)n : 0;
	}
	luaL_pushresultsize(&b, count);
	return 1;
}

/***
 Encodes bytes as lower-case hexadecimal digits.
 @function core.crypto.hex
 @param bytes string
 @return string
*/
static int crypto_hex(lua_State *L)
{
	size_t length;
	const char *bytes = luaL_checklstring(L, 1, &length);
	luaL_Buffer b;
	encode_hex(bytes, length, luaL_buffinitsize(L, &b, length * 2));
	luaL_pushresultsize(&b, length * 2);
	return 1;
}

/***
 Decodes hexadecimal digits.
 @function core.crypto.unhex
 @param text string
 @return string, or nil, message, "syntax"
*/
static int crypto_unhex(lua_State *L)
{
	size_t length;
	const char *text = luaL_checklstring(L, 1, &length);
	luaL_Buffer b;
	bool good = encode_unhex(text, length, luaL_buffinitsize(L, &b, length / 2));
	luaL_pushresultsize(&b, good ? length / 2 : 0);
	return good ? 1 : host_fail(L, "syntax", "not hexadecimal");
}

/***
 Encodes bytes as base64 with padding.
 @function core.crypto.base64
 @param bytes string
 @return string
*/
static int crypto_base64(lua_State *L)
{
	size_t len;
	const char *bytes = luaL_checklstring(L, 1, &len);
	size_t size = encode_base64_size(len);
	luaL_Buffer b;
	encode_base64(bytes, len, luaL_buffinitsize(L, &b, size));
	luaL_pushresultsize(&b, size);
	return 1;
}

/***
 Decodes base64 with padding. Any other character is an error.
 @function core.crypto.unbase64
 @param text string
 @return string, or nil, message, "syntax"
*/
static int crypto_unbase64(lua_State *L)
{
	size_t length;
	const char *text = luaL_checklstring(L, 1, &length);
	luaL_Buffer b;
	char *out = luaL_buffinitsize(L, &b, length / 4 * 3 + 3);
	long n = encode_unbase64(text, length, out);
	luaL_pushresultsize(&b, n > 0 ? (size_t)n : 0);
	return n >= 0 ? 1 : host_fail(L, "syntax", "not base64");
}

static const luaL_Reg functions[] = {
	{ "sha1", crypto_sha1 },
	{ "sha256", crypto_sha256 },
	{ "hmac_sha256", crypto_hmac_sha256 },
	{ "crc32c", crypto_crc32c },
	{ "random", crypto_random },
	{ "hex", crypto_hex },
	{ "unhex", crypto_unhex },
	{ "base64", crypto_base64 },
	{ "unbase64", crypto_unbase64 },
	{ "bcrypt", bcrypt_start },
	{ NULL, NULL },
};

int luaopen_o2x_core_crypto(lua_State *L)
{
	bcrypt_open(L);
	luaL_newlib(L, functions);
	return 1;
}
