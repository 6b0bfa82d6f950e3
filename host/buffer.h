/*
** buffer.h: a growable byte buffer for C code that must not touch Lua (luabuffer.h is the one for
** code that does). It may hold secrets, so it wipes the memory that it gives back.
*/
#ifndef O2X_BUFFER_H
#define O2X_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buffer {
	char *bytes;
	size_t length, capacity;
};

/* Makes room for that many more bytes; false (and no change) when there is no memory. */
bool buffer_reserve(struct buffer *buffer, size_t length);

/* Appends; false (and no change) when there is no memory. */
static inline bool buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
	if (length > buffer->capacity - buffer->length && !buffer_reserve(buffer, length))
		return false;
	if (length)
		memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
	return true;
}

/* Drops the first bytes. */
void buffer_consume(struct buffer *buffer, size_t length);

/* Wipes and empties; keeps the memory for what comes next, if it is not more than most bytes. */
void buffer_wipe(struct buffer *buffer, size_t most);

/* Wipes and frees; the buffer is empty and usable afterwards. */
void buffer_free(struct buffer *buffer);

#endif
