/*
** http_options.c: what the requests to one server have in common, as libcurl's options. Only https
** (verified) and http; no redirects, no .netrc; what the environment says is read by
** lua/o2x/client/proxy.lua.
*/
#include "http.h"
#include "secret.h"

#include <math.h>
#include <string.h>

#define AT_ONCE 16 /* requests to a server */

#define SET(option, value) curl.curl_easy_setopt(origin->model, option, value)

/* The field as one line of text, or NULL if absent. It stays on the stack. [-0, +1, v] */
static const char *text_field(lua_State *L, const char *name)
{
	if (lua_getfield(L, 1, name) == LUA_TNIL)
		return NULL;
	size_t length;
	const char *text = lua_tolstring(L, -1, &length);
	if (!text || strcspn(text, "\r\n") != length)
		luaL_error(L, "http request: '%s' must be a string on one line", name);
	return text;
}

/* Copies the field, a string or a secret, into buffer. -> false if absent */
static bool bytes_field(lua_State *L, const char *name, struct buffer *buffer)
{
	size_t length;
	bool present = lua_getfield(L, 1, name) != LUA_TNIL;
	const char *bytes = present ? secret_checkbytes(L, -1, &length) : NULL;
	if (bytes && !buffer_append(buffer, bytes, length))
		luaL_error(L, "not enough memory");
	lua_pop(L, 1);
	return present;
}

static long milliseconds_field(lua_State *L, const char *name)
{
	lua_getfield(L, 1, name);
	double seconds = luaL_optnumber(L, -1, 0);
	lua_pop(L, 1);
	if (!(seconds >= 0 && seconds < 1e6))
		luaL_error(L, "http request: '%s' must be seconds", name);
	return (long)ceil(seconds * 1000);
}

static void set_limits(lua_State *L, struct origin *origin)
{
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	/*
	** Not HTTP/2. Beside libcurl 7.88 of Debian 12 large answers that share a connection
	** sometimes stop for good, and no later version is known to be safe: see curl's issues
	** 10988 (paused transfers, 8.0), 11426 (uploads, 8.1), 12971 (the end is missed where
	** sockets drive it, as here; 8.6), 16955 (paused streams, 8.13) and 18177 (after a
	** timeout, 8.15).
	*/
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver that hangs */
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_MAXAGE_CONN, 60L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds_field(L, "connect_timeout"));
}

/* Headers are for the server only; what a proxy says before the tunnel stands is no response. */
static void set_proxy(lua_State *L, struct origin *origin)
{
	const char *proxy = text_field(L, "proxy");
	SET(CURLOPT_PROXY, proxy ? proxy : "");
	SET(CURLOPT_USERAGENT, proxy ? AGENT : NULL); /* for the proxy; see set_headers */
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
	lua_pop(L, 1);
}

static void set_blob(struct origin *origin, CURLoption option, const struct buffer *pem)
{
	struct curl_blob blob = { pem->bytes, pem->length, CURL_BLOB_NOCOPY };
	SET(option, &blob);
}

/*
** "ca" and "ca_file" are trusted alone, not the system's authorities too, unless "more_authorities"
** says so. The same count for a proxy that speaks TLS.
*/
static void set_authorities(lua_State *L, struct origin *origin)
{
	const char *folder = text_field(L, "ca_folder"), *file = text_field(L, "ca_file");
	bool ca = bytes_field(L, "ca", &origin->ca);
	lua_getfield(L, 1, "more_authorities");
	if (!lua_toboolean(L, -1) || folder) {
		SET(CURLOPT_CAPATH, folder);
		SET(CURLOPT_PROXY_CAPATH, folder);
	}
	if (ca) {
		set_blob(origin, CURLOPT_CAINFO_BLOB, &origin->ca);
		set_blob(origin, CURLOPT_PROXY_CAINFO_BLOB, &origin->ca);
	} else if (file) {
		SET(CURLOPT_CAINFO, file);
		SET(CURLOPT_PROXY_CAINFO, file);
	}
	lua_pop(L, 3);
}

static void set_tls(lua_State *L, struct origin *origin)
{
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_authorities(L, origin);
	if (bytes_field(L, "cert", &origin->cert)) {
		SET(CURLOPT_SSLCERTTYPE, "PEM");
		set_blob(origin, CURLOPT_SSLCERT_BLOB, &origin->cert);
	}
	if (bytes_field(L, "key", &origin->key)) {
		SET(CURLOPT_SSLKEYTYPE, "PEM");
		set_blob(origin, CURLOPT_SSLKEY_BLOB, &origin->key);
	}
}

static void set_address(lua_State *L, struct origin *origin)
{
	const char *connect_to = text_field(L, "connect_to");
	if (connect_to) {
		const char *entry = lua_pushfstring(L, "::%s", connect_to);
		origin->connect_to = curl.curl_slist_append(NULL, entry);
		if (!origin->connect_to)
			luaL_error(L, "not enough memory");
		SET(CURLOPT_CONNECT_TO, origin->connect_to);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

void origin_configure(lua_State *L, struct origin *origin)
{
	origin->model = curl.curl_easy_init();
	if (!origin->model)
		luaL_error(L, "not enough memory");
	origin->most = AT_ONCE;
	client_set_sockets(origin->client, origin->model);
	set_limits(L, origin);
	set_proxy(L, origin);
	set_address(L, origin);
	set_tls(L, origin);
}
