/*
** json.c: parses JSON with cJSON, and is stricter: integers are exact to 64 bits (cJSON has only
** doubles, so each number is read again from the text); text after the value, duplicate keys,
** \u0000, bad UTF-8 and deep nesting are errors.
*/
#include "json.h"
#include "host.h"
#include "json_value.h"
#include "secret.h"
#include "utf8.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define TREE_TYPE "o2x.json.tree"

/* Owns the tree while Lua values are built from it, which may raise. */
struct tree {
	cJSON *root;
};

struct reader {
	lua_State *L;
	const char *text, *end;
	const char *at;    /* follows the walk over the tree, which is in text order */
	const char *error; /* set with `at` at the place */
	char detail[128];
};

/* Also where a text turns out not to be JSON: it may have been a secret. */
static void wipe_and_free(void *bytes)
{
	if (bytes)
		explicit_bzero(bytes, malloc_usable_size(bytes));
	free(bytes);
}

static int tree_gc(lua_State *L)
{
	struct tree *t = luaL_checkudata(L, 1, TREE_TYPE);
	cJSON_Delete(t->root);
	t->root = NULL;
	return 0;
}

static struct tree *tree_new(lua_State *L)
{
	struct tree *tree = host_newuserdata(L, sizeof *tree, TREE_TYPE);
	lua_toclose(L, -1);
	return tree;
}

static bool fail(struct reader *r, const char *at, const char *error)
{
	r->at = at;
	r->error = error;
	return false;
}

/* The end of the string that starts at s, on its opening quote; or NULL with the error set. */
static const char *check_string(struct reader *r, const char *s)
{
	for (s++; s < r->end && *s != '"';) {
		size_t n = 1;
		if (*s == '\\') {
			if (r->end - s >= 6 && !memcmp(s, "\\u0000", 6))
				return fail(r, s, "\\u0000 in a string"), NULL;
			n = r->end - s >= 2 ? 2 : 1;
		} else if ((unsigned char)*s < 0x20) {
			return fail(r, s, "a control character in a string"), NULL;
		} else {
			n = utf8_length(s, (size_t)(r->end - s));
		}
		if (!n)
			return fail(r, s, "not UTF-8"), NULL;
		s += n;
	}
	return s < r->end ? s + 1 : (fail(r, s, "a string without an end"), NULL);
}

/* Before cJSON sees the text: what cJSON would let pass, or recurse into. */
static bool check_text(struct reader *r)
{
	int depth = 0;
	const char *s = r->text;
	while (s < r->end) {
		if (*s == '"') {
			s = check_string(r, s);
			if (!s)
				return false;
			continue;
		}
		if (*s == '{' || *s == '[')
			depth++;
		else if (*s == '}' || *s == ']')
			depth--;
		else if ((unsigned char)*s < 0x20 && !strchr("\t\n\r", *s ? *s : 'x'))
			return fail(r, s, "a control character");
		if (depth > JSON_MAX_DEPTH)
			return fail(r, s, "nested deeper than 64 levels");
		s++;
	}
	return depth <= 0 || fail(r, s, "the text ends too early");
}

static const char *digits(const char *s)
{
	while (*s >= '0' && *s <= '9')
		s++;
	return s;
}

/* The end of a number by JSON's grammar, or NULL. Sets *integer. */
static const char *number_end(const char *s, bool *integer)
{
	const char *start;
	*integer = true;
	s += *s == '-';
	start = s;
	s = digits(s);
	if (s == start || (*start == '0' && s != start + 1))
		return NULL;
	if (*s == '.') {
		*integer = false;
		start = ++s;
		s = digits(s);
		if (s == start)
			return NULL;
	}
	if (*s == 'e' || *s == 'E') {
		*integer = false;
		s += s[1] == '+' || s[1] == '-' ? 2 : 1;
		start = s;
		s = digits(s);
		if (s == start)
			return NULL;
	}
	return s;
}

/* Moves past the next string of the text. cJSON has parsed it, so there is one. */
static void skip_string(struct reader *r)
{
	const char *s = memchr(r->at, '"', (size_t)(r->end - r->at));
	r->at = s ? check_string(r, s) : r->end;
}

/*
** Where secrets begin. `want` is what is left of the dotted prefix, "" when we are below it, NULL
** when we are beside it; `label` is the stack index of the name that a secret gets.
*/
struct place {
	const char *want;
	int label;
};

static bool is_secret(struct place place)
{
	return place.want && !*place.want;
}

/* Reads the next number of the text and pushes it. A secret one keeps the form of the text. */
static bool push_number(struct reader *r, struct place place)
{
	const char *s = r->at;
	while (s < r->end && *s != '-' && (*s < '0' || *s > '9'))
		s++;
	bool integer;
	const char *end = number_end(s, &integer);
	if (!end || strchr("0123456789+-.eE", *end ? *end : 'x'))
		return fail(r, s, "not a number");
	if (is_secret(place)) {
		secret_push_literal(r->L, s, (size_t)(end - s), lua_tostring(r->L, place.label));
		r->at = end;
		return true;
	}
	errno = 0;
	if (integer) {
		long long n = strtoll(s, NULL, 10);
		if (errno)
			return fail(r, s, "an integer that does not fit 64 bits");
		lua_pushinteger(r->L, n);
	} else {
		double d = strtod(s, NULL);
		if (isinf(d))
			return fail(r, s, "a number too large");
		lua_pushnumber(r->L, d);
	}
	r->at = end;
	return true;
}

static void push_boolean(lua_State *L, bool value, struct place place)
{
	if (is_secret(place))
		secret_push_literal(L, value ? "true" : "false", value ? 4 : 5,
				    lua_tostring(L, place.label));
	else
		lua_pushboolean(L, value);
}

static bool push_value(struct reader *r, const cJSON *item, struct place place);

static const char *below(const char *want, const char *key)
{
	size_t n = strlen(key);
	if (!want || !*want)
		return want;
	if (strncmp(want, key, n) != 0 || (want[n] && want[n] != '.'))
		return NULL;
	return want + n + (want[n] == '.');
}

static bool push_array(struct reader *r, const cJSON *item, struct place place)
{
	lua_Integer i = 0;

	if (place.want && *place.want)
		place.want = NULL;
	lua_createtable(r->L, cJSON_GetArraySize(item), 0);
	json_markarray(r->L, -1);
	for (item = item->child; item; item = item->next) {
		if (!push_value(r, item, place))
			return false;
		lua_rawseti(r->L, -2, ++i);
	}
	return true;
}

/* [-0, +1] The label of a member: its key after the label of the whole. */
static void push_label(lua_State *L, int parent, const char *key)
{
	if (lua_rawlen(L, parent))
		lua_pushfstring(L, "%s/%s", lua_tostring(L, parent), key);
	else
		lua_pushstring(L, key);
}

static bool push_member(struct reader *r, const cJSON *item, struct place place)
{
	lua_State *L = r->L;
	bool secret = is_secret(place);
	skip_string(r);
	lua_pushstring(L, item->string);
	lua_pushvalue(L, -1);
	if (lua_rawget(L, -3) != LUA_TNIL) {
		snprintf(r->detail, sizeof r->detail,
			 "the key \"%.60s\" stands twice in one object", item->string);
		return fail(r, r->at, r->detail);
	}
	lua_pop(L, 1);
	place.want = below(place.want, item->string);
	if (secret) {
		push_label(L, place.label, item->string);
		place.label = lua_gettop(L);
	}
	if (!push_value(r, item, place))
		return false;
	if (secret)
		lua_remove(L, -2);
	lua_rawset(L, -3);
	return true;
}

static bool push_object(struct reader *r, const cJSON *item, struct place place)
{
	lua_newtable(r->L);
	for (item = item->child; item; item = item->next)
		if (!push_member(r, item, place))
			return false;
	return true;
}

/* [-0, +1, m] on success; on failure the stack is left as it is and the error is set. */
static bool push_value(struct reader *r, const cJSON *item, struct place place)
{
	lua_State *L = r->L;
	luaL_checkstack(L, 8, "JSON");
	switch (item->type & 0xff) {
	case cJSON_False:
	case cJSON_True: push_boolean(L, cJSON_IsTrue(item), place); return true;
	case cJSON_NULL: json_pushnull(L); return true;
	case cJSON_Number: return push_number(r, place);
	case cJSON_String:
		skip_string(r);
		if (is_secret(place))
			secret_push(L, item->valuestring, strlen(item->valuestring),
				    lua_tostring(L, place.label));
		else
			lua_pushstring(L, item->valuestring);
		return true;
	case cJSON_Array: return push_array(r, item, place);
	default: return push_object(r, item, place);
	}
}

static int push_failure(struct reader *r)
{
	int line = 1, column = 1;
	for (const char *s = r->text; s < r->at && s < r->end; s++) {
		column = *s == '\n' ? 1 : column + 1;
		line += *s == '\n';
	}
	luaL_pushfail(r->L);
	lua_pushfstring(r->L, "%d:%d: %s", line, column, r->error);
	lua_pushliteral(r->L, "syntax");
	return 3;
}

static bool parse(struct reader *r, struct tree *t)
{
	const char *end = NULL;
	if (!check_text(r))
		return false;
	t->root = cJSON_ParseWithLengthOpts(r->text, (size_t)(r->end - r->text), &end, false);
	if (!t->root)
		return fail(r, end ? end : r->text, "not JSON");
	while (end < r->end && strchr(" \t\r\n", *end))
		end++;
	return end == r->end || fail(r, end, "something after the value");
}

static int decode(lua_State *L, const char *text, size_t len, struct place place)
{
	struct reader r = { .L = L, .text = text, .end = text + len, .at = text };
	struct tree *t = tree_new(L);
	if (!parse(&r, t) || (r.at = text, !push_value(&r, t->root, place)))
		return push_failure(&r);
	return 1;
}

/***
 Parses JSON. Objects become tables, arrays become marked tables, null becomes the one null value;
 integers are exact to 64 bits.
 @function core.json.decode
 @param text string
 @return the value, or nil, "line:column: message", "syntax"
*/
static int json_decode(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	return decode(L, text, len, (struct place){ 0 });
}

/***
 Parses JSON that is a secret. Each string, number and boolean below prefix becomes a secret named
 after its key; encode_secret writes it back as what it was. null stays null, and what is beside
 the prefix becomes a plain value.
 @function core.json.decode_secret
 @param text secret
 @param prefix string the dotted path of an object, such as "data.data"; "" for the whole text
 @param label string what the names of the secrets start with, such as the path in Vault
 @return the value, or nil, "line:column: message", "syntax"
*/
static int json_decode_secret(lua_State *L)
{
	size_t len = 0;
	const char *text = secret_bytes(L, 1, &len);
	struct place place = { .want = luaL_optstring(L, 2, ""), .label = 3 };
	luaL_argexpected(L, text, 1, "secret");
	luaL_optstring(L, 3, "");
	lua_settop(L, 3);
	if (lua_isnil(L, 3)) {
		lua_pushliteral(L, "");
		lua_replace(L, 3);
	}
	return decode(L, text, len, place);
}

/***
 Marks a table as an array, so that an empty one is encoded as [].
 @function core.json.array
 @param t table
 @return t
*/
static int json_array(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	json_markarray(L, 1);
	return 1;
}

/***
 Is the table marked as an array?
 @function core.json.is_array
 @param v any
 @return boolean
*/
static int json_is_array(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_pushboolean(L, json_isarray(L, 1));
	return 1;
}

static const luaL_Reg no_methods[] = { { NULL, NULL } };

static const luaL_Reg functions[] = {
	{ "decode", json_decode },
	{ "decode_secret", json_decode_secret },
	{ "encode", json_encode },
	{ "encode_secret", json_encode_secret },
	{ "array", json_array },
	{ "is_array", json_is_array },
	{ NULL, NULL },
};

int luaopen_o2x_core_json(lua_State *L)
{
	cJSON_InitHooks(&(cJSON_Hooks){ malloc, wipe_and_free });
	host_newtype(L, TREE_TYPE, no_methods, tree_gc);
	luaL_newlib(L, functions);
	json_pushnull(L);
	lua_setfield(L, -2, "null");
	return 1;
}
