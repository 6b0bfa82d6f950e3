/*
** luabuffer.c: see luabuffer.h.
*/
#include "luabuffer.h"
#include "host.h"

#include <string.h>

#define TYPE "o2x.luabuffer"

static const luaL_Reg no_methods[] = { { NULL, NULL } };

static int luabuffer_gc(lua_State *L)
{
	struct buffer *buffers = luaL_checkudata(L, 1, TYPE);
	for (size_t i = 0; i < lua_rawlen(L, 1) / sizeof *buffers; i++)
		buffer_free(&buffers[i]);
	return 0;
}

struct buffer *luabuffer_several(lua_State *L, size_t count)
{
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
