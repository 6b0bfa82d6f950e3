/*
** buffer.h: a growable run of bytes for C that must not touch Lua. It may hold secrets, so it wipes
** what it leaves.
*/
#ifndef O2X_BUFFER_H
#define O2X_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *bytes;
	size_t length, capacity;
};

/* Appends; false (and no change) when there is no memory. */
bool buffer_append(struct buffer *buffer, const void *bytes, size_t length);

/* Drops the first bytes. */
void buffer_consume(struct buffer *buffer, size_t length);

/* Wipes and frees; the buffer is empty and usable afterwards. */
void buffer_free(struct buffer *buffer);

#endif
