/*
** secret_clean.c: see secret_clean.h. The memory is a table: text → true, besides the generation of
** the secrets it is right for, and the bytes that its texts have.
*/
#include "secret_clean.h"
#include "scrub.h"

enum {
	GENERATION = 1,
	BYTES = 2,
	LONGEST = 64 * 1024, /* a text that is worth it */
	MOST = 1024 * 1024,  /* bytes of all; then the memory begins again */
};

static const char key; /* its address is the key in the registry */

static lua_Integer get(lua_State *L, int memory, int field)
{
	lua_rawgeti(L, memory, field);
	lua_Integer value = lua_tointeger(L, -1);
	lua_pop(L, 1);
	return value;
}

static void set(lua_State *L, int memory, int field, lua_Integer value)
{
	lua_pushinteger(L, value);
	lua_rawseti(L, memory, field);
}

void secret_push_clean(lua_State *L)
{
	lua_Integer generation = (lua_Integer)scrub_generation();
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TTABLE &&
	    get(L, lua_gettop(L), GENERATION) == generation && get(L, lua_gettop(L), BYTES) <= MOST)
		return;
	lua_pop(L, 1);
	lua_createtable(L, 2, 0);
	set(L, lua_gettop(L), GENERATION, generation);
	set(L, lua_gettop(L), BYTES, 0);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}

bool secret_is_clean(lua_State *L, int memory, int idx)
{
	lua_pushvalue(L, idx);
	bool clean = lua_rawget(L, memory) == LUA_TBOOLEAN;
	lua_pop(L, 1);
	return clean;
}

void secret_note_clean(lua_State *L, int memory, int idx)
{
	size_t length = lua_rawlen(L, idx);
	if (length > LONGEST)
		return;
	lua_pushvalue(L, idx);
	lua_pushboolean(L, 1);
	lua_rawset(L, memory);
	set(L, memory, BYTES, get(L, memory, BYTES) + (lua_Integer)length);
}
