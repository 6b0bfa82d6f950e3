/*
** buf.c: a growing byte buffer in a userdata.
*/
#include "buf.h"
#include "host.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TYPE "o2x.buf"

static const luaL_Reg no_methods[] = { { NULL, NULL } };

static void release(struct buf *b)
{
	if (b->wipe && b->data)
		explicit_bzero(b->data, b->cap);
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

static int buf_gc(lua_State *L)
{
	release(luaL_checkudata(L, 1, TYPE));
	return 0;
}

struct buf *buf_new(lua_State *L, bool wipe)
{
	if (luaL_getmetatable(L, TYPE) == LUA_TNIL)
		host_newtype(L, TYPE, no_methods, buf_gc);
	lua_pop(L, 1);
	struct buf *b = host_newuserdata(L, sizeof *b, TYPE);
	b->wipe = wipe;
	lua_toclose(L, -1);
	return b;
}

/* realloc may leave a copy behind, so a buffer that holds a secret moves by hand. */
static char *grow(struct buf *b, size_t cap)
{
	if (!b->wipe)
		return realloc(b->data, cap);
	char *data = malloc(cap);
	if (data && b->data) {
		memcpy(data, b->data, b->len);
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	return data;
}

char *buf_reserve(lua_State *L, struct buf *b, size_t len)
{
	if (len > SIZE_MAX / 4 - b->len)
		luaL_error(L, "buffer too large");
	size_t cap = b->cap ? b->cap : 256;
	while (cap < b->len + len)
		cap *= 2;
	if (cap > b->cap) {
		char *data = grow(b, cap);
		if (!data)
			luaL_error(L, "not enough memory");
		b->data = data;
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_add(lua_State *L, struct buf *b, const char *bytes, size_t len)
{
	if (!len)
		return;
	memcpy(buf_reserve(L, b, len), bytes, len);
	b->len += len;
}

void buf_addc(lua_State *L, struct buf *b, char c)
{
	*buf_reserve(L, b, 1) = c;
	b->len++;
}

void buf_adds(lua_State *L, struct buf *b, const char *text)
{
	buf_add(L, b, text, strlen(text));
}
