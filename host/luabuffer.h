/*
** luabuffer.h: a struct buffer (buffer.h) that Lua owns: an error raised while it is being filled
** does not leak it.
*/
#ifndef O2X_LUABUFFER_H
#define O2X_LUABUFFER_H

#include <lua.h>

#include "buffer.h"

/*
** Pushes `count` new empty buffers in one object, which is closed when the calling function returns (lua_toclose). [-0,
** +1, m]
*/
struct buffer *luabuffer_several(lua_State *L, size_t count);

/* The same for one. */
struct buffer *luabuffer_new(lua_State *L);

/* Makes room for that many more bytes; raises when there is no memory. [-0, +0, m] */
void luabuffer_reserve(lua_State *L, struct buffer *b, size_t length);

/* Append; raise when there is no memory. [-0, +0, m] */
void luabuffer_add(lua_State *L, struct buffer *b, const char *bytes, size_t length);
void luabuffer_adds(lua_State *L, struct buffer *b, const char *text);

static inline void luabuffer_addc(lua_State *L, struct buffer *b, char c)
{
	if (b->length < b->capacity)
		b->bytes[b->length++] = c;
	else
		luabuffer_add(L, b, &c, 1);
}

#endif
