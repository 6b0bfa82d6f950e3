/*
** scrub_index.c: what the search looks for, sorted by first byte.
**
** A secret is looked for without the white space around it, because programs trim what they read;
** with it if it is too short otherwise.
** The lines of a PEM block also count one by one, because programs print keys line by line.
*/
#include "scrub.h"
#include "scrub_search.h"

#include <stdlib.h>
#include <string.h>

/* Calls see for each needle of a secret. */
static void each_needle(const struct scrub_entry *entry,
			void (*see)(struct scrub_index *, const struct scrub_needle *),
			struct scrub_index *index)
{
	struct scrub_needle needle = { entry->bytes, entry->length, entry };
	while (needle.length && scrub_is_space((unsigned char)*needle.bytes))
		needle.bytes++, needle.length--;
	while (needle.length && scrub_is_space((unsigned char)needle.bytes[needle.length - 1]))
		needle.length--;
	if (needle.length == 0 || entry->length < SCRUB_SHORTEST)
		return; /* white space alone is everywhere */
	if (needle.length < SCRUB_SHORTEST)
		needle = (struct scrub_needle){ entry->bytes, entry->length, entry };
	see(index, &needle);
	if (needle.length < 11 || memcmp(needle.bytes, "-----BEGIN ", 11) != 0)
		return;
	const char *at = needle.bytes, *end = at + needle.length;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		size_t length = (size_t)(stop - at);
		if (length && at[length - 1] == '\r')
			length--;
		if (length >= SCRUB_SHORTEST && *at != '-')
			see(index, &(struct scrub_needle){ at, length, entry });
		at = stop + 1;
	}
}

/*
** The bytes with which a match of the needle can begin in a text, apart from escapes: its own, and
** what programs show for it: a question mark, or the first byte of U+FFFD.
*/
static int first_bytes(const struct scrub_needle *needle, unsigned char firsts[3])
{
	int count = 0;
	unsigned char own = (unsigned char)*needle->bytes;
	firsts[count++] = own;
	if (scrub_is_odd(own))
		firsts[count++] = '?';
	if (own >= 0x80 && own != 0xef)
		firsts[count++] = 0xef;
	return count;
}

static void count(struct scrub_index *index, const struct scrub_needle *needle)
{
	unsigned char firsts[3];
	for (int i = first_bytes(needle, firsts); i-- > 0;)
		index->from[firsts[i] + 1]++;
	if (needle->length > index->longest)
		index->longest = needle->length;
}

static void allow(struct scrub_index *index, unsigned first, unsigned second)
{
	index->pairs[(first << 8 | second) >> 3] |= (unsigned char)(1u << (second & 7));
}

/* The bytes of a text that can follow: the needle's second one, or the begin of an escape for it. */
static void allow_pairs(struct scrub_index *index, unsigned first, unsigned char second)
{
	static const char spaces[] = " \t\n\v\f\r";
	allow(index, first, second);
	for (const char *c = scrub_escape_marks; *c; c++)
		allow(index, first, (unsigned char)*c);
	for (const char *c = spaces; *c && scrub_is_space(second); c++)
		allow(index, first, (unsigned char)*c);
	if (scrub_is_odd(second))
		allow(index, first, '?');
}

/* from[b] counts up here to where the needles of b + 1 begin; finish sets it back. */
static void place(struct scrub_index *index, const struct scrub_needle *needle)
{
	unsigned char firsts[3];
	unsigned char second = (unsigned char)needle->bytes[1];
	for (int i = first_bytes(needle, firsts); i-- > 0;) {
		index->needles[index->from[firsts[i]]++] = *needle;
		if (i == 0)
			allow_pairs(index, firsts[i], second);
		else
			memset(index->pairs + firsts[i] * 32, 0xff, 32);
	}
}

static void note_any(struct scrub_index *index, const struct scrub_needle *needle)
{
	index->longest = needle->length;
}

int scrub_can_find(const struct scrub_entry *entry)
{
	struct scrub_index index = { .longest = 0 };
	each_needle(entry, note_any, &index);
	return index.longest > 0;
}

bool scrub_index_make(struct scrub_index *index, const struct scrub_entry *entries)
{
	memset(index, 0, sizeof *index);
	for (const struct scrub_entry *entry = entries; entry; entry = entry->next)
		each_needle(entry, count, index);
	for (int i = 0; i < 256; i++)
		index->from[i + 1] += index->from[i];
	index->needles = malloc(index->from[256] * sizeof *index->needles + 1);
	if (!index->needles)
		return false;
	for (const struct scrub_entry *entry = entries; entry; entry = entry->next)
		each_needle(entry, place, index);
	memmove(index->from + 1, index->from, 256 * sizeof *index->from);
	index->from[0] = 0;
	for (int i = 0; i < 256; i++)
		index->stops[i] = scrub_escapes[i] || index->from[i] < index->from[i + 1];
	return true;
}

void scrub_index_free(struct scrub_index *index)
{
	free(index->needles);
	index->needles = NULL;
}
