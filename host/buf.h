/* buf.h: a struct buffer owned by Lua: an error raised while it is being filled cannot leak it. */
#ifndef O2X_BUF_H
#define O2X_BUF_H

#include <lua.h>

#include "buffer.h"

/*
** [-0, +1, m] Pushes a new empty buffer, to be closed with the function that asked for it
** (lua_toclose).
*/
struct buffer *buf_new(lua_State *L);

/* [-0, +0, m] Append; the stack is not touched. */
void buf_add(lua_State *L, struct buffer *b, const char *bytes, size_t length);
void buf_addc(lua_State *L, struct buffer *b, char c);
void buf_adds(lua_State *L, struct buffer *b, const char *text);

#endif
