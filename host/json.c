/*
** json.c: parses JSON with cJSON and makes Lua values of it, or secrets. cJSON decides what is JSON;
** strings and numbers are read again from the text, because cJSON has only doubles, and C strings
** without NUL. json_text.h says what is an error in whose text.
*/
#include "json.h"
#include "host.h"
#include "json_text.h"
#include "json_value.h"
#include "lazy.h"
#include "luabuffer.h"
#include "secret.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define CJSON(X) \
	X(cJSON_InitHooks) \
	X(cJSON_ParseWithLengthOpts) \
	X(cJSON_Delete) \
	X(cJSON_GetArraySize) \
	X(cJSON_IsTrue)
LAZY(cjson, "libcjson.so.1", CJSON)

#define TREE_TYPE "o2x.json.tree"

/* Owns what cJSON made while Lua values are built from it, which may raise. */
struct tree {
	cJSON *root;
	char *copy; /* the text for cJSON, if it is not the text itself */
};

struct reader {
	lua_State *L;
	struct json_text text; /* follows the walk over the tree, which is in text order */
};

/*
** Where secrets begin. `want` is what is left of the dotted prefix, "" when we are below it, NULL
** when we are beside it; `label` is the stack index of the name that a secret gets.
*/
struct place {
	const char *want;
	int label;
};

static bool push_value(struct reader *r, const cJSON *item, struct place place);

static bool is_secret(struct place place)
{
	return place.want && !*place.want;
}

/* ---- scalars ---- */

/* Reads the next string of the text. cJSON has parsed it, so there is one. */
static bool next_string(struct reader *r, struct json_string *s)
{
	struct json_text *t = &r->text;
	t->at = memchr(t->at, '"', (size_t)(t->end - t->at));
	return json_read_string(t, s);
}

static bool push_string(struct reader *r, struct place place)
{
	struct json_string s;
	if (!next_string(r, &s))
		return false;
	if (is_secret(place))
		secret_push(r->L, s.bytes, s.length, lua_tostring(r->L, place.label));
	else
		lua_pushlstring(r->L, s.bytes, s.length);
	return true;
}

/* A secret number keeps the form of the text. */
static bool push_number(struct reader *r, struct place place)
{
	struct json_number n;
	while (*r->text.at != '-' && (*r->text.at < '0' || *r->text.at > '9'))
		r->text.at++;
	if (!json_skip_number(&r->text, &n))
		return false;
	if (is_secret(place)) {
		secret_push_literal(r->L, n.text, n.length, lua_tostring(r->L, place.label));
		return true;
	}
	if (!json_number_value(&r->text, &n))
		return false;
	if (n.integer)
		lua_pushinteger(r->L, n.i);
	else
		lua_pushnumber(r->L, n.d);
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

/* ---- arrays and objects ---- */

/* What is left of the prefix below a key, which may have a NUL. */
static const char *below(const char *want, const struct json_string *key)
{
	if (!want || !*want)
		return want;
	if (strlen(want) < key->length || memcmp(want, key->bytes, key->length) != 0)
		return NULL;
	want += key->length;
	return *want == '.' ? want + 1 : *want ? NULL : want;
}

static bool push_array(struct reader *r, const cJSON *item, struct place place)
{
	lua_Integer i = 0;
	if (place.want && *place.want)
		place.want = NULL;
	lua_createtable(r->L, cjson.cJSON_GetArraySize(item), 0);
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

/* [-0, +1, m] Reads the key of a member of the object on the top. */
static bool push_key(struct reader *r, struct place *place)
{
	struct json_string key;
	if (!next_string(r, &key))
		return false;
	place->want = below(place->want, &key);
	lua_pushlstring(r->L, key.bytes, key.length);
	if (!r->text.exact)
		return true;
	lua_pushvalue(r->L, -1);
	bool twice = lua_rawget(r->L, -3) != LUA_TNIL;
	lua_pop(r->L, 1);
	if (!twice)
		return true;
	snprintf(r->text.detail, sizeof r->text.detail,
		 "the key \"%.60s\" stands twice in one object", lua_tostring(r->L, -1));
	return json_wrong(&r->text, r->text.at, r->text.detail);
}

static bool push_member(struct reader *r, const cJSON *item, struct place place)
{
	lua_State *L = r->L;
	bool secret = is_secret(place);
	if (!push_key(r, &place))
		return false;
	if (secret) {
		push_label(L, place.label, lua_tostring(L, -1));
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
	case cJSON_True: push_boolean(L, cjson.cJSON_IsTrue(item), place); return true;
	case cJSON_NULL: json_pushnull(L); return true;
	case cJSON_Number: return push_number(r, place);
	case cJSON_String: return push_string(r, place);
	case cJSON_Array: return push_array(r, item, place);
	default: return push_object(r, item, place);
	}
}

/* ---- what cJSON gets ---- */

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
	if (t->root)
		cjson.cJSON_Delete(t->root);
	wipe_and_free(t->copy);
	*t = (struct tree){ 0 };
	return 0;
}

static struct tree *tree_new(lua_State *L)
{
	struct tree *tree = host_newuserdata(L, sizeof *tree, TREE_TYPE);
	lua_toclose(L, -1);
	return tree;
}

static bool copy_text(const struct json_text *t, struct tree *tree)
{
	size_t length = (size_t)(t->end - t->start);
	tree->copy = malloc(length + 1);
	if (tree->copy)
		memcpy(tree->copy, t->start, length);
	return tree->copy != NULL;
}

/*
** cJSON refuses halves of characters and takes \u0000 for the end of a string. It need not see
** them: in its copy, each \uXXXX is a question mark of the same length.
*/
static bool hide_escapes(struct json_text *t, struct tree *tree, const char *from)
{
	for (const char *s = from; s + 1 < t->at; s++) {
		if (*s != '\\' || *++s != 'u')
			continue;
		if (!tree->copy && !copy_text(t, tree))
			return json_wrong(t, from, "not enough memory");
		memcpy(tree->copy + (s - t->start), "u003f", 5);
	}
	return true;
}

/* Before cJSON sees the text: what it would let pass, or recurse into. */
static bool look_through(struct json_text *t, struct tree *tree)
{
	int depth = 0;
	while (t->at < t->end) {
		const char *from = t->at;
		struct json_string s;
		if (*from == '"') {
			if (!json_read_string(t, &s) || !hide_escapes(t, tree, from))
				return false;
			continue;
		}
		if (*from == '{' || *from == '[')
			depth++;
		else if (*from == '}' || *from == ']')
			depth--;
		else if ((unsigned char)*from < 0x20 && !strchr("\t\n\r", *from ? *from : 'x'))
			return json_wrong(t, from, "a control character");
		if (depth > JSON_MAX_DEPTH)
			return json_wrong(t, from, "nested deeper than 256 levels");
		t->at++;
	}
	return depth <= 0 || json_wrong(t, t->at, "the text ends too early");
}

static void load_cjson(lua_State *L)
{
	const char *problem = cjson_load();
	if (problem)
		luaL_error(L, "cJSON cannot be loaded: %s", problem);
	cjson.cJSON_InitHooks(&(cJSON_Hooks){ malloc, wipe_and_free });
}

static bool parse(struct json_text *t, struct tree *tree)
{
	const char *start = t->at, *end = NULL;
	if (!look_through(t, tree))
		return false;
	const char *text = tree->copy ? tree->copy + (start - t->start) : start;
	tree->root = cjson.cJSON_ParseWithLengthOpts(text, (size_t)(t->end - start), &end, false);
	t->at = end ? start + (end - text) : start;
	if (!tree->root)
		return false;
	json_next(t);
	return t->at == t->end || json_wrong(t, t->at, "something after the value");
}

/* ---- whole texts ---- */

/* Says what is wrong where nothing more exact was said: the text goes on as no JSON does. */
static int push_failure(lua_State *L, struct json_text *t)
{
	int line, column;
	if (!t->error && t->at == t->end)
		t->error = "the text ends too early";
	else if (!t->error)
		t->error = (unsigned char)*t->at < 0x20 ? "a control character" : "not JSON";
	json_place(t, &line, &column);
	luaL_pushfail(L);
	lua_pushfstring(L, "%d:%d: %s", line, column, t->error);
	lua_pushliteral(L, "syntax");
	return 3;
}

static int decode(lua_State *L, const char *text, size_t len, bool exact, struct place place)
{
	struct reader r = { .L = L };
	r.text = (struct json_text){ .start = text, .at = text, .end = text + len, .exact = exact };
	r.text.scratch = luabuffer_new(L);
	struct tree *tree = tree_new(L);
	json_word(&r.text, "\xef\xbb\xbf"); /* a byte order mark */
	json_next(&r.text);
	const char *start = r.text.at;
	load_cjson(L);
	if (!parse(&r.text, tree))
		return push_failure(L, &r.text);
	r.text.at = start;
	return push_value(&r, tree->root, place) ? 1 : push_failure(L, &r.text);
}

/***
 Parses JSON. Objects become tables, arrays become marked tables, null becomes the one null value;
 integers are exact to 64 bits. What a server may send is read as Go reads it: an integer beyond 64
 bits becomes a float, \u0000 a NUL byte, half of a surrogate pair U+FFFD, and of two members with
 one name the last one counts.
 @function core.json.decode
 @param text string
 @param exact boolean? true: each of these is an error, as is right for a file that somebody wrote
 @return the value, or nil, "line:column: message", "syntax"
*/
static int json_decode(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	return decode(L, text, len, lua_toboolean(L, 2), (struct place){ 0 });
}

/***
 Parses JSON that is a secret, as decode does. Each string, number and boolean below prefix becomes
 a secret named after its key; encode_secret writes it back as what it was. null stays null, and
 what is beside the prefix becomes a plain value.
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
	return decode(L, text, len, false, place);
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

/***
 Removes what is null from maps, in place. Items of lists stay, because their places count.
 @function core.json.without_nulls
 @param v any decoded JSON or YAML
 @return any v; nil for null
*/
static int json_without_nulls(lua_State *L)
{
	lua_settop(L, 1);
	if (lua_istable(L, 1))
		json_dropnulls(L, 1);
	else if (json_isnull(L, 1))
		lua_pushnil(L);
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
	{ "without_nulls", json_without_nulls },
	{ NULL, NULL },
};

int luaopen_o2x_core_json(lua_State *L)
{
	host_newtype(L, TREE_TYPE, no_methods, tree_gc);
	luaL_newlib(L, functions);
	json_pushnull(L);
	lua_setfield(L, -2, "null");
	return 1;
}
