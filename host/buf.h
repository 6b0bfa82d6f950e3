/* buf.h: a growing byte buffer in a userdata: an error raised while it is being filled cannot leak it. */
#ifndef O2X_BUF_H
#define O2X_BUF_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len, cap;
	bool wipe; /* holds a secret: cleared before its memory goes back */
};

/* [-0, +1, m] Pushes a new empty buffer, to be closed with the function that asked for it (lua_toclose). */
struct buf *buf_new(lua_State *L, bool wipe);

/* [-0, +0, m] Appends; the stack is not touched. */
void buf_add(lua_State *L, struct buf *b, const char *bytes, size_t len);
void buf_addc(lua_State *L, struct buf *b, char c);
void buf_adds(lua_State *L, struct buf *b, const char *text);

/* [-0, +0, m] Makes room for `len` more bytes and gives the place to write them to; the caller adds to `len`. */
char *buf_reserve(lua_State *L, struct buf *b, size_t len);

#endif
