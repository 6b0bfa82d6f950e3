/*
** heap.c: see heap.h.
*/
#include "heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (64u * 1024)

struct heap_block {
	struct heap_block *next;
};

struct heap_chunk {
	_Alignas(HEAP_STEP) struct heap_chunk *next;
	size_t idle; /* bytes of free blocks, while idle chunks are looked for */
};

enum { FEW = 32 }; /* less than one in so many idle chunks is not worth a look at all blocks */

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

/* ---- idle chunks ---- */

/* All chunks, by address. */
struct index {
	struct heap_chunk **chunks;
	size_t count, last; /* where the last block was found */
};

static int by_address(const void *left, const void *right)
{
	uintptr_t a = (uintptr_t) * (struct heap_chunk *const *)left;
	uintptr_t b = (uintptr_t) * (struct heap_chunk *const *)right;
	return (a > b) - (a < b);
}

static bool make_index(struct index *index, const struct heap *heap)
{
	for (struct heap_chunk *chunk = heap->chunks; chunk; chunk = chunk->next)
		index->count++;
	index->chunks = malloc(index->count * sizeof(struct heap_chunk *) + 1);
	if (!index->chunks)
		return false;
	size_t i = 0;
	for (struct heap_chunk *chunk = heap->chunks; chunk; chunk = chunk->next) {
		chunk->idle = 0;
		index->chunks[i++] = chunk;
	}
	qsort(index->chunks, index->count, sizeof(struct heap_chunk *), by_address);
	return true;
}

static bool is_in(const struct heap_chunk *chunk, const void *block)
{
	return (uintptr_t)block - (uintptr_t)chunk < CHUNK;
}

/* The chunk of a block; NULL: it is one that was large once. */
static struct heap_chunk *chunk_of(struct index *index, const void *block)
{
	size_t from = 0, to = index->count;
	if (index->count > 0 && is_in(index->chunks[index->last], block))
		return index->chunks[index->last];
	while (to - from > 1) {
		size_t middle = from + (to - from) / 2;
		if ((uintptr_t)index->chunks[middle] <= (uintptr_t)block)
			from = middle;
		else
			to = middle;
	}
	if (index->count == 0 || !is_in(index->chunks[from], block))
		return NULL;
	index->last = from;
	return index->chunks[from];
}

static bool is_idle(const struct heap_chunk *chunk)
{
	return chunk && chunk->idle == CHUNK - sizeof *chunk;
}

static void count_idle(struct heap *heap, struct index *index)
{
	for (size_t i = 0; i < HEAP_LISTS; i++)
		for (struct heap_block *block = heap->lists[i]; block; block = block->next) {
			struct heap_chunk *chunk = chunk_of(index, block);
			if (chunk)
				chunk->idle += (i + 1) * HEAP_STEP;
		}
}

static void forget_idle(struct heap *heap, struct index *index)
{
	for (size_t i = 0; i < HEAP_LISTS; i++)
		for (struct heap_block **link = &heap->lists[i]; *link;)
			if (is_idle(chunk_of(index, *link)))
				*link = (*link)->next;
			else
				link = &(*link)->next;
}

static void free_idle(struct heap *heap)
{
	for (struct heap_chunk **link = &heap->chunks; *link;) {
		struct heap_chunk *chunk = *link;
		if (is_idle(chunk)) {
			*link = chunk->next;
			free(chunk);
			heap->held -= CHUNK;
		} else {
			link = &chunk->next;
		}
	}
}

/* What is left of the newest chunk becomes a free block of its size. */
static void end_chunk(struct heap *heap)
{
	while (heap->at < heap->end) {
		size_t left = (size_t)(heap->end - heap->at), most = HEAP_STEP * HEAP_LISTS;
		put(heap, heap->at, left < most ? left : most);
		heap->at += left < most ? left : most;
	}
}

/* Gives idle chunks back. -> false: there were few */
static bool trim(struct heap *heap)
{
	struct index index = { 0 };
	size_t before = heap->held;
	end_chunk(heap);
	if (!make_index(&index, heap))
		return false;
	count_idle(heap, &index);
	forget_idle(heap, &index);
	free_idle(heap);
	free(index.chunks);
	return before - heap->held > before / FEW;
}

/* ---- memory of the system ---- */

/* May it hold so many bytes more? */
static bool may_hold(struct heap *heap, size_t more)
{
	if (!heap->most || more == 0 || heap->held + more <= heap->most)
		return true;
	return heap->chunks && trim(heap) && heap->held + more <= heap->most;
}

static void *resize_large(struct heap *heap, void *block, size_t old_size, size_t size)
{
	if (!may_hold(heap, size > old_size ? size - old_size : 0))
		return NULL;
	void *fresh = realloc(block, size);
	if (fresh)
		heap->held = heap->held - old_size + size;
	return fresh;
}

static bool new_chunk(struct heap *heap)
{
	end_chunk(heap);
	struct heap_chunk *chunk = may_hold(heap, CHUNK) ? malloc(CHUNK) : NULL;
	if (!chunk)
		return false;
	heap->held += CHUNK;
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
	return is_small(heap, size) ? take(heap, size) : resize_large(heap, NULL, 0, size);
}

static void drop(struct heap *heap, void *block, size_t size)
{
	if (is_small(heap, size)) {
		put(heap, block, size);
		return;
	}
	free(block);
	heap->held -= size;
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
		return resize_large(heap, block, old_size, size);
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
