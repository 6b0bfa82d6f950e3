/*
** json.c: the floor of bench/json*.lua: cJSON to Lua tables, Lua tables to text by cJSON. Without
** checks: no exact integers, no \u0000, no limits, no places in errors, keys in any order.
**
**     json decode|encode FILE TIMES
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <lauxlib.h>
#include <lua.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void push_value(lua_State *L, const cJSON *item)
{
	lua_Integer i = 0;
	luaL_checkstack(L, 8, NULL);
	switch (item->type & 0xff) {
	case cJSON_False: lua_pushboolean(L, 0); break;
	case cJSON_True: lua_pushboolean(L, 1); break;
	case cJSON_NULL: lua_pushlightuserdata(L, NULL); break;
	case cJSON_Number: lua_pushnumber(L, item->valuedouble); break;
	case cJSON_String: lua_pushstring(L, item->valuestring); break;
	case cJSON_Array:
		lua_newtable(L);
		for (item = item->child; item; item = item->next) {
			push_value(L, item);
			lua_rawseti(L, -2, ++i);
		}
		break;
	default:
		lua_newtable(L);
		for (item = item->child; item; item = item->next) {
			lua_pushstring(L, item->string);
			push_value(L, item);
			lua_rawset(L, -3);
		}
	}
}

static cJSON *to_item(lua_State *L)
{
	int top = lua_gettop(L);
	cJSON *item = NULL;
	luaL_checkstack(L, 8, NULL);
	switch (lua_type(L, -1)) {
	case LUA_TBOOLEAN: return cJSON_CreateBool(lua_toboolean(L, -1));
	case LUA_TNUMBER: return cJSON_CreateNumber(lua_tonumber(L, -1));
	case LUA_TSTRING: return cJSON_CreateString(lua_tostring(L, -1));
	case LUA_TTABLE: break;
	default: return cJSON_CreateNull();
	}
	lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
	item = count ? cJSON_CreateArray() : cJSON_CreateObject();
	for (lua_Integer i = 1; i <= count; i++) {
		lua_rawgeti(L, top, i);
		cJSON_AddItemToArray(item, to_item(L));
		lua_pop(L, 1);
	}
	for (lua_pushnil(L); !count && lua_next(L, top); lua_pop(L, 1))
		cJSON_AddItemToObject(item, lua_tostring(L, -2), to_item(L));
	lua_settop(L, top);
	return item;
}

static char *read_file(const char *path, size_t *length)
{
	static char text[8 << 20];
	FILE *file = fopen(path, "r");
	if (!file)
		exit(1);
	*length = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	return text;
}

static void decode(lua_State *L, const char *text, size_t length)
{
	cJSON *root = cJSON_ParseWithLength(text, length);
	if (!root)
		exit(1);
	push_value(L, root);
	cJSON_Delete(root);
}

static size_t encode(lua_State *L)
{
	cJSON *root = to_item(L);
	char *text = cJSON_PrintUnformatted(root);
	size_t length = strlen(text);
	lua_pop(L, 1);
	cJSON_free(text);
	cJSON_Delete(root);
	return length;
}

int main(int argc, char **argv)
{
	size_t length, total = 0;
	if (argc < 4)
		return 1;
	const char *text = read_file(argv[2], &length);
	lua_State *L = luaL_newstate();
	int encoding = !strcmp(argv[1], "encode");
	if (encoding)
		decode(L, text, length);
	double start = now();
	for (int i = atoi(argv[3]); i > 0; i--) {
		if (encoding)
			lua_pushvalue(L, 1);
		else
			decode(L, text, length);
		if (encoding)
			total += encode(L);
		else
			lua_pop(L, 1);
	}
	printf("bytes: %zu\nfigure: %.6f\n", total, now() - start);
	return 0;
}
