/*
** luabuffer.c: see luabuffer.h.
*/
#include "luabuffer.h"
#include "host.h"

#include <stdbool.h>
#include <string.h>

#define TYPE "o2x.luabuffer"
#define SPARE_TYPE "o2x.luabuffer.spare"

enum { SPARE_COUNT = 2, SPARE_MOST = 4096 /* bytes that are kept */ };

/*
** Buffers that are used again: an object for each call would cost more than what most calls write. A
** call that comes while another has them gets its own.
*/
struct spare {
	struct buffer buffers[SPARE_COUNT];
	bool taken;
};

static const char spare_key; /* its address is the key of the registry */

static const luaL_Reg no_methods[] = { { NULL, NULL } };

static int luabuffer_gc(lua_State *L)
{
	struct buffer *buffers = luaL_checkudata(L, 1, TYPE);
	for (size_t i = 0; i < lua_rawlen(L, 1) / sizeof *buffers; i++)
		buffer_free(&buffers[i]);
	return 0;
}

static int spare_gc(lua_State *L)
{
	struct spare *spare = luaL_checkudata(L, 1, SPARE_TYPE);
	for (int i = 0; i < SPARE_COUNT; i++)
		buffer_free(&spare->buffers[i]);
	return 0;
}

static int spare_close(lua_State *L)
{
	struct spare *spare = lua_touserdata(L, 1);
	for (int i = 0; i < SPARE_COUNT; i++)
		buffer_wipe(&spare->buffers[i], SPARE_MOST);
	spare->taken = false;
	return 0;
}

/* Pushes the object with the spare buffers. [-0, +1, m] */
static struct spare *push_spare(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &spare_key) == LUA_TUSERDATA)
		return lua_touserdata(L, -1);
	lua_pop(L, 1);
	host_newtype(L, SPARE_TYPE, no_methods, spare_gc);
	luaL_getmetatable(L, SPARE_TYPE);
	lua_pushcfunction(L, spare_close);
	lua_setfield(L, -2, "__close");
	lua_pop(L, 1);
	struct spare *spare = host_newuserdata(L, sizeof *spare, SPARE_TYPE);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &spare_key);
	return spare;
}

struct buffer *luabuffer_several(lua_State *L, size_t count)
{
	struct spare *spare = push_spare(L);
	if (!spare->taken && count <= SPARE_COUNT) {
		lua_toclose(L, -1);
		spare->taken = true;
		return spare->buffers;
	}
	lua_pop(L, 1);
	host_newtype(L, TYPE, no_methods, luabuffer_gc);
	struct buffer *buffers = host_newuserdata(L, count * sizeof *buffers, TYPE);
	lua_toclose(L, -1);
	return buffers;
}

struct buffer *luabuffer_new(lua_State *L)
{
	return luabuffer_several(L, 1);
}

void luabuffer_reserve(lua_State *L, struct buffer *b, size_t length)
{
	if (!buffer_reserve(b, length))
		luaL_error(L, "not enough memory");
}

void luabuffer_add(lua_State *L, struct buffer *b, const char *bytes, size_t length)
{
	if (length && !buffer_append(b, bytes, length))
		luaL_error(L, "not enough memory");
}

void luabuffer_adds(lua_State *L, struct buffer *b, const char *text)
{
	luabuffer_add(L, b, text, strlen(text));
}
