/*
** http_request.c: what one request adds to its server's options. Each field has a slot on the
** stack, so that a request is read in one pass. A handle may have been used before: what one
** request sets, each sets.
*/
#include "http.h"
#include "secret.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MAX_HEADER (64u * 1024)
#define MAX_BODY_BYTES (32 << 20)

#define SET(option, value) curl.curl_easy_setopt(transfer->easy, option, value)

static bool refuse(lua_State *L, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	lua_pushvfstring(L, format, arguments);
	va_end(arguments);
	return false;
}

/* ---- fields ---- */

void request_push_fields(lua_State *L)
{
	static const struct {
		const char *name;
		int slot;
	} fields[] = {
		{ "method", METHOD },
		{ "url", URL },
		{ "authority", AUTHORITY },
		{ "headers", HEADERS },
		{ "token", TOKEN },
		{ "body_file", BODY_FILE },
		{ "max_body", MAX_BODY },
		{ "aws_sigv4", SIGNATURE },
		{ "access_key", ACCESS_KEY },
		{ "secret_key", SECRET_KEY },
		/* lua/o2x/client/http.lua reads these. */
		{ "body", 0 },
		{ "json", 0 },
		{ "timeout", 0 },
		{ "connect_timeout", 0 },
		{ "scope", 0 },
		{ "secret_body", 0 },
		{ "module", 0 },
		{ "connect_to", 0 },
		{ "proxy", 0 },
		{ "tls_name", 0 },
		{ "reads", 0 },
		{ "ca", 0 },
		{ "ca_file", 0 },
		{ "cert", 0 },
		{ "key", 0 },
	};
	lua_createtable(L, 0, sizeof fields / sizeof *fields);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		lua_pushinteger(L, fields[i].slot);
		lua_setfield(L, -2, fields[i].name);
	}
}

bool request_spread(lua_State *L, int fields)
{
	lua_settop(L, STREAM);
	lua_settop(L, SLOTS);
	lua_pushnil(L);
	while (lua_next(L, REQUEST)) {
		lua_pushvalue(L, -2);
		if (lua_rawget(L, fields) != LUA_TNUMBER)
			return refuse(L, "unknown field '%s'", luaL_tolstring(L, -3, NULL));
		int slot = (int)lua_tointeger(L, -1);
		lua_pop(L, 1);
		if (slot)
			lua_replace(L, slot);
		else
			lua_pop(L, 1);
	}
	return true;
}

/* Is there anything that would end a line of a request? */
static bool has_break(const char *text, size_t length)
{
	return memchr(text, '\r', length) || memchr(text, '\n', length) ||
	       memchr(text, '\0', length);
}

/* A slot as one line of text, or NULL if it is empty. -> false with a message if it is neither */
static bool line_in(lua_State *L, int slot, const char *name, const char **text)
{
	size_t length;
	*text = NULL;
	if (lua_isnil(L, slot))
		return true;
	*text = lua_type(L, slot) == LUA_TSTRING ? lua_tolstring(L, slot, &length) : NULL;
	if (!*text || has_break(*text, length))
		return refuse(L, "%s must be a string on one line", name);
	return true;
}

/* Copies a slot, a string or a secret, into buffer. -> false if there is no memory */
static bool bytes_in(lua_State *L, int slot, struct buffer *buffer)
{
	size_t length;
	const char *bytes = secret_checkbytes(L, slot, &length);
	return buffer_append(buffer, bytes, length);
}

/* The characters of a method or of a header's name. */
static bool is_token(const char *text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	const char *at = text;
	while (isalnum((unsigned char)*at) || (*at && strchr(others, *at)))
		at++;
	return at > text && !*at;
}

/* ---- headers ---- */

/*
** Follow from the URL and the body. Setting one differently would reach another host or smuggle a
** second request.
*/
static bool is_derived(const char *name)
{
	static const char *const derived[] = { "host", "content-length", "transfer-encoding",
					       "connection" };
	for (size_t i = 0; i < sizeof derived / sizeof *derived; i++)
		if (strcasecmp(name, derived[i]) == 0)
			return true;
	return false;
}

/* Adds a line to libcurl's list. -> false: no memory */
static bool add_line(struct transfer *transfer, const char *name, const char *colon,
		     const char *prefix, const char *value, size_t length)
{
	struct buffer *lines = &transfer->header_lines;
	transfer->now.header_count++;
	return buffer_append(lines, name, strlen(name)) &&
	       buffer_append(lines, colon, strlen(colon)) &&
	       buffer_append(lines, prefix, strlen(prefix)) &&
	       buffer_append(lines, value, length) && buffer_append(lines, "", 1);
}

/* Adds the header "name: prefix value". */
static bool add_header(lua_State *L, struct transfer *transfer, const char *name,
		       const char *prefix, const char *value, size_t length)
{
	if (length > MAX_HEADER || has_break(value, length))
		return refuse(L, "the header %s has a line break or is too long", name);
	if (transfer->now.header_count == HEADERS_MOST)
		return refuse(L, "more than %d headers", HEADERS_MOST);
	/* libcurl's syntax: "name;" is an empty header, and "name:" none at all. */
	const char *colon = length ? ": " : ";";
	return add_line(transfer, name, colon, prefix, value, length) ||
	       refuse(L, "not enough memory");
}

/* The lines as libcurl's list. */
static struct curl_slist *list_headers(struct transfer *transfer)
{
	struct curl_slist *headers = transfer->headers;
	char *line = transfer->header_lines.bytes;
	int count = transfer->now.header_count;
	for (int i = 0; i < count; i++, line += strlen(line) + 1)
		headers[i] = (struct curl_slist){ line, i + 1 < count ? &headers[i + 1] : NULL };
	return count ? headers : NULL;
}

/* Adds a header with the string, number or secret on top of the stack. */
static bool add_given(lua_State *L, struct transfer *transfer, const char *name)
{
	size_t length;
	const char *value = secret_bytes(L, -1, &length);
	if (!value && lua_isstring(L, -1))
		value = lua_tolstring(L, -1, &length);
	if (!value)
		return refuse(L, "the header %s must be a text, got a %s", name,
			      luaL_typename(L, -1));
	return add_header(L, transfer, name, "", value, length);
}

/* Adds a header with the value on top of the stack, or several if it is a list. */
static bool add_values(lua_State *L, struct transfer *transfer, const char *name)
{
	if (lua_type(L, -1) != LUA_TTABLE)
		return add_given(L, transfer, name);
	for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
		if (!add_given(L, transfer, name))
			return false;
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return true;
}

/* What the sender's own headers leave open. */
struct open {
	bool authorization, content_type, user_agent;
};

static bool add_own(lua_State *L, struct transfer *transfer, struct open *open)
{
	if (lua_isnil(L, HEADERS))
		return true;
	luaL_checktype(L, HEADERS, LUA_TTABLE);
	lua_pushnil(L);
	while (lua_next(L, HEADERS)) {
		size_t length;
		const char *name =
			lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &length) : NULL;
		if (!name || memchr(name, 0, length) || !is_token(name))
			return refuse(L, "bad header name");
		if (is_derived(name))
			return refuse(L, "the header %s cannot be set", name);
		if (strcasecmp(name, "authorization") == 0)
			open->authorization = false;
		if (strcasecmp(name, "content-type") == 0)
			open->content_type = false;
		if (strcasecmp(name, "user-agent") == 0)
			open->user_agent = false;
		if (!add_values(L, transfer, name))
			return false;
		lua_pop(L, 1);
	}
	return true;
}

static bool add_token(lua_State *L, struct transfer *transfer)
{
	size_t length;
	const char *token = secret_checkbytes(L, TOKEN, &length);
	return add_header(L, transfer, "Authorization", "Bearer ", token, length);
}

static bool add_authority(lua_State *L, struct transfer *transfer)
{
	const char *host;
	return line_in(L, AUTHORITY, "authority", &host) &&
	       add_header(L, transfer, "Host", "", host, strlen(host));
}

static bool set_headers(lua_State *L, struct transfer *transfer)
{
	static const char json[] = "application/json", agent[] = AGENT;
	bool is_signed = !lua_isnil(L, SIGNATURE);
	struct open open = { !lua_isnil(L, TOKEN), lua_toboolean(L, JSON), !is_signed };
	/* No "100 Continue" round trip. AWS's signature would include this header. */
	bool sends = !lua_isnil(L, BODY) || !lua_isnil(L, BODY_FILE);
	if (sends && !is_signed && !add_line(transfer, "Expect", ":", "", "", 0))
		return refuse(L, "not enough memory");
	bool good = add_own(L, transfer, &open);
	good = good && (!open.authorization || add_token(L, transfer));
	good = good && (!open.content_type ||
			add_header(L, transfer, "Content-Type", "", json, sizeof json - 1));
	good = good && (lua_isnil(L, AUTHORITY) || add_authority(L, transfer));
	/* libcurl's own option costs more: it makes a line of it, and then copies that. */
	good = good && (!open.user_agent ||
			add_header(L, transfer, "User-Agent", "", agent, sizeof agent - 1));
	SET(CURLOPT_HTTPHEADER, list_headers(transfer));
	return good;
}

/* ---- body ---- */

/* Copies a slot, string or secret, into the buffer as a C string. */
static const char *key_in(lua_State *L, int slot, struct buffer *buffer)
{
	buffer_free(buffer);
	bool fits = lua_isnil(L, slot) || bytes_in(L, slot, buffer);
	return fits && buffer_append(buffer, "", 1) ? buffer->bytes : NULL;
}

/* AWS's signature covers the body, so libcurl needs it in one piece. */
static bool set_signature(lua_State *L, struct transfer *transfer)
{
	struct buffer *scratch = &transfer->head; /* gc knows of it */
	const char *provider;
	if (!line_in(L, SIGNATURE, "aws_sigv4", &provider))
		return false;
	if (provider) {
		transfer->now.single = true;
		SET(CURLOPT_USERAGENT, AGENT); /* a header of our own would be signed */
		SET(CURLOPT_AWS_SIGV4, provider);
		SET(CURLOPT_USERNAME, key_in(L, ACCESS_KEY, scratch));
		SET(CURLOPT_PASSWORD, key_in(L, SECRET_KEY, scratch));
		buffer_free(scratch);
	}
	return true;
}

static bool is_one_of(const char *method, const char *const *list)
{
	while (*list && strcmp(*list, method) != 0)
		list++;
	return *list;
}

static void set_upload(struct transfer *transfer, bool upload, curl_off_t length)
{
	SET(CURLOPT_UPLOAD, (long)upload);
	SET(CURLOPT_INFILESIZE_LARGE, upload ? length : (curl_off_t)-1);
}

/*
** Opens a body file, for a body that is too large for memory. With a signature, its hash is in a
** header.
*/
static bool set_body_file(lua_State *L, struct transfer *transfer)
{
	const char *path;
	struct stat stat;
	if (!line_in(L, BODY_FILE, "body_file", &path))
		return false;
	transfer->now.body_file = fopen(path, "rbe");
	if (!transfer->now.body_file || fstat(fileno(transfer->now.body_file), &stat))
		return refuse(L, "cannot read %s", path);
	set_upload(transfer, true, stat.st_size);
	SET(CURLOPT_FRESH_CONNECT, 0L);
	return true;
}

static bool set_body(lua_State *L, struct transfer *transfer, const char *method)
{
	static const char *const bodied[] = { "POST", "PUT", "PATCH", NULL };
	static const char *const unsafe[] = { "POST", "PATCH", NULL };
	bool body = !lua_isnil(L, BODY), signature = !lua_isnil(L, SIGNATURE);
	if (body && !bytes_in(L, BODY, &transfer->request_body))
		return refuse(L, "not enough memory");
	if (!set_signature(L, transfer))
		return false;
	if (!lua_isnil(L, BODY_FILE))
		return set_body_file(L, transfer);
	const char *bytes = transfer->request_body.bytes ? transfer->request_body.bytes : "";
	curl_off_t length = (curl_off_t)transfer->request_body.length;
	bool posted = signature && body;
	set_upload(transfer, !posted && (body || is_one_of(method, bodied)), length);
	if (posted) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, length);
		SET(CURLOPT_POSTFIELDS, bytes);
	}
	/*
	** Without a body, libcurl may send the request twice on a stale connection (see on_rewind).
	*/
	bool fresh = is_one_of(method, unsafe) && (signature || length == 0);
	SET(CURLOPT_FRESH_CONNECT, (long)fresh);
	return true;
}

static bool set_method(struct transfer *transfer, const char *method)
{
	bool head = strcmp(method, "HEAD") == 0;
	SET(CURLOPT_NOBODY, (long)head);
	SET(CURLOPT_CUSTOMREQUEST, head ? NULL : method);
	return true;
}

bool request_configure(lua_State *L, struct transfer *transfer)
{
	const char *method, *url;
	transfer->now.max_body = (size_t)luaL_optinteger(L, MAX_BODY, MAX_BODY_BYTES);
	transfer->now.stream = lua_toboolean(L, STREAM);
	if (!line_in(L, METHOD, "method", &method) || !line_in(L, URL, "url", &url))
		return false;
	if (!method)
		method = "GET";
	if (!url || !is_token(method))
		return refuse(L, url ? "bad method" : "no url");
	address_set(&transfer->address, transfer->easy, url);
	if (!set_headers(L, transfer))
		return false;
	bool is_plain = strcmp(method, "GET") == 0 && lua_isnil(L, BODY) &&
			lua_isnil(L, BODY_FILE) && lua_isnil(L, SIGNATURE);
	if (is_plain && transfer->is_plain)
		return true;
	transfer->is_plain = is_plain;
	return set_body(L, transfer, method) && set_method(transfer, method);
}
