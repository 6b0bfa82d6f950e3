/*
** secret.c: secrets are opaque values. Lua can pass one on and join it with text, but not read it.
** All of them are in a list, so that scrub.c can mask them in output. One that Lua has collected
** stays in the list, because a server may still send its text back.
*/
#include "secret.h"
#include "encode.h"
#include "host.h"
#include "libcrypto.h"
#include "secret_memory.h"
#include "secret_search.h"
#include "secret_text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LARGEST ((size_t)64 << 20) /* bytes of one secret: they are outside of Lua's limited heap */

struct secret {
	struct secret_text *text; /* NULL after wipe */
	bool literal;             /* a number or a boolean in JSON's own form */
	bool joined;              /* made of parts by .. */
	bool fresh;               /* made by chance in this process: another one makes another */
	char label[96];
};

/*
** The key of fingerprints. One for the process: equal secrets must have equal fingerprints
** everywhere.
*/
static unsigned char tag_key[32];
static bool tag_key_set;

/* Fills memory with random bytes; raises when the system has none. [-0, +0, e] */
static void fill_random(lua_State *L, unsigned char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t got = getrandom(bytes, length, 0);
		if (got < 0 && errno != EINTR)
			luaL_error(L, "no random bytes: %s", strerror(errno));
		if (got > 0) {
			bytes += got;
			length -= (size_t)got;
		}
	}
}

/* ---- creating and opening ---- */

/* A zeroed secret that is not masked yet, so that its bytes can be filled in. [-0, +1, m] */
static struct secret *new_secret(lua_State *L, size_t length, const char *label)
{
	if (length > LARGEST)
		luaL_error(L, "a secret of more than %d MiB", (int)(LARGEST >> 20));
	struct secret *secret = host_newuserdata(L, sizeof *secret, SECRET_TYPE);
	snprintf(secret->label, sizeof secret->label, "%s", label ? label : "");
	secret->text = secret_text_new(length);
	if (!secret->text)
		luaL_error(L, "not enough memory");
	memcpy(secret->text->entry.label, secret->label, sizeof secret->label);
	return secret;
}

static char *bytes_of(const struct secret *secret)
{
	return secret->text->entry.bytes;
}

static size_t length_of(const struct secret *secret)
{
	return secret->text->entry.length;
}

static struct secret *push(lua_State *L, const char *bytes, size_t length, const char *label)
{
	struct secret *secret = new_secret(L, length, label);
	if (length)
		memcpy(bytes_of(secret), bytes, length);
	secret_text_mask(secret->text);
	return secret;
}

void secret_push(lua_State *L, const char *bytes, size_t length, const char *label)
{
	push(L, bytes, length, label);
}

void secret_push_literal(lua_State *L, const char *json, size_t length, const char *label)
{
	push(L, json, length, label)->literal = true;
}

void secret_push_message(lua_State *L, const char *bytes, size_t length, const char *label)
{
	push(L, bytes, length, label)->text->message = true;
}

const char *secret_bytes(lua_State *L, int index, size_t *length)
{
	const struct secret *secret = luaL_testudata(L, index, SECRET_TYPE);
	if (!secret || !secret->text)
		return NULL;
	if (length)
		*length = length_of(secret);
	return bytes_of(secret);
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
	const struct secret *secret = luaL_testudata(L, index, SECRET_TYPE);
	return secret ? secret->label : "";
}

bool secret_is_literal(lua_State *L, int index)
{
	const struct secret *secret = luaL_testudata(L, index, SECRET_TYPE);
	return secret && secret->literal;
}

static struct secret *check(lua_State *L, int index)
{
	struct secret *secret = luaL_checkudata(L, index, SECRET_TYPE);
	luaL_argcheck(L, secret->text, index, "the secret is gone");
	return secret;
}

static int secret_gc(lua_State *L)
{
	struct secret *secret = luaL_checkudata(L, 1, SECRET_TYPE);
	struct secret_text *text = secret->text;
	secret->text = NULL;
	if (text)
		secret_text_retire(text);
	return 0;
}

/***
 Ends a secret: wipes its text, which is not masked any more. For a value that turned out to be no
 secret, or for a whole message that has been read. Scripts cannot reach this function.
 @function core.secret.wipe
 @param secret secret
*/
static int secret_wipe(lua_State *L)
{
	struct secret *secret = luaL_checkudata(L, 1, SECRET_TYPE);
	struct secret_text *text = secret->text;
	secret->text = NULL;
	if (text)
		secret_text_free(text);
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
	secret->fresh = true;
	size_t limit = 256 - 256 % size; /* larger bytes would favour the first characters */
	for (size_t i = 0; i < count;) {
		unsigned char byte;
		fill_random(L, &byte, 1);
		if (byte < limit)
			bytes_of(secret)[i++] = alphabet[byte % size];
	}
	secret_text_mask(secret->text);
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
	lua_pushboolean(L, luaL_testudata(L, 1, SECRET_TYPE) != NULL);
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
	const struct secret *left = luaL_testudata(L, 1, SECRET_TYPE),
			    *right = luaL_testudata(L, 2, SECRET_TYPE);
	struct secret *joined = new_secret(L, na + nb, (left ? left : right)->label);
	joined->joined = true;
	joined->fresh = (left && left->fresh) || (right && right->fresh);
	memcpy(bytes_of(joined), a, na);
	memcpy(bytes_of(joined) + na, b, nb);
	secret_text_mask(joined->text);
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
	struct secret *coded = new_secret(L, encode_base64_size(length_of(secret)), secret->label);
	coded->joined = secret->joined;
	coded->fresh = secret->fresh;
	encode_base64(bytes_of(secret), length_of(secret), bytes_of(coded));
	secret_text_mask(coded->text);
	return 1;
}

/* Arguments: bytes, length, the secret that they were decoded from. */
static int push_plain(lua_State *L)
{
	const struct secret *secret = check(L, 3);
	struct secret *plain =
		push(L, lua_touserdata(L, 1), (size_t)lua_tointeger(L, 2), secret->label);
	plain->joined = secret->joined;
	plain->fresh = secret->fresh;
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
	size_t room = length_of(secret) / 4 * 3 + 3;
	char *plain = secret_memory_new(room);
	if (!plain)
		return luaL_error(L, "not enough memory");
	long length = encode_unbase64(bytes_of(secret), length_of(secret), plain);
	if (length < 0) {
		secret_memory_free(plain, room);
		return host_fail(L, "syntax", "not base64");
	}
	lua_pushcfunction(L,
			  push_plain); /* protected: plain must be wiped when there is no memory */
	lua_pushlightuserdata(L, plain);
	lua_pushinteger(L, length);
	lua_pushvalue(L, 1);
	int status = lua_pcall(L, 3, 1, 0);
	secret_memory_free(plain, room);
	return status ? lua_error(L) : 1;
}

/***
 Returns the number of bytes, for length rules.
 @function secret:length
 @return integer
*/
static int secret_length(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)length_of(check(L, 1)));
	return 1;
}

/***
 Was the secret made of parts? Whoever joined them may know some: comparing it is guessing.
 @function core.secret.is_joined
 @param secret secret
 @return boolean
*/
static int secret_is_joined(lua_State *L)
{
	lua_pushboolean(L, check(L, 1)->joined);
	return 1;
}

/***
 Was the secret made by chance in this process? Then nobody can know it before.
 @function core.secret.is_fresh
 @param secret secret
 @return boolean
*/
static int secret_is_fresh(lua_State *L)
{
	lua_pushboolean(L, check(L, 1)->fresh);
	return 1;
}

/***
 Says that a secret was made by chance: a salted hash.
 @function core.secret.mark_fresh
 @param secret secret
 @return secret the same
*/
static int secret_mark_fresh(lua_State *L)
{
	check(L, 1)->fresh = true;
	lua_settop(L, 1);
	return 1;
}

/***
 Sets the key of fingerprints, so that those of two processes can be compared. If never called, the
 key is random.
 @function core.secret.set_key
 @param key string 32 bytes, not all zero
*/
static int secret_set_key(lua_State *L)
{
	size_t length;
	const char *key = luaL_checklstring(L, 1, &length);
	luaL_argcheck(L, length == sizeof tag_key, 1, "32 bytes expected");
	unsigned char any = 0;
	for (size_t i = 0; i < length; i++)
		any |= (unsigned char)key[i];
	luaL_argcheck(L, any, 1, "the key must not be zero");
	memcpy(tag_key, key, sizeof tag_key);
	tag_key_set = true;
	return 0;
}

/***
 Returns a keyed hash: equal for equal bytes, and it reveals nothing else. It is no method,
 because a script that could compare it could guess.
 @function core.secret.fingerprint
 @param value secret|string
 @return string 16 hexadecimal digits
*/
static int secret_fingerprint(lua_State *L)
{
	size_t length;
	const char *bytes = secret_checkbytes(L, 1, &length);
	const char *problem = libcrypto_load();
	if (problem)
		return luaL_error(L, "libcrypto: %s", problem);
	if (!tag_key_set)
		fill_random(L, tag_key, sizeof tag_key);
	tag_key_set = true;
	unsigned char digest[32];
	libcrypto.HMAC(libcrypto.EVP_sha256(), tag_key, (int)sizeof tag_key,
		       (const unsigned char *)bytes, length, digest, NULL);
	char hex[16];
	encode_hex((const char *)digest, sizeof hex / 2, hex);
	lua_pushlstring(L, hex, sizeof hex);
	return 1;
}

/***
 Declares a text public, such as a name that is shown everywhere: it is never masked. Out of
 scripts' reach.
 @function core.secret.publish
 @param text string
*/
static int secret_publish(lua_State *L)
{
	size_t length;
	const char *text = luaL_checklstring(L, 1, &length);
	return secret_text_publish(text, length) ? 0 : luaL_error(L, "not enough memory");
}

/***
 Can the secret be masked? One of fewer than 6 bytes, or of white space alone, cannot: it would be
 found by chance in many texts.
 @function core.secret.is_maskable
 @param secret secret
 @return boolean
*/
static int secret_is_maskable(lua_State *L)
{
	const struct secret *secret = check(L, 1);
	lua_pushboolean(L, scrub_can_find(&secret->text->entry));
	return 1;
}

static const luaL_Reg methods[] = {
	{ "base64", secret_base64 },
	{ "unbase64", secret_unbase64 },
	{ "length", secret_length },
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
	{ "is_joined", secret_is_joined },
	{ "is_fresh", secret_is_fresh },
	{ "mark_fresh", secret_mark_fresh },
	{ "wipe", secret_wipe },
	{ "publish", secret_publish },
	{ "fingerprint", secret_fingerprint },
	{ "set_key", secret_set_key },
	{ "scrub", secret_scrub },
	{ "found", secret_found },
	{ "ranges", secret_ranges },
	{ "suspicious", secret_suspicious },
	{ "inside", secret_inside },
	{ "is_maskable", secret_is_maskable },
	{ NULL, NULL },
};

int luaopen_o2x_core_secret(lua_State *L)
{
	host_newtype(L, SECRET_TYPE, methods, secret_gc);
	luaL_getmetatable(L, SECRET_TYPE);
	lua_pushnil(L);
	lua_setfield(L, -2, "__close"); /* a script must not end a secret */
	luaL_setfuncs(L, metamethods, 0);
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	return 1;
}
