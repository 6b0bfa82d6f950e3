/*
** keys.h: the keys of Lua tables that are written, in order: that of the table, if it has one, else
** sorted by bytes. One buffer has those of all tables that are being written, the innermost last.
*/
#ifndef O2X_KEYS_H
#define O2X_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "buffer.h"

struct key {
	const char *bytes; /* alive as long as the table */
	size_t length;
};

/*
** Adds the keys of a table, which are all strings, to the buffer. `count` is their number; `orders`
** is the index of a table map → its keys in their order, each once, or 0. -> where they begin; whoever
** is done with them sets the buffer's length to that. [-0, +0, m]
*/
size_t keys_take(lua_State *L, struct buffer *keys, int index, size_t count, int orders);

struct keys_found {
	size_t base, count;
	bool strings,
		sequence; /* are they all strings, or all of 1 to count? An empty table has both */
};

/*
** Looks at all keys of a table, and takes them as keys_take does if they are all strings. [-0, +0, m]
*/
struct keys_found keys_look(lua_State *L, struct buffer *keys, int index);

/* Pushes the key with this number, from 0, and its value. [-0, +2, m] */
struct key keys_push(lua_State *L, const struct buffer *keys, size_t base, size_t number,
		     int index);

#endif
