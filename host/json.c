/*
** json.c: parses JSON into Lua values, or into secrets. json_text.h says what is an error in whose
** text.
*/
#include "json.h"
#include "host.h"
#include "json_text.h"
#include "json_value.h"
#include "luabuffer.h"
#include "secret.h"

#include <stdio.h>
#include <string.h>

struct reader {
	lua_State *L;
	struct json_text text;
	int depth;
};

/*
** Where secrets begin. `want` is what is left of the dotted prefix, "" when we are below it, NULL
** when we are beside it; `label` is the stack index of the name that a secret gets.
*/
struct place {
	const char *want;
	int label;
};

static bool push_value(struct reader *r, struct place place);

static bool is_secret(struct place place)
{
	return place.want && !*place.want;
}

/* ---- scalars ---- */

static bool push_string(struct reader *r, struct place place)
{
	struct json_string s;
	if (!json_read_string(&r->text, &s))
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

static bool push_array(struct reader *r, struct place place)
{
	lua_Integer i = 0;
	if (place.want && *place.want)
		place.want = NULL;
	lua_newtable(r->L);
	json_markarray(r->L, -1);
	if (json_take(&r->text, ']'))
		return true;
	do {
		json_next(&r->text);
		if (!push_value(r, place))
			return false;
		lua_rawseti(r->L, -2, ++i);
	} while (json_take(&r->text, ','));
	return json_take(&r->text, ']');
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
	if (json_next(&r->text) != '"' || !json_read_string(&r->text, &key))
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

static bool push_member(struct reader *r, struct place place)
{
	lua_State *L = r->L;
	bool secret = is_secret(place);
	if (!push_key(r, &place) || !json_take(&r->text, ':'))
		return false;
	if (secret) {
		push_label(L, place.label, lua_tostring(L, -1));
		place.label = lua_gettop(L);
	}
	json_next(&r->text);
	if (!push_value(r, place))
		return false;
	if (secret)
		lua_remove(L, -2);
	lua_rawset(L, -3);
	return true;
}

static bool push_object(struct reader *r, struct place place)
{
	lua_newtable(r->L);
	if (json_take(&r->text, '}'))
		return true;
	do {
		if (!push_member(r, place))
			return false;
	} while (json_take(&r->text, ','));
	return json_take(&r->text, '}');
}

static bool push_collection(struct reader *r, struct place place)
{
	bool array = *r->text.at == '[';
	if (r->depth == JSON_MAX_DEPTH)
		return json_wrong(&r->text, r->text.at, "nested deeper than 256 levels");
	r->text.at++;
	r->depth++;
	if (!(array ? push_array(r, place) : push_object(r, place)))
		return false;
	r->depth--;
	return true;
}

/* [-0, +1, m] on success; on failure the stack is left as it is. */
static bool push_value(struct reader *r, struct place place)
{
	char c = r->text.at < r->text.end ? *r->text.at : '\0';
	luaL_checkstack(r->L, 8, "JSON");
	if (c == '"')
		return push_string(r, place);
	if (c == '{' || c == '[')
		return push_collection(r, place);
	if (c == '-' || (c >= '0' && c <= '9'))
		return push_number(r, place);
	if (json_word(&r->text, "null"))
		return json_pushnull(r->L), true;
	if (json_word(&r->text, "true"))
		return push_boolean(r->L, true, place), true;
	if (json_word(&r->text, "false"))
		return push_boolean(r->L, false, place), true;
	return false;
}

/* ---- a text that holds secrets is looked at before any is made of it ---- */

static bool skim(struct json_text *t, int depth);

static bool skim_items(struct json_text *t, bool object, int depth)
{
	char close = object ? '}' : ']';
	struct json_string key;
	if (json_take(t, close))
		return true;
	do {
		json_next(t);
		if (object && (t->at == t->end || *t->at != '"' || !json_read_string(t, &key) ||
			       !json_take(t, ':')))
			return false;
		json_next(t);
		if (!skim(t, depth + 1))
			return false;
	} while (json_take(t, ','));
	return json_take(t, close);
}

static bool skim(struct json_text *t, int depth)
{
	char c = t->at < t->end ? *t->at : '\0';
	struct json_string s;
	struct json_number n;
	if (c == '"')
		return json_read_string(t, &s);
	if (c == '-' || (c >= '0' && c <= '9'))
		return json_skip_number(t, &n);
	if (c != '{' && c != '[')
		return json_word(t, "null") || json_word(t, "true") || json_word(t, "false");
	if (depth == JSON_MAX_DEPTH)
		return json_wrong(t, t->at, "nested deeper than 256 levels");
	t->at++;
	return skim_items(t, c == '{', depth);
}

/* ---- whole texts ---- */

/* After the value: is there nothing but white space? */
static bool at_end(struct json_text *t)
{
	json_next(t);
	return t->at == t->end || json_wrong(t, t->at, "something after the value");
}

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
	json_word(&r.text, "\xef\xbb\xbf"); /* a byte order mark */
	json_next(&r.text);
	struct json_text look = r.text;
	if (place.want && !(skim(&look, 0) && at_end(&look)))
		return push_failure(L, &look);
	if (push_value(&r, place) && at_end(&r.text))
		return 1;
	return push_failure(L, &r.text);
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
	luaL_newlib(L, functions);
	json_pushnull(L);
	lua_setfield(L, -2, "null");
	return 1;
}
