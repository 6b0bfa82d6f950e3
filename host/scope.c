/*
** scope.c: may this run touch that? Compares a target, in its canonical form, with the run's grants
** before a request is sent. It compares whole names, path elements and labels: "newclient" never
** includes "newclient-sbx". What is not canonical is refused, not repaired, because a server may
** read it differently.
*/
#include "host.h"

#include <ctype.h>
#include <string.h>

typedef bool matcher(const char *grant, size_t grant_length, const char *value, size_t length);

static int refuse(lua_State *L, const char *value, const char *why)
{
	return host_fail(L, "EREFUSED", "'%s' %s", value, why);
}

/* Does one of the strings in the list at index grants allow the value? */
static bool granted(lua_State *L, int grants, matcher *matches, const char *value, size_t length)
{
	lua_Integer count = luaL_len(L, grants);
	bool found = false;
	for (lua_Integer i = 1; i <= count && !found; i++) {
		size_t grant_length = 0;
		lua_rawgeti(L, grants, i);
		const char *grant = lua_tolstring(L, -1, &grant_length);
		found = grant && grant_length > 0 && matches(grant, grant_length, value, length);
		lua_pop(L, 1);
	}
	return found;
}

static int answer(lua_State *L, matcher *matches, const char *value, size_t length)
{
	if (!granted(L, 1, matches, value, length))
		return refuse(L, value, "is outside what this run may touch");
	lua_pushboolean(L, true);
	return 1;
}

/* ---- paths of files and of Vault ---- */

static bool path_matches(const char *grant, size_t grant_length, const char *value, size_t length)
{
	if (grant[grant_length - 1] == '/')
		return length > grant_length && memcmp(grant, value, grant_length) == 0;
	return length == grant_length && memcmp(grant, value, length) == 0;
}

static const char *path_problem(const char *path, size_t length)
{
	if (length == 0 || length > 1024)
		return "is empty or too long";
	if (path[0] == '/' || path[length - 1] == '/')
		return "must not begin or end with a slash";
	for (size_t i = 0; i < length; i++)
		if (iscntrl((unsigned char)path[i]) || strchr("%\\?#;", path[i]))
			return "has a character that a path may not have";
	for (const char *element = path; element; element = strchr(element, '/')) {
		element += *element == '/';
		size_t size = strcspn(element, "/");
		if (size == 0)
			return "has an empty element";
		if (element[size - 1] == '.')
			return "has an element that ends with a dot";
	}
	return NULL;
}

/***
 Is the path granted: equal to a grant, or below one that ends with a slash?
 @function core.scope.path
 @param grants string[] "core/helm_values/newclient/" or an exact path
 @param path string relative; refused if it has "..", "//", "%", control characters …
 @return true, or nil, message, "EREFUSED"
*/
static int scope_path(lua_State *L)
{
	size_t length;
	luaL_checktype(L, 1, LUA_TTABLE);
	const char *path = luaL_checklstring(L, 2, &length);
	const char *problem = path_problem(path, length);
	return problem ? refuse(L, path, problem) : answer(L, path_matches, path, length);
}

/* ---- exact names: databases, releases, objects ---- */

static bool name_matches(const char *grant, size_t grant_length, const char *value, size_t length)
{
	return length == grant_length && memcmp(grant, value, length) == 0;
}

/***
 Is the name exactly one of the grants?
 @function core.scope.name
 @param grants string[]
 @param name string
 @return true, or nil, message, "EREFUSED"
*/
static int scope_name(lua_State *L)
{
	size_t length;
	luaL_checktype(L, 1, LUA_TTABLE);
	const char *name = luaL_checklstring(L, 2, &length);
	if (strlen(name) != length)
		return refuse(L, name, "has a NUL byte inside");
	return answer(L, name_matches, name, length);
}

/* ---- keys of Redis and names of queues ---- */

static bool key_matches(const char *grant, size_t grant_length, const char *value, size_t length)
{
	/* Without a separator at its end, the grant TIDLT-100008 would allow TIDLT-1000081. */
	bool separated = strchr(":.", grant[grant_length - 1]);
	return separated && length > grant_length && memcmp(grant, value, grant_length) == 0;
}

/***
 Does the key start with one of the granted prefixes? Each ends with a separator, ':' or '.'.
 @function core.scope.key
 @param grants string[] "TIDLT-100008:"
 @param key string any bytes
 @return true, or nil, message, "EREFUSED"
*/
static int scope_key(lua_State *L)
{
	size_t length;
	luaL_checktype(L, 1, LUA_TTABLE);
	const char *key = luaL_checklstring(L, 2, &length);
	return answer(L, key_matches, key, length);
}

/* ---- domain names ---- */

static bool domain_matches(const char *grant, size_t grant_length, const char *value, size_t length)
{
	if (length < grant_length ||
	    strncasecmp(value + length - grant_length, grant, grant_length) != 0)
		return false;
	return length == grant_length || value[length - grant_length - 1] == '.';
}

static const char *domain_problem(const char *name, size_t length)
{
	if (length == 0 || length > 253)
		return "is empty or too long";
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-._*", name[i]))
			return "has a character that a domain name may not have";
	return strstr(name, "..") || name[0] == '.' ? "has an empty label" : NULL;
}

/***
 Is the domain name equal to a grant or below one? Case and a trailing dot do not matter.
 @function core.scope.domain
 @param grants string[] "newclient.embrix.com"
 @param name string
 @return true, or nil, message, "EREFUSED"
*/
static int scope_domain(lua_State *L)
{
	size_t length;
	luaL_checktype(L, 1, LUA_TTABLE);
	const char *name = luaL_checklstring(L, 2, &length);
	if (strlen(name) != length)
		return refuse(L, name, "has a NUL byte inside");
	if (length > 1 && name[length - 1] == '.')
		length--;
	const char *problem = domain_problem(name, length);
	return problem ? refuse(L, name, problem) : answer(L, domain_matches, name, length);
}

static const luaL_Reg functions[] = {
	{ "path", scope_path },     { "name", scope_name }, { "key", scope_key },
	{ "domain", scope_domain }, { NULL, NULL },
};

int luaopen_o2x_core_scope(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
