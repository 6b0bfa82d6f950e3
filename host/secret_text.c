/*
** secret_text.c: see secret_text.h.
*/
#include "secret_text.h"
#include "secret_memory.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1024, LONGEST = 4096 };

/* The retired ones, oldest first. One list for the process, as in scrub.c. */
static struct secret_text *first, *last;
static size_t count;

struct secret_text *secret_text_new(size_t length)
{
	struct secret_text *text = calloc(1, sizeof *text);
	if (!text)
		return NULL;
	text->entry.bytes = secret_memory_new(length + 1);
	text->entry.length = length;
	if (text->entry.bytes)
		return text;
	free(text);
	return NULL;
}

void secret_text_free(struct secret_text *text)
{
	scrub_remove(&text->entry);
	secret_memory_free(text->entry.bytes, text->entry.length + 1);
	free(text);
}

static bool is_retired(const struct secret_text *text)
{
	for (const struct secret_text *other = first; other; other = other->next)
		if (other->entry.length == text->entry.length &&
		    !memcmp(other->entry.bytes, text->entry.bytes, text->entry.length))
			return true;
	return false;
}

static void free_oldest(void)
{
	struct secret_text *oldest = first;
	first = oldest->next;
	if (!first)
		last = NULL;
	count--;
	secret_text_free(oldest);
}

void secret_text_retire(struct secret_text *text)
{
	size_t length = text->entry.length;
	bool masked = text->entry.link && length >= SCRUB_SHORTEST && length <= LONGEST;
	if (!masked || text->message || is_retired(text)) {
		secret_text_free(text);
		return;
	}
	if (last)
		last->next = text;
	else
		first = text;
	last = text;
	if (++count > MOST)
		free_oldest();
}
