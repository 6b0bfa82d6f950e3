/*
** scrub_match.c: does a secret stand at one place of a text, each of its characters plain or escaped
** in any way? Where a text can be read in several ways, the other readings are kept and tried later.
*/
#include "scrub_search.h"

#include <string.h>

/* A secret that was cut is found by this many bytes, where dots say that it goes on. */
enum { KEPT = 64, STEPS = 4096, CUT = 10 };

/* So far: bytes of the needle done, and the place in the text. */
struct place {
	size_t at, done;
};

struct matcher {
	const struct scrub_stream *stream;
	const struct scrub_needle *needle;
	struct place kept[KEPT]; /* the oldest are forgotten */
	size_t count;
};

static void keep(struct matcher *m, size_t at, size_t done)
{
	m->kept[m->count++ % KEPT] = (struct place){ at, done };
}

/* How many bytes of the needle does a unit stand for? */
static size_t accepted(const struct scrub_needle *needle, size_t done,
		       const struct scrub_unit *unit)
{
	if (unit->length <= needle->length - done &&
	    memcmp(needle->bytes + done, unit->bytes, unit->length) == 0)
		return unit->length;
	bool replaced = unit->length == 3 && memcmp(unit->bytes, "\xef\xbf\xbd", 3) == 0;
	return replaced && (unsigned char)needle->bytes[done] >= 0x80 ? 1 : 0;
}

/* The length of the white space, or of the escape for it, that begins there; 0: there is none. */
static size_t space_length(const struct scrub_stream *stream, size_t at)
{
	struct scrub_unit units[SCRUB_UNITS];
	if (at >= stream->length || !scrub_escapes[stream->bytes[at]])
		return at < stream->length && scrub_is_space(stream->bytes[at]);
	int count = scrub_units(stream->bytes + at, stream->length - at, units);
	for (int i = 0; i < count; i++)
		if (units[i].length == 1 && scrub_is_space(units[i].bytes[0]))
			return units[i].consumed;
	return 0;
}

/*
** White space matches any white space, because texts are folded, indented and joined. Where the
** stretch goes on with an escape, it may also end before: a plus is a space in a URL only.
*/
static bool over_space(struct matcher *m, struct place *place)
{
	size_t at = place->at, before = at, n;
	while (place->done < m->needle->length &&
	       scrub_is_space((unsigned char)m->needle->bytes[place->done]))
		place->done++;
	while ((n = space_length(m->stream, at)) > 0) {
		if (at > before && scrub_escapes[m->stream->bytes[at]])
			keep(m, at, place->done);
		at += n;
	}
	place->at = at;
	return at > before;
}

/* Over one character. Keeps the other readings. -> false: it is another character */
static bool step(struct matcher *m, struct place *place)
{
	struct scrub_unit units[SCRUB_UNITS];
	struct place from = *place;
	unsigned char c = m->stream->bytes[from.at];
	unsigned char wanted = (unsigned char)m->needle->bytes[from.done];
	bool found = c == wanted || (c == '?' && scrub_is_odd(wanted));
	if (found)
		*place = (struct place){ from.at + 1, from.done + 1 };
	if (!scrub_escapes[c])
		return found;
	int count = scrub_units(m->stream->bytes + from.at, m->stream->length - from.at, units);
	for (int i = 0; i < count; i++) {
		size_t taken = units[i].length ? accepted(m->needle, from.done, &units[i]) : 0;
		if (!taken && (units[i].length || from.done == 0))
			continue;
		struct place next = { from.at + units[i].consumed, from.done + taken };
		if (found)
			keep(m, next.at, next.done);
		else
			*place = next;
		found = true;
	}
	return found;
}

/* "..." or "…" */
static bool is_ellipsis(const struct scrub_stream *stream, size_t at)
{
	return stream->length - at >= 3 && (memcmp(stream->bytes + at, "...", 3) == 0 ||
					    memcmp(stream->bytes + at, "\xe2\x80\xa6", 3) == 0);
}

bool scrub_match(const struct scrub_stream *stream, size_t at, const struct scrub_needle *needle,
		 size_t *end)
{
	struct matcher m;
	struct place place = { at, 0 };
	size_t steps = STEPS + 16 * needle->length, forgotten = 0;
	m.stream = stream;
	m.needle = needle;
	m.count = 0;
	while (place.done < needle->length) {
		/* A text with that many readings is masked, not searched to the end. */
		if (steps-- == 0)
			break;
		bool white = scrub_is_space((unsigned char)needle->bytes[place.done]);
		if (place.at < stream->length &&
		    (white ? over_space(&m, &place) : step(&m, &place)))
			continue;
		if (place.done >= CUT && is_ellipsis(stream, place.at))
			break;
		if (m.count > KEPT + forgotten)
			forgotten = m.count - KEPT;
		if (m.count == forgotten)
			return false;
		place = m.kept[--m.count % KEPT];
	}
	*end = place.at;
	return true;
}
