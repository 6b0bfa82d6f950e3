/*
** http_options.c: turns a request table into libcurl's options. Only https (verified) and http; no
** redirects, no .netrc; what the environment says is read by lua/o2x/client/proxy.lua.
*/
#include "http.h"
#include "secret.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_HEADER (64u * 1024)

#define SET(option, value) curl.curl_easy_setopt(transfer->easy, option, value)

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

static bool is_token(const char *text)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
				      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	return *text && strspn(text, allowed) == strlen(text);
}

static void set_limits(lua_State *L, struct transfer *transfer)
{
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver that hangs */
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_MAXAGE_CONN, 60L);
	SET(CURLOPT_USERAGENT, "o2x/" O2X_VERSION);
	SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds_field(L, "connect_timeout"));
	SET(CURLOPT_TIMEOUT_MS, milliseconds_field(L, "timeout"));
}

/* Headers are for the server only; what a proxy says before the tunnel stands is no response. */
static void set_proxy(lua_State *L, struct transfer *transfer)
{
	const char *proxy = text_field(L, "proxy");
	transfer->proxied = proxy;
	SET(CURLOPT_PROXY, proxy ? proxy : "");
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
	lua_pop(L, 1);
}

static void set_blob(struct transfer *transfer, CURLoption option, const struct buffer *pem)
{
	struct curl_blob blob = { pem->bytes, pem->length, CURL_BLOB_NOCOPY };
	SET(option, &blob);
}

/*
** "ca" and "ca_file" are trusted alone, not the system's authorities too, unless "more_authorities"
** says so. The same count for a proxy that speaks TLS.
*/
static void set_authorities(lua_State *L, struct transfer *transfer)
{
	const char *folder = text_field(L, "ca_folder"), *file = text_field(L, "ca_file");
	bool ca = bytes_field(L, "ca", &transfer->ca);
	lua_getfield(L, 1, "more_authorities");
	if (!lua_toboolean(L, -1) || folder) {
		SET(CURLOPT_CAPATH, folder);
		SET(CURLOPT_PROXY_CAPATH, folder);
	}
	if (ca) {
		set_blob(transfer, CURLOPT_CAINFO_BLOB, &transfer->ca);
		set_blob(transfer, CURLOPT_PROXY_CAINFO_BLOB, &transfer->ca);
	} else if (file) {
		SET(CURLOPT_CAINFO, file);
		SET(CURLOPT_PROXY_CAINFO, file);
	}
	lua_pop(L, 3);
}

static void set_tls(lua_State *L, struct transfer *transfer)
{
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_authorities(L, transfer);
	if (bytes_field(L, "cert", &transfer->cert)) {
		SET(CURLOPT_SSLCERTTYPE, "PEM");
		set_blob(transfer, CURLOPT_SSLCERT_BLOB, &transfer->cert);
	}
	if (bytes_field(L, "key", &transfer->key)) {
		SET(CURLOPT_SSLKEYTYPE, "PEM");
		set_blob(transfer, CURLOPT_SSLKEY_BLOB, &transfer->key);
	}
}

static void add_header(lua_State *L, struct transfer *transfer, const char *line)
{
	struct curl_slist *list = curl.curl_slist_append(transfer->header_lines, line);
	if (!list)
		luaL_error(L, "not enough memory");
	transfer->header_lines = list;
}

static bool has_byte(const char *bytes, size_t length, char byte)
{
	return memchr(bytes, byte, length);
}

/*
** Builds a header line from the name and value (string or secret) on top of the stack. [-2, +0, v]
*/
static void add_header_pair(lua_State *L, struct transfer *transfer, struct buffer *line)
{
	size_t length;
	const char *name = lua_tostring(L, -2);
	const char *value = secret_checkbytes(L, -1, &length);
	if (!name || !is_token(name))
		luaL_error(L, "http request: bad header name");
	if (length > MAX_HEADER || has_byte(value, length, '\r') || has_byte(value, length, '\n') ||
	    has_byte(value, length, '\0'))
		luaL_error(L, "http request: header '%s' has a line break or is too long", name);
	line->length = 0;
	const char *colon = length ? ": " : ";"; /* libcurl's syntax for an empty header */
	bool fits = buffer_append(line, name, strlen(name)) &&
		    buffer_append(line, colon, strlen(colon)) &&
		    buffer_append(line, value, length) && buffer_append(line, "", 1);
	if (!fits)
		luaL_error(L, "not enough memory");
	add_header(L, transfer, line->bytes);
	lua_pop(L, 2);
}

static void set_headers(lua_State *L, struct transfer *transfer)
{
	/* No "100 Continue" round trip. AWS's signature would include this header. */
	if (lua_getfield(L, 1, "aws_sigv4") == LUA_TNIL)
		add_header(L, transfer, "Expect:");
	lua_pop(L, 1);
	if (lua_getfield(L, 1, "headers") == LUA_TTABLE) {
		lua_Integer count = luaL_len(L, -1);
		for (lua_Integer i = 1; i < count; i += 2) {
			lua_rawgeti(L, -1, i);
			lua_rawgeti(L, -2, i + 1);
			add_header_pair(L, transfer, &transfer->body); /* owned by the userdata */
		}
		buffer_free(&transfer->body);
	}
	lua_pop(L, 1);
	SET(CURLOPT_HTTPHEADER, transfer->header_lines);
}

/* Copies a field, string or secret, into the buffer as a C string. */
static const char *secret_field(lua_State *L, const char *name, struct buffer *buffer)
{
	buffer_free(buffer);
	bytes_field(L, name, buffer);
	if (!buffer_append(buffer, "", 1))
		luaL_error(L, "not enough memory");
	return buffer->bytes;
}

/* AWS's signature covers the body, so libcurl needs it in one piece. */
static bool set_signature(lua_State *L, struct transfer *transfer)
{
	struct buffer *scratch = &transfer->head; /* gc knows of it */
	const char *provider = text_field(L, "aws_sigv4");
	if (provider) {
		SET(CURLOPT_AWS_SIGV4, provider);
		SET(CURLOPT_USERNAME, secret_field(L, "access_key", scratch));
		SET(CURLOPT_PASSWORD, secret_field(L, "secret_key", scratch));
		buffer_free(scratch);
	}
	lua_pop(L, 1);
	return provider;
}

static bool is_one_of(const char *method, const char *const *list)
{
	while (*list && strcmp(*list, method) != 0)
		list++;
	return *list;
}

/*
** Opens a body file, for a body that is too large for memory. With a signature, its hash is in a
** header. -> is there one?
*/
static bool set_body_file(lua_State *L, struct transfer *transfer)
{
	const char *path = text_field(L, "body_file");
	if (path) {
		struct stat stat;
		transfer->body_file = fopen(path, "rbe");
		if (!transfer->body_file || fstat(fileno(transfer->body_file), &stat))
			luaL_error(L, "http request: cannot read %s", path);
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)stat.st_size);
	}
	lua_pop(L, 1);
	return path;
}

static void set_body(lua_State *L, struct transfer *transfer, const char *method)
{
	static const char *const bodied[] = { "POST", "PUT", "PATCH", NULL };
	static const char *const unsafe[] = { "POST", "PATCH", NULL };
	bool body = bytes_field(L, "body", &transfer->request_body);
	bool signature = set_signature(L, transfer);
	const char *bytes = transfer->request_body.bytes ? transfer->request_body.bytes : "";
	curl_off_t length = (curl_off_t)transfer->request_body.length;
	if (set_body_file(L, transfer))
		return;
	if (signature && body) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, length);
		SET(CURLOPT_POSTFIELDS, bytes);
	} else if (body || is_one_of(method, bodied)) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, length);
	}
	/*
	** Without a body, libcurl may send the request twice on a stale connection (see on_rewind).
	*/
	if (is_one_of(method, unsafe) && (signature || length == 0))
		SET(CURLOPT_FRESH_CONNECT, 1L);
}

static void set_target(lua_State *L, struct transfer *transfer)
{
	const char *url = text_field(L, "url");
	if (!url)
		luaL_error(L, "http request: no url");
	const char *authority = strstr(url, "://");
	size_t length = authority ? (size_t)(authority - url) + 3 : 0;
	length += strcspn(url + length, "/?#");
	if (!authority || length >= sizeof transfer->origin)
		luaL_error(L, "http request: '%s' is not a URL", url);
	memcpy(transfer->origin, url, length);
	SET(CURLOPT_URL, url);
	lua_pop(L, 1);
	const char *connect_to = text_field(L, "connect_to");
	if (connect_to) {
		const char *entry = lua_pushfstring(L, "::%s", connect_to);
		transfer->connect_to = curl.curl_slist_append(NULL, entry);
		if (!transfer->connect_to)
			luaL_error(L, "not enough memory");
		SET(CURLOPT_CONNECT_TO, transfer->connect_to);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

void transfer_configure(lua_State *L, struct transfer *transfer)
{
	const char *method = text_field(L, "method");
	if (!method || !is_token(method))
		luaL_error(L, "http request: bad method");
	transfer->easy = curl.curl_easy_init();
	if (!transfer->easy)
		luaL_error(L, "not enough memory");
	lua_getfield(L, 1, "max_body");
	transfer->max_body = (size_t)luaL_optinteger(L, -1, 32 << 20);
	lua_getfield(L, 1, "stream");
	transfer->stream = lua_toboolean(L, -1);
	lua_pop(L, 2);
	set_limits(L, transfer);
	set_proxy(L, transfer);
	set_target(L, transfer);
	set_tls(L, transfer);
	set_headers(L, transfer);
	set_body(L, transfer, method);
	if (strcmp(method, "HEAD") == 0)
		SET(CURLOPT_NOBODY, 1L);
	else
		SET(CURLOPT_CUSTOMREQUEST, method);
	lua_pop(L, 1);
}
