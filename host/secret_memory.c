/*
** secret_memory.c: see secret_memory.h. Small secrets share mapped chunks, one list of free cells
** for each of four cell sizes. A larger one has a mapping of its own. A chunk is kept for the life
** of the process. When the limit of locked memory (RLIMIT_MEMLOCK) is reached, the rest stays
** unlocked: a run must not fail for that.
*/
#include "secret_memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK = 65536, CLASSES = 4 };

static const size_t cell_sizes[CLASSES] = { 64, 256, 1024, 4096 };

struct cell {
	struct cell *next;
};

static struct cell *free_cells[CLASSES];

/* Bytes of all secrets together: they are outside of the heap of Lua, whose size is limited. */
#define MOST ((size_t)512 << 20)
static size_t held;

/* The sanitizers see no errors in memory that does not come from malloc. */
#if defined(__SANITIZE_ADDRESS__)
#define PLAIN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PLAIN true
#endif
#endif
#ifndef PLAIN
#define PLAIN false
#endif

static char *map(size_t size)
{
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return NULL;
	(void)mlock(bytes, size);
	(void)madvise(bytes, size, MADV_DONTDUMP);
	return bytes;
}

/* The index of the smallest cell that fits, or CLASSES. */
static int class_of(size_t size)
{
	int class = 0;
	while (class < CLASSES && cell_sizes[class] < size)
		class ++;
	return class;
}

static bool add_chunk(int class)
{
	char *bytes = map(CHUNK);
	for (size_t at = 0; bytes && at < CHUNK; at += cell_sizes[class]) {
		struct cell *cell = (struct cell *)(void *)(bytes + at);
		cell->next = free_cells[class];
		free_cells[class] = cell;
	}
	return bytes != NULL;
}

static char *take(size_t size)
{
	if (PLAIN)
		return calloc(1, size ? size : 1);
	int class = class_of(size);
	if (class == CLASSES)
		return map(size);
	if (!free_cells[class] && !add_chunk(class))
		return NULL;
	struct cell *cell = free_cells[class];
	free_cells[class] = cell->next;
	cell->next = NULL;
	return (char *)cell;
}

char *secret_memory_new(size_t size)
{
	if (size > MOST - held)
		return NULL;
	char *bytes = take(size);
	if (bytes)
		held += size;
	return bytes;
}

void secret_memory_free(char *bytes, size_t size)
{
	if (!bytes)
		return;
	held -= size;
	explicit_bzero(bytes, size);
	if (PLAIN) {
		free(bytes);
		return;
	}
	int class = class_of(size);
	if (class == CLASSES) {
		munmap(bytes, size);
		return;
	}
	struct cell *cell = (struct cell *)(void *)bytes;
	cell->next = free_cells[class];
	free_cells[class] = cell;
}
