/*
** luabuffer.h: a struct buffer (buffer.h) that Lua owns: an error raised while it is being filled
** does not leak it.
*/
#ifndef O2X_LUABUFFER_H
#define O2X_LUABUFFER_H

#include <lua.h>

#include "buffer.h"

/*
** Pushes a new empty buffer, which is closed when the calling function returns (lua_toclose). [-0,
** +1, m]
*/
struct buffer *luabuffer_new(lua_State *L);

/* Append; raise when there is no memory. [-0, +0, m] */
void luabuffer_add(lua_State *L, struct buffer *b, const char *bytes, size_t length);
void luabuffer_addc(lua_State *L, struct buffer *b, char c);
void luabuffer_adds(lua_State *L, struct buffer *b, const char *text);

#endif
