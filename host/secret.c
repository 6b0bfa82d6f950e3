/*
** secret.c: secrets are opaque values. Lua can pass one on, join it with text and compare its
** fingerprint, but not read it. All live secrets are in a list, so that scrub.c can mask them in
** output.
*/
#include "secret.h"
#include "encode.h"
#include "host.h"
#include "libcrypto.h"
#include "scrub.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TYPE "o2x.secret"

struct secret {
	struct scrub_entry entry; /* bytes, length, place in the list of live secrets */
	char label[96];
};

/*
** The key of fingerprints. One for the process, like the list of live secrets in scrub.c: equal
** secrets must have equal fingerprints everywhere.
*/
static unsigned char tag_key[32];
static bool tag_key_set;

/* ---- creating and opening ---- */

static struct secret *new_secret(lua_State *L, size_t length, const char *label)
{
	struct secret *secret = host_newuserdata(L, sizeof *secret, TYPE);
	snprintf(secret->label, sizeof secret->label, "%s", label ? label : "");
	secret->entry.bytes = calloc(1, length + 1);
	if (!secret->entry.bytes)
		luaL_error(L, "not enough memory");
	secret->entry.length = length;
	return secret;
}

void secret_push(lua_State *L, const char *bytes, size_t length, const char *label)
{
	struct secret *secret = new_secret(L, length, label);
	memcpy(secret->entry.bytes, bytes, length);
	scrub_add(&secret->entry);
}

const char *secret_bytes(lua_State *L, int index, size_t *length)
{
	const struct secret *secret = luaL_testudata(L, index, TYPE);
	if (!secret || !secret->entry.bytes)
		return NULL;
	if (length)
		*length = secret->entry.length;
	return secret->entry.bytes;
}

const char *secret_checkbytes(lua_State *L, int index, size_t *length)
{
	const char *bytes = secret_bytes(L, index, length);
	if (bytes)
		return bytes;
	if (lua_type(L, index) == LUA_TSTRING)
		return lua_tolstring(L, index, length);
	luaL_typeerror(L, index, "string or secret");
	return NULL;
}

const char *secret_label(lua_State *L, int index)
{
	const struct secret *secret = luaL_testudata(L, index, TYPE);
	return secret ? secret->label : "";
}

static struct secret *check(lua_State *L, int index)
{
	struct secret *secret = luaL_checkudata(L, index, TYPE);
	luaL_argcheck(L, secret->entry.bytes, index, "the secret is gone");
	return secret;
}

static int secret_gc(lua_State *L)
{
	struct secret *secret = lua_touserdata(L, 1);
	if (!secret->entry.bytes)
		return 0;
	scrub_remove(&secret->entry);
	explicit_bzero(secret->entry.bytes, secret->entry.length);
	free(secret->entry.bytes);
	secret->entry.bytes = NULL;
	return 0;
}

/***
 Creates a secret.
 @function core.secret.new
 @param bytes string
 @param label string? what it is, such as "stripe/api_key"; it is shown, so not secret
 @return secret
*/
static int secret_new(lua_State *L)
{
	size_t length;
	const char *bytes = luaL_checklstring(L, 1, &length);
	secret_push(L, bytes, length, luaL_optstring(L, 2, ""));
	return 1;
}

/***
 Creates a secret of random characters.
 @function core.secret.random
 @param count integer characters, 1 to 1024
 @param alphabet string? 2 to 256 characters; default: letters and digits
 @param label string?
 @return secret
*/
static int secret_random(lua_State *L)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t count = (size_t)host_checkrange(L, 1, 1, 1024), size;
	const char *alphabet = luaL_optlstring(L, 2, letters, &size);
	luaL_argcheck(L, size >= 2 && size <= 256, 2, "2 to 256 characters expected");
	struct secret *secret = new_secret(L, count, luaL_optstring(L, 3, ""));
	size_t limit = 256 - 256 % size; /* larger bytes would favour the first characters */
	for (size_t i = 0; i < count;) {
		unsigned char byte;
		if (getrandom(&byte, 1, 0) != 1)
			return luaL_error(L, "no random bytes");
		if (byte < limit)
			secret->entry.bytes[i++] = alphabet[byte % size];
	}
	scrub_add(&secret->entry);
	return 1;
}

/***
 Is the value a secret?
 @function core.secret.is
 @param value any
 @return boolean
*/
static int secret_is(lua_State *L)
{
	lua_pushboolean(L, luaL_testudata(L, 1, TYPE) != NULL);
	return 1;
}

/***
 Do two secrets, or a secret and a string, hold the same bytes? Takes constant time.
 @function core.secret.equal
 @param a secret|string
 @param b secret|string
 @return boolean
*/
static int secret_equal(lua_State *L)
{
	size_t na, nb;
	const char *a = secret_checkbytes(L, 1, &na), *b = secret_checkbytes(L, 2, &nb);
	unsigned char difference = na != nb;
	for (size_t i = 0; i < na && i < nb; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	lua_pushboolean(L, !difference);
	return 1;
}

/* ---- methods ---- */

/***
 Returns what is shown instead of the secret: its label.
 @function secret:__tostring
 @return string such as "‹secret stripe/api_key›"
*/
static int secret_tostring(lua_State *L)
{
	const struct secret *secret = check(L, 1);
	lua_pushfstring(L, "‹secret%s%s›", *secret->label ? " " : "", secret->label);
	return 1;
}

/***
 Joins a secret and a string, or two secrets. The result is a secret with the label of the first.
 @function secret:__concat
 @param a secret|string
 @param b secret|string
 @return secret
*/
static int secret_concat(lua_State *L)
{
	size_t na, nb;
	const char *a = secret_checkbytes(L, 1, &na), *b = secret_checkbytes(L, 2, &nb);
	const char *label = secret_label(L, luaL_testudata(L, 1, TYPE) ? 1 : 2);
	struct secret *joined = new_secret(L, na + nb, label);
	memcpy(joined->entry.bytes, a, na);
	memcpy(joined->entry.bytes + na, b, nb);
	scrub_add(&joined->entry);
	return 1;
}

/***
 Encodes the secret as base64. The result is a secret.
 @function secret:base64
 @return secret
*/
static int secret_base64(lua_State *L)
{
	const struct secret *secret = check(L, 1);
	struct secret *coded =
		new_secret(L, encode_base64_size(secret->entry.length), secret->label);
	encode_base64(secret->entry.bytes, secret->entry.length, coded->entry.bytes);
	scrub_add(&coded->entry);
	return 1;
}

/***
 Decodes a secret in base64. The result is a secret.
 @function secret:unbase64
 @return secret, or nil, message, "syntax"
*/
static int secret_unbase64(lua_State *L)
{
	const struct secret *secret = check(L, 1);
	struct secret *plain = new_secret(L, secret->entry.length / 4 * 3 + 3, secret->label);
	long length =
		encode_unbase64(secret->entry.bytes, secret->entry.length, plain->entry.bytes);
	plain->entry.length = length > 0 ? (size_t)length : 0;
	plain->entry.bytes[plain->entry.length] = '\0';
	scrub_add(&plain->entry);
	return length >= 0 ? 1 : host_fail(L, "syntax", "not base64");
}

/***
 Returns the number of bytes, for length rules.
 @function secret:length
 @return integer
*/
static int secret_length(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)check(L, 1)->entry.length);
	return 1;
}

/***
 Sets the key of fingerprints, so that those of two processes can be compared. If never called, the
 key is random.
 @function core.secret.set_key
 @param key string 32 bytes
*/
static int secret_set_key(lua_State *L)
{
	size_t length;
	const char *key = luaL_checklstring(L, 1, &length);
	luaL_argcheck(L, length == sizeof tag_key, 1, "32 bytes expected");
	memcpy(tag_key, key, sizeof tag_key);
	tag_key_set = true;
	return 0;
}

/***
 Returns a keyed hash: equal for equal secrets, and it reveals nothing else.
 @function secret:fingerprint
 @return string 16 hexadecimal digits
*/
static int secret_fingerprint(lua_State *L)
{
	const struct secret *secret = check(L, 1);
	const char *problem = libcrypto_load();
	if (problem)
		return luaL_error(L, "libcrypto: %s", problem);
	if (!tag_key_set && getrandom(tag_key, sizeof tag_key, 0) == (ssize_t)sizeof tag_key)
		tag_key_set = true;
	unsigned char digest[32];
	libcrypto.HMAC(libcrypto.EVP_sha256(), tag_key, (int)sizeof tag_key,
		       (const unsigned char *)secret->entry.bytes, secret->entry.length, digest,
		       NULL);
	char hex[16];
	encode_hex((const char *)digest, sizeof hex / 2, hex);
	lua_pushlstring(L, hex, sizeof hex);
	return 1;
}

/***
 Masks every live secret in a text, raw and in the usual encodings.
 @function core.secret.scrub
 @param text string
 @return string
 @return boolean was anything masked?
*/
static int secret_scrub(lua_State *L)
{
	size_t length;
	const char *text = luaL_checklstring(L, 1, &length);
	size_t found = 0;
	char *clean = scrub_text(text, length, &found);
	if (found == SCRUB_FAILED)
		return luaL_error(L, "not enough memory");
	if (!clean) {
		lua_pushvalue(L, 1);
	} else {
		lua_pushstring(L, clean);
		free(clean);
	}
	lua_pushboolean(L, found > 0);
	return 2;
}

static const luaL_Reg methods[] = {
	{ "base64", secret_base64 },
	{ "unbase64", secret_unbase64 },
	{ "length", secret_length },
	{ "fingerprint", secret_fingerprint },
	{ NULL, NULL },
};

static const luaL_Reg metamethods[] = {
	{ "__tostring", secret_tostring },
	{ "__concat", secret_concat },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "new", secret_new },
	{ "random", secret_random },
	{ "is", secret_is },
	{ "equal", secret_equal },
	{ "set_key", secret_set_key },
	{ "scrub", secret_scrub },
	{ NULL, NULL },
};

int luaopen_o2x_core_secret(lua_State *L)
{
	host_newtype(L, TYPE, methods, secret_gc);
	luaL_getmetatable(L, TYPE);
	luaL_setfuncs(L, metamethods, 0);
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	return 1;
}
