/*
** crypto.c: hashes, random bytes, base64 and hex. Where a key or a text may be a secret, it says
** so.
*/
#include "crypto.h"
#include "host.h"
#include "libcrypto.h"
#include "scrub.h"
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
 SHA-256 of a text.
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
	libcrypto.SHA256((const unsigned char *)text, len, digest);
	lua_pushlstring(L, (const char *)digest, sizeof digest);
	return 1;
}

/***
 HMAC-SHA-256. A derived key stays a secret when it gets a label.
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
	luaL_argcheck(L, key_len < 1 << 20, 1, "a shorter key expected");
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

/* The table of CRC-32C (Castagnoli), reflected. */
static const uint32_t *crc32c_table(void)
{
	static uint32_t table[256];
	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		uint32_t crc = i;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
		table[i] = crc;
	}
	return table;
}

uint32_t crypto_crc32c_of(uint32_t before, const char *bytes, size_t length)
{
	const uint32_t *table = crc32c_table();
	uint32_t crc = ~before;
	for (size_t i = 0; i < length; i++)
		crc = crc >> 8 ^ table[(crc ^ (unsigned char)bytes[i]) & 0xff];
	return ~crc;
}

/***
 CRC-32C of a text; goes on from the sum of the part before.
 @function core.crypto.crc32c
 @param text string
 @param before integer? 0 if absent
 @return integer 0 to 2^32 - 1
*/
static int crypto_crc32c(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	uint32_t before = (uint32_t)(lua_isnoneornil(L, 2) ? 0 : host_checkrange(L, 2, 0, UINT32_MAX));
	lua_pushinteger(L, (lua_Integer)crypto_crc32c_of(before, text, len));
	return 1;
}

/***
 Random bytes from the kernel.
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
 Bytes as lower-case hexadecimal digits.
 @function core.crypto.hex
 @param bytes string
 @return string
*/
static int crypto_hex(lua_State *L)
{
	static const char digits[] = "0123456789abcdef";
	size_t len;
	const unsigned char *bytes = (const unsigned char *)luaL_checklstring(L, 1, &len);
	luaL_Buffer b;
	char *out = luaL_buffinitsize(L, &b, len * 2);
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	luaL_pushresultsize(&b, len * 2);
	return 1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/***
 Bytes from hexadecimal digits.
 @function core.crypto.unhex
 @param text string
 @return string, or nil, message, "syntax"
*/
static int crypto_unhex(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	luaL_Buffer b;
	char *out = luaL_buffinitsize(L, &b, len / 2 + 1);
	bool good = len % 2 == 0;
	for (size_t i = 0; good && i < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
		good = high >= 0 && low >= 0;
		out[i / 2] = (char)(good ? high * 16 + low : 0);
	}
	luaL_pushresultsize(&b, good ? len / 2 : 0);
	return good ? 1 : host_fail(L, "syntax", "not hexadecimal");
}

/***
 Base64 with padding.
 @function core.crypto.base64
 @param bytes string
 @return string
*/
static int crypto_base64(lua_State *L)
{
	size_t len;
	const char *bytes = luaL_checklstring(L, 1, &len);
	size_t size = (len + 2) / 3 * 4;
	luaL_Buffer b;
	scrub_base64(bytes, len, luaL_buffinitsize(L, &b, size));
	luaL_pushresultsize(&b, size);
	return 1;
}

static int base64_value(char c)
{
	static const char base64_digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(base64_digits, c) : NULL;
	return found ? (int)(found - base64_digits) : -1;
}

/* Four characters into up to three bytes. -> their number, or -1 */
static int unbase64_group(const char *s, bool last, char *out)
{
	int pad = last && s[3] == '=' ? (s[2] == '=' ? 2 : 1) : 0, value = 0;
	for (int i = 0; i < 4; i++) {
		int v = i < 4 - pad ? base64_value(s[i]) : 0;
		if (v < 0)
			return -1;
		value = value << 6 | v;
	}
	/* Bits that padding cuts off must be 0, or two texts would mean the same bytes. */
	if (pad && value & (pad == 1 ? 0xff : 0xffff))
		return -1;
	out[0] = (char)(value >> 16);
	out[1] = (char)(value >> 8);
	out[2] = (char)value;
	return 3 - pad;
}

long crypto_unbase64_bytes(const char *text, size_t length, char *out)
{
	long n = 0;
	for (size_t i = 0; i < length; i += 4) {
		int got = length % 4 == 0 ? unbase64_group(text + i, i + 4 == length, out + n) : -1;
		if (got < 0)
			return -1;
		n += got;
	}
	return n;
}

/***
 Bytes from base64 with padding; nothing but its characters is let pass.
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
	long n = crypto_unbase64_bytes(text, length, out);
	luaL_pushresultsize(&b, n > 0 ? (size_t)n : 0);
	return n >= 0 ? 1 : host_fail(L, "syntax", "not base64");
}

static const luaL_Reg functions[] = {
	{ "sha256", crypto_sha256 }, { "hmac_sha256", crypto_hmac_sha256 }, { "crc32c", crypto_crc32c },
	{ "random", crypto_random }, { "hex", crypto_hex }, { "unhex", crypto_unhex },
	{ "base64", crypto_base64 }, { "unbase64", crypto_unbase64 }, { "bcrypt", crypto_bcrypt },
	{ NULL, NULL }
};

int luaopen_o2x_core_crypto(lua_State *L)
{
	crypto_bcrypt_type(L);
	luaL_newlib(L, functions);
	return 1;
}
