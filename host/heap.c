/*
** heap.c: see heap.h.
*/
#include "heap.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK (64u * 1024)

struct heap_block {
	struct heap_block *next;
};

struct heap_chunk {
	_Alignas(HEAP_STEP) struct heap_chunk *next;
};

static bool is_small(const struct heap *heap, size_t size)
{
	return size <= HEAP_STEP * HEAP_LISTS && !heap->off;
}

static size_t list_of(size_t size)
{
	return (size - 1) / HEAP_STEP;
}

static void put(struct heap *heap, void *memory, size_t size)
{
	struct heap_block *block = memory;
	block->next = heap->lists[list_of(size)];
	heap->lists[list_of(size)] = block;
}

/* What is left of the old chunk is a free block of its size. */
static bool new_chunk(struct heap *heap)
{
	struct heap_chunk *chunk = malloc(CHUNK);
	if (!chunk)
		return false;
	if (heap->at < heap->end)
		put(heap, heap->at, (size_t)(heap->end - heap->at));
	chunk->next = heap->chunks;
	heap->chunks = chunk;
	heap->at = (char *)(chunk + 1);
	heap->end = (char *)chunk + CHUNK;
	return true;
}

static void *take(struct heap *heap, size_t size)
{
	struct heap_block *block = heap->lists[list_of(size)];
	if (block) {
		heap->lists[list_of(size)] = block->next;
		return block;
	}
	size = (list_of(size) + 1) * HEAP_STEP;
	if ((size_t)(heap->end - heap->at) < size && !new_chunk(heap))
		return NULL;
	heap->at += size;
	return heap->at - size;
}

static void *get(struct heap *heap, size_t size)
{
	return is_small(heap, size) ? take(heap, size) : malloc(size);
}

static void drop(struct heap *heap, void *block, size_t size)
{
	if (is_small(heap, size) && block)
		put(heap, block, size);
	else
		free(block);
}

static void *move(struct heap *heap, void *block, size_t old_size, size_t size)
{
	void *fresh = get(heap, size);
	if (!fresh) /* too large a block may pass for a small one */
		return size < old_size ? block : NULL;
	memcpy(fresh, block, old_size < size ? old_size : size);
	drop(heap, block, old_size);
	return fresh;
}

void *heap_resize(struct heap *heap, void *block, size_t old_size, size_t size)
{
	if (!block)
		return get(heap, size);
	if (size == 0) {
		drop(heap, block, old_size);
		return NULL;
	}
	bool was_small = is_small(heap, old_size), small = is_small(heap, size);
	if (!was_small && !small)
		return realloc(block, size);
	if (was_small && small && list_of(old_size) == list_of(size))
		return block;
	return move(heap, block, old_size, size);
}

void heap_free(struct heap *heap)
{
	for (struct heap_chunk *chunk; (chunk = heap->chunks);) {
		heap->chunks = chunk->next;
		free(chunk);
	}
	*heap = (struct heap){ .off = heap->off };
}
