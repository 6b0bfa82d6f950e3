/*
** scrub.c: masks secrets in text that leaves the program. All secrets are searched first, in the
** original text; then what was found is masked at once, so that a secret which is part of another
** one, or overlaps it, leaves nothing of either.
*/
#include "scrub.h"
#include "scrub_search.h"

#include <stdlib.h>
#include <string.h>

/* ---- the live secrets ---- */

/*
** All live secrets, and their index while neither has changed. The list belongs to secret.c, whose
** userdata add and remove themselves. It is one for the process, not for the host: no secret of
** anybody may leave the process, and text must be masked where no Lua state is at hand.
*/
static struct scrub_entry *entries;
static struct scrub_index index_of_entries;
static bool indexed;
static unsigned long generation;

static void forget_index(void)
{
	if (indexed)
		scrub_index_free(&index_of_entries);
	indexed = false;
}

void scrub_add(struct scrub_entry *entry)
{
	forget_index();
	generation++;
	entry->next = entries;
	entry->link = &entries;
	if (entries)
		entries->link = &entry->next;
	entries = entry;
}

void scrub_remove(struct scrub_entry *entry)
{
	if (!entry->link)
		return;
	forget_index();
	*entry->link = entry->next;
	if (entry->next)
		entry->next->link = entry->link;
	entry->link = NULL;
}

unsigned long scrub_generation(void)
{
	return generation;
}

/* ---- the search ---- */

struct search {
	const struct scrub_index *index;
	size_t offset;  /* of the part of the text that is searched now */
	size_t allowed; /* bytes that may still be decoded in this part */
	struct scrub_range *ranges;
	size_t count, room;
	bool places; /* where is it? Otherwise: is there any? */
	bool failed;
};

static void add_range(struct search *search, struct scrub_range range)
{
	struct scrub_range *last = search->count ? &search->ranges[search->count - 1] : NULL;
	if (last && last->from <= range.from && range.from <= last->to) {
		last->to = range.to > last->to ? range.to : last->to;
		return;
	}
	if (search->count == search->room) {
		size_t room = search->room ? 2 * search->room : 16;
		struct scrub_range *more = realloc(search->ranges, room * sizeof *more);
		if (!more) {
			search->failed = true;
			return;
		}
		search->ranges = more;
		search->room = room;
	}
	search->ranges[search->count++] = range;
}

/* Tries the needles that can begin with that byte, at one place. */
static void try_needles(struct search *search, const struct scrub_stream *stream, size_t at,
			unsigned char first)
{
	size_t end;
	for (size_t i = search->index->from[first]; i < search->index->from[first + 1]; i++) {
		const struct scrub_needle *needle = &search->index->needles[i];
		if (!scrub_match(stream, at, needle, &end) || end <= at)
			continue;
		add_range(search, (struct scrub_range){ search->offset + scrub_start(stream, at),
							search->offset + scrub_end(stream, end - 1),
							needle->entry });
	}
}

static bool may_begin(const struct scrub_index *index, unsigned first, unsigned second)
{
	return index->pairs[(first << 8 | second) >> 3] & 1u << (second & 7);
}

static void search_plain(struct search *search, const struct scrub_stream *stream)
{
	struct scrub_unit units[SCRUB_UNITS];
	const struct scrub_index *index = search->index;
	for (size_t at = 0; at + 1 < stream->length; at++) {
		unsigned char c = stream->bytes[at];
		if (!index->stops[c])
			continue;
		if (may_begin(index, c, stream->bytes[at + 1]))
			try_needles(search, stream, at, c);
		if (!scrub_escapes[c])
			continue;
		int count = scrub_units(stream->bytes + at, stream->length - at, units);
		for (int i = 0; i < count; i++)
			if (units[i].length)
				try_needles(search, stream, at, units[i].bytes[0]);
	}
}

/* One block for what every search needs: most texts are short. */
static bool make_room(struct scrub_room *room, size_t length, bool places)
{
	memset(room, 0, sizeof *room);
	room->bytes = malloc(3 * length + 2);
	if (!room->bytes)
		return false;
	room->sextets = room->bytes + length;
	room->changed = room->sextets + length + 1;
	if (!places)
		return true;
	room->start = malloc(length * sizeof *room->start);
	room->end = malloc(length * sizeof *room->end);
	room->places = malloc((length + 1) * sizeof *room->places);
	return room->start && room->end && room->places;
}

static void free_room(struct scrub_room *room, size_t length)
{
	if (room->bytes)
		explicit_bzero(room->bytes, 2 * length + 1); /* the sextets, too */
	free(room->bytes);
	free(room->start);
	free(room->end);
	free(room->places);
}

static void search_layers(struct search *search, const struct scrub_stream *stream, int layers);

/* Decodes a stream in one way, and searches what that gives. */
static void search_decoded(struct search *search, const struct scrub_stream *stream, int way,
			   struct scrub_room *room, int layers)
{
	if (!scrub_decode(stream, way, room) || search->allowed < room->length)
		return;
	search->allowed -= room->length;
	const unsigned char *changed = scrub_decodes_runs(way) ? NULL : room->changed;
	struct scrub_stream decoded = { room->bytes, room->length, room->start, room->end,
					changed };
	search_plain(search, &decoded);
	scrub_keep_text(way, room);
	decoded.length = room->length;
	search_layers(search, &decoded, layers);
}

/* Of a stream in which escapes were decoded, only the runs that are new are decoded. */
static void search_layers(struct search *search, const struct scrub_stream *stream, int layers)
{
	struct scrub_room room, near = { 0 };
	struct scrub_stream runs = *stream;
	if (layers == 0 || stream->length < SCRUB_SHORTEST || search->failed)
		return;
	if (!make_room(&room, stream->length, search->places) ||
	    (stream->changed && !make_room(&near, stream->length, search->places)))
		search->failed = true;
	if (stream->changed && !search->failed) {
		scrub_near_changes(stream, &near);
		runs = (struct scrub_stream){ near.bytes, near.length, near.start, near.end, NULL };
	}
	for (int way = 0; way < scrub_decodings && !search->failed; way++)
		search_decoded(search, scrub_decodes_runs(way) ? &runs : stream, way, &room,
			       layers - 1);
	free_room(&room, stream->length);
	free_room(&near, stream->length);
}

enum {
	PART = 512 * 1024,  /* bytes of a text that are searched at once */
	LONG = 1024 * 1024, /* bytes of a code that is found where two parts meet */
	STRETCH = 16,       /* a code is at most so much longer than the secret */
	EFFORT = 64,        /* bytes decoded for each byte of the text */
};

/* A long text is searched in parts, which overlap by what a secret in any code can take. */
static bool search_text(struct search *search, const char *text, size_t length)
{
	if (!indexed)
		indexed = scrub_index_make(&index_of_entries, entries);
	if (!indexed)
		return false;
	search->index = &index_of_entries;
	size_t longest = search->index->longest, overlap = STRETCH * longest + 256;
	if (longest == 0)
		return true;
	overlap = overlap > LONG ? (longest > LONG ? longest : LONG) : overlap;
	size_t part = PART > 2 * overlap ? PART : 2 * overlap;
	for (size_t at = 0; at < length && !search->failed; at += part - overlap) {
		size_t size = length - at < part ? length - at : part;
		struct scrub_stream stream = { (const unsigned char *)text + at, size, NULL, NULL,
					       NULL };
		search->offset = at;
		search->allowed = EFFORT * (size + 1024);
		search_plain(search, &stream);
		search_layers(search, &stream, SCRUB_LAYERS);
		if (size == length - at)
			break;
	}
	return !search->failed;
}

/* ---- masking ---- */

static int by_place(const void *a, const void *b)
{
	const struct scrub_range *x = a, *y = b;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* Sorts the ranges and joins those that meet. */
static void join_ranges(struct search *search)
{
	size_t last = 0;
	struct scrub_range *ranges = search->ranges;
	if (!search->count)
		return;
	qsort(ranges, search->count, sizeof *ranges, by_place);
	for (size_t i = 1; i < search->count; i++) {
		if (ranges[i].from > ranges[last].to)
			ranges[++last] = ranges[i];
		else if (ranges[i].to > ranges[last].to)
			ranges[last].to = ranges[i].to;
	}
	search->count = last + 1;
}

/* Most texts have no secret, and where something is takes longer to find than that there is nothing. */
struct scrub_range *scrub_ranges(const char *text, size_t length, size_t *count)
{
	struct search search = { 0 };
	bool done = search_text(&search, text, length);
	if (done && search.count) {
		search.places = true;
		search.count = 0;
		done = search_text(&search, text, length);
	}
	join_ranges(&search);
	*count = done ? search.count : SCRUB_FAILED;
	if (done && search.count)
		return search.ranges;
	free(search.ranges);
	return NULL;
}

/* The text with a mask for each range. */
static char *masked(const char *text, size_t length, const struct scrub_range *ranges, size_t count,
		    size_t *clean)
{
	char *copy = malloc(length + count * (sizeof SCRUB_MASK - 1) + 1);
	size_t done = 0, used = 0;
	*clean = SCRUB_FAILED;
	if (!copy)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		memcpy(copy + used, text + done, ranges[i].from - done);
		used += ranges[i].from - done;
		memcpy(copy + used, SCRUB_MASK, sizeof SCRUB_MASK - 1);
		used += sizeof SCRUB_MASK - 1;
		done = ranges[i].to;
	}
	memcpy(copy + used, text + done, length - done);
	*clean = used + length - done;
	copy[*clean] = '\0';
	return copy;
}

static char *mask_once(const char *text, size_t length, size_t *clean)
{
	size_t count;
	char *copy = NULL;
	struct scrub_range *ranges = scrub_ranges(text, length, &count);
	*clean = count == SCRUB_FAILED ? SCRUB_FAILED : 0;
	if (ranges)
		copy = masked(text, length, ranges, count, clean);
	free(ranges);
	return copy;
}

enum { ROUNDS = 4 };

/*
** A mask and what stands beside it can look like a secret that has asterisks, so what was masked is
** searched again.
*/
char *scrub_text(const char *text, size_t length, size_t *clean)
{
	char *copy = mask_once(text, length, clean);
	for (int i = 1; copy && i < ROUNDS; i++) {
		size_t more;
		char *again = mask_once(copy, *clean, &more);
		if (!again && more != SCRUB_FAILED)
			break;
		free(copy);
		copy = again;
		*clean = more;
	}
	return copy;
}

const struct scrub_entry *scrub_find(const char *text, size_t length, int *failed)
{
	struct search search = { 0 };
	*failed = !search_text(&search, text, length);
	const struct scrub_entry *found = !*failed && search.count ? search.ranges[0].entry : NULL;
	free(search.ranges);
	return found;
}
