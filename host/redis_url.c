/*
** redis_url.c: parses a Redis URL. The URL may be a secret, because it holds a password; the
** password always is one.
*/
#include "host.h"
#include "secret.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int redis_url(lua_State *L);

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Decodes percent-escapes into out, which holds length bytes. -> number of bytes, or -1 */
static long decode(const char *text, size_t length, char *out)
{
	long size = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] != '%') {
			out[size++] = text[i];
			continue;
		}
		if (length - i < 3)
			return -1;
		if (!isxdigit((unsigned char)text[i + 1]) || !isxdigit((unsigned char)text[i + 2]))
			return -1;
		out[size++] = (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
		i += 2;
	}
	return size;
}

/*
** Sets table[name] to the decoded text, for a password as a secret. -> false: bad escape [-0, +0,
** m]
*/
static bool set_decoded(lua_State *L, const char *name, const char *text, size_t length, bool hide)
{
	if (length == 0)
		return true;
	char *plain = lua_newuserdatauv(L, length, 0);
	long size = decode(text, length, plain);
	if (size >= 0) {
		if (hide)
			secret_push(L, plain, (size_t)size, "redis password");
		else
			lua_pushlstring(L, plain, (size_t)size);
		lua_setfield(L, -3, name);
	}
	explicit_bzero(plain, length);
	lua_pop(L, 1);
	return size >= 0;
}

static bool set_number(lua_State *L, const char *name, const char *text, size_t length,
		       long highest)
{
	long number = 0;
	if (length == 0)
		return true;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]) || number > highest)
			return false;
		number = number * 10 + (text[i] - '0');
	}
	lua_pushinteger(L, number);
	lua_setfield(L, -2, name);
	return number <= highest;
}

/* user:password@, or :password@ */
static bool set_login(lua_State *L, const char *text, size_t length)
{
	const char *colon = memchr(text, ':', length);
	size_t user = colon ? (size_t)(colon - text) : length;
	return set_decoded(L, "user", text, user, false) &&
	       (!colon || set_decoded(L, "password", colon + 1, length - user - 1, true));
}

/* host, host:port, [::1]:port */
static bool set_place(lua_State *L, const char *text, size_t length)
{
	size_t host = length;
	if (length > 0 && text[0] == '[') {
		const char *end = memchr(text, ']', length);
		if (!end)
			return false;
		host = (size_t)(end - text) + 1;
		lua_pushlstring(L, text + 1, host - 2);
	} else {
		const char *colon = memchr(text, ':', length);
		host = colon ? (size_t)(colon - text) : length;
		lua_pushlstring(L, text, host);
	}
	lua_setfield(L, -2, "host");
	if (host == 0 || (host < length && text[host] != ':'))
		return false;
	return host == length || set_number(L, "port", text + host + 1, length - host - 1, 65535);
}

/***
 Parses a URL: redis://user:password@host:port/db, or rediss:// for TLS.
 @function core.redis.url
 @param url string|secret
 @return table tls, user, password (a secret), host, port, db; or nil, message, code (which never
  quote the URL)
*/
int redis_url(lua_State *L)
{
	size_t length;
	const char *url = secret_checkbytes(L, 1, &length);
	bool tls = strncmp(url, "rediss://", 9) == 0;
	if (strlen(url) != length || (!tls && strncmp(url, "redis://", 8) != 0))
		return host_fail(L, "EURL", "a Redis URL begins with redis:// or rediss://");
	const char *at = url + (tls ? 9 : 8);
	size_t place = strcspn(at, "/?#");
	const char *rest = at + place;
	lua_newtable(L);
	lua_pushboolean(L, tls);
	lua_setfield(L, -2, "tls");
	const char *login_end = memrchr(at, '@', place);
	bool ok = !login_end || set_login(L, at, (size_t)(login_end - at));
	const char *host = login_end ? login_end + 1 : at;
	ok = ok && set_place(L, host, place - (size_t)(host - at));
	const char *db = rest + (*rest == '/');
	ok = ok && (*rest == '\0' || *rest == '/') && set_number(L, "db", db, strlen(db), 1000000);
	if (!ok)
		return host_fail(L, "EURL",
				 "the Redis URL is not of the form "
				 "redis://user:password@host:port/db");
	return 1;
}
