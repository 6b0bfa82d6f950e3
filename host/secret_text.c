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

/* All texts, and all public ones. */
static struct secret_text *all;
static struct public_text {
	struct public_text *next;
	size_t length;
	char bytes[];
} * public_texts;

struct secret_text *secret_text_new(size_t length)
{
	struct secret_text *text = calloc(1, sizeof *text);
	if (!text)
		return NULL;
	text->entry.bytes = secret_memory_new(length + 1);
	text->entry.length = length;
	if (!text->entry.bytes) {
		free(text);
		return NULL;
	}
	text->other = all;
	text->link = &all;
	if (all)
		all->link = &text->other;
	all = text;
	return text;
}

static bool is_text(const struct secret_text *text, const char *bytes, size_t length)
{
	return text->entry.length == length && !memcmp(text->entry.bytes, bytes, length);
}

void secret_text_mask(struct secret_text *text)
{
	for (const struct public_text *one = public_texts; one; one = one->next)
		if (is_text(text, one->bytes, one->length))
			return;
	scrub_add(&text->entry);
}

bool secret_text_publish(const char *bytes, size_t length)
{
	struct public_text *one = public_texts;
	while (one && (one->length != length || memcmp(one->bytes, bytes, length)))
		one = one->next;
	if (one)
		return true;
	one = malloc(sizeof *one + length);
	if (!one)
		return false;
	one->length = length;
	memcpy(one->bytes, bytes, length);
	one->next = public_texts;
	public_texts = one;
	for (struct secret_text *text = all; text; text = text->other)
		if (is_text(text, bytes, length))
			scrub_remove(&text->entry);
	return true;
}

void secret_text_free(struct secret_text *text)
{
	scrub_remove(&text->entry);
	*text->link = text->other;
	if (text->other)
		text->other->link = text->link;
	secret_memory_free(text->entry.bytes, text->entry.length + 1);
	free(text);
}

static bool is_retired(const struct secret_text *text)
{
	for (const struct secret_text *other = first; other; other = other->next)
		if (is_text(other, text->entry.bytes, text->entry.length))
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
