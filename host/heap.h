/*
** heap.h: Lua's memory. Nearly all of its blocks are small and of a few sizes, and live briefly: a
** free block is kept in the list of its size and is the next one's. Other sizes cannot use it, so where
** memory runs out, chunks in which nothing lives go back to the system.
*/
#ifndef O2X_HEAP_H
#define O2X_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#define HEAP_STEP 16u  /* sizes are multiples of it */
#define HEAP_LISTS 32u /* up to 512 bytes; larger blocks are malloc's */

struct heap {
	struct heap_block *lists[HEAP_LISTS];
	char *at, *end; /* what is left of the newest chunk */
	struct heap_chunk *chunks;
	size_t held; /* bytes that it has from the system: of chunks and of large blocks */
	size_t most; /* limit of held; 0: none */
	bool off;    /* every block is malloc's, so that a tool sees each */
};

/*
** As lua_Alloc wants it: a block of another size with the same bytes; size 0 frees it. -> NULL: no
** memory, and the old block is as it was. A block that shrinks never fails.
*/
void *heap_resize(struct heap *heap, void *block, size_t old_size, size_t size);

/* Gives all small blocks back. */
void heap_free(struct heap *heap);

#endif
