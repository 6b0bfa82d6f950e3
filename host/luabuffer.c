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
	buffer_free(luaL_checkudata(L, 1, TYPE));
	return 0;
}

struct buffer *luabuffer_new(lua_State *L)
{
	host_newtype(L, TYPE, no_methods, luabuffer_gc);
	struct buffer *b = host_newuserdata(L, sizeof *b, TYPE);
	lua_toclose(L, -1);
	return b;
}

void luabuffer_add(lua_State *L, struct buffer *b, const char *bytes, size_t length)
{
	if (length && !buffer_append(b, bytes, length))
		luaL_error(L, "not enough memory");
}

void luabuffer_addc(lua_State *L, struct buffer *b, char c)
{
	luabuffer_add(L, b, &c, 1);
}

void luabuffer_adds(lua_State *L, struct buffer *b, const char *text)
{
	luabuffer_add(L, b, text, strlen(text));
}
