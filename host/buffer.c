/*
** buffer.c: see buffer.h.
*/
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

/* Not realloc: that would leave the old bytes behind in freed memory. */
static bool grow(struct buffer *buffer, size_t need)
{
	size_t capacity = buffer->capacity ? buffer->capacity : 512;
	while (capacity < need)
		capacity *= 2;
	char *bytes = malloc(capacity);
	if (!bytes)
		return false;
	size_t length = buffer->length;
	if (length)
		memcpy(bytes, buffer->bytes, length);
	buffer_free(buffer);
	*buffer = (struct buffer){ .bytes = bytes, .length = length, .capacity = capacity };
	return true;
}

bool buffer_reserve(struct buffer *buffer, size_t length)
{
	if (length > (size_t)-1 / 4 - buffer->length)
		return false;
	return length <= buffer->capacity - buffer->length || grow(buffer, buffer->length + length);
}

void buffer_consume(struct buffer *buffer, size_t length)
{
	if (length < buffer->length)
		memmove(buffer->bytes, buffer->bytes + length, buffer->length - length);
	buffer->length -= length < buffer->length ? length : buffer->length;
}

void buffer_free(struct buffer *buffer)
{
	if (buffer->bytes)
		explicit_bzero(buffer->bytes, buffer->capacity);
	free(buffer->bytes);
	*buffer = (struct buffer){ 0 };
}

void buffer_wipe(struct buffer *buffer, size_t most)
{
	if (buffer->capacity > most) {
		buffer_free(buffer);
		return;
	}
	if (buffer->bytes)
		explicit_bzero(buffer->bytes, buffer->capacity);
	buffer->length = 0;
}
