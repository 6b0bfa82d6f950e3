/*
** scrub_decode.c: codes of whole texts. A text does not say where a code begins, so each is decoded
** at every alignment. Wrong alignments give noise, in which nothing is found.
*/
#include "scrub.h"
#include "scrub_search.h"
#include "utf8.h"

#include <string.h>

enum { SHORTEST = SCRUB_SHORTEST }; /* bytes of a run that can hold a secret */

static inline void put(struct scrub_room *room, unsigned char byte, uint32_t start, uint32_t end)
{
	if (room->start) {
		room->start[room->length] = start;
		room->end[room->length] = end;
	}
	room->bytes[room->length++] = byte;
}

/* What comes after a NUL has nothing to do with what comes before. */
static void put_gap(struct scrub_room *room, const struct scrub_stream *in, size_t at)
{
	if (room->length && room->bytes[room->length - 1])
		put(room, 0, scrub_start(in, at), scrub_start(in, at));
}

/* ---- kinds of bytes ---- */

enum { BLANK = 1, BETWEEN_HEX = 2, BEFORE_X = 4, BETWEEN_NUMBERS = 8 };

static unsigned char kinds[256];

__attribute__((constructor)) static void fill_kinds(void)
{
	static const struct {
		const char *bytes;
		unsigned char kind;
	} sets[] = {
		{ " \t\r\n", BLANK },
		{ " \t\r\n:;,-", BETWEEN_HEX },
		{ "0\\", BEFORE_X },
		{ " \t\r\n,;", BETWEEN_NUMBERS },
	};
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		for (const char *c = sets[i].bytes; *c; c++)
			kinds[(unsigned char)*c] |= sets[i].kind;
}

static inline size_t skip(const struct scrub_stream *in, size_t at, int kind, size_t most)
{
	while (most-- > 0 && at < in->length && kinds[in->bytes[at]] & kind)
		at++;
	return at;
}

/* ---- base64 and base64url ---- */

/* Byte -> 1 + its value; 0: it is none of the alphabet. */
static unsigned char sextets[256];

__attribute__((constructor)) static void fill_sextets(void)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (unsigned char i = 0; i < 64; i++)
		sextets[(unsigned char)alphabet[i]] = i + 1;
	sextets['-'] = sextets['+'];
	sextets['_'] = sextets['/'];
}

/*
** A run goes on over line breaks, and over spaces, which many messages have instead of them. -> the
** place after a stretch of its characters where the next one begins; the stream's length at its end
*/
static inline size_t next_of_run(const struct scrub_stream *in, size_t at)
{
	size_t next = skip(in, at, BLANK, in->length);
	return next < in->length && sextets[in->bytes[next]] ? next : in->length;
}

enum {
	END = 64,      /* stands behind the values of a run */
	SHORT_RUN = 8, /* characters that a secret needs at least */
};

/* Notes the values of a run. -> the place after it */
static size_t gather_run(const struct scrub_stream *in, size_t at, struct scrub_room *room)
{
	const unsigned char *bytes = in->bytes;
	unsigned char value, *values = room->sextets + room->gathered;
	size_t length = in->length, after = at;
	for (; at < length; at = next_of_run(in, at)) {
		for (; at < length && (value = sextets[bytes[at]]) > 0; at++) {
			if (room->places)
				room->places[values - room->sextets] = (uint32_t)at;
			*values++ = (unsigned char)(value - 1);
		}
		after = at;
	}
	room->gathered = (size_t)(values - room->sextets);
	return after;
}

/* Notes the values of all runs that can hold a secret. */
static void gather(const struct scrub_stream *in, struct scrub_room *room)
{
	room->gathered = 0;
	for (size_t at = 0; at < in->length; at++) {
		if (!sextets[in->bytes[at]])
			continue;
		size_t begin = room->gathered;
		at = gather_run(in, at, room);
		if (room->gathered - begin < SHORT_RUN)
			room->gathered = begin;
		else
			room->sextets[room->gathered++] = END;
	}
}

/* The byte that begins with the value at `at` and ends with the next one. */
static inline void put_byte(const struct scrub_stream *in, struct scrub_room *room, size_t at,
			    int bits)
{
	unsigned value =
		(unsigned)room->sextets[at] << bits | (unsigned)room->sextets[at + 1] >> (6 - bits);
	if (room->places)
		put(room, (unsigned char)value, scrub_start(in, room->places[at]),
		    scrub_end(in, room->places[at + 1]));
	else
		room->bytes[room->length++] = (unsigned char)value;
}

/* Decodes all whole fours from one value up to another, without places. -> the place after them */
static size_t put_fours(struct scrub_room *room, size_t at, size_t end)
{
	unsigned char *bytes = room->bytes + room->length;
	for (; at + 3 < end; at += 4, bytes += 3) {
		const unsigned char *values = room->sextets + at;
		unsigned all = (unsigned)values[0] << 18 | (unsigned)values[1] << 12 |
			       (unsigned)values[2] << 6 | values[3];
		bytes[0] = (unsigned char)(all >> 16);
		bytes[1] = (unsigned char)(all >> 8);
		bytes[2] = (unsigned char)all;
	}
	room->length = (size_t)(bytes - room->bytes);
	return at;
}

/* Decodes a run from one value up to another. */
static void base64_run(const struct scrub_stream *in, size_t at, size_t end,
		       struct scrub_room *room)
{
	size_t length = room->length;
	if (!room->places)
		at = put_fours(room, at, end);
	for (; at + 3 < end; at += 4) {
		put_byte(in, room, at, 2);
		put_byte(in, room, at + 1, 4);
		put_byte(in, room, at + 2, 6);
	}
	if (at + 1 < end)
		put_byte(in, room, at, 2);
	if (at + 2 < end)
		put_byte(in, room, at + 1, 4);
	if (room->length - length < SHORTEST)
		room->length = length;
}

/* Without the first `shift` characters of each run. */
static bool base64(const struct scrub_stream *in, int shift, struct scrub_room *room)
{
	if (shift == 0)
		gather(in, room);
	for (size_t at = 0, end; at < room->gathered; at = end + 1) {
		const unsigned char *run = room->sextets + at;
		end = at +
		      (size_t)((const unsigned char *)memchr(run, END, room->gathered - at) - run);
		put_gap(room, in, room->places ? room->places[at] : 0);
		base64_run(in, at + (size_t)shift, end, room);
	}
	return room->length > 0;
}

/* ---- hexadecimal ---- */

/* Byte -> 1 + its value; 0: it is no digit. */
static unsigned char nibbles[256];

__attribute__((constructor)) static void fill_nibbles(void)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	for (unsigned char i = 0; i < 32; i++)
		nibbles[(unsigned char)digits[i]] = i % 16 + 1;
}

static inline int nibble(const struct scrub_stream *in, size_t at)
{
	return at < in->length ? nibbles[in->bytes[at]] - 1 : -1;
}

/* What stands between two bytes: "61 62", "61:62", "0x61, 0x62", "\x61\x62", or nothing. */
static size_t skip_between(const struct scrub_stream *in, size_t at)
{
	if (nibble(in, at) > 0)
		return at; /* mostly */
	at = skip(in, at, BETWEEN_HEX, 4);
	size_t prefix = skip(in, at, BEFORE_X, 2);
	if (prefix > at && prefix < in->length && (in->bytes[prefix] | 0x20) == 'x')
		return prefix + 1;
	return at;
}

static size_t hex_run(const struct scrub_stream *in, size_t from, struct scrub_room *room)
{
	size_t length = room->length, at = from;
	while (nibble(in, at) >= 0 && nibble(in, at + 1) >= 0) {
		put(room, (unsigned char)(nibble(in, at) << 4 | nibble(in, at + 1)),
		    scrub_start(in, at), scrub_end(in, at + 1));
		from = at + 2;
		at = skip_between(in, from);
	}
	if (room->length - length < SHORTEST)
		room->length = length;
	return from;
}

static bool hex(const struct scrub_stream *in, int shift, struct scrub_room *room)
{
	const unsigned char *bytes = in->bytes;
	for (size_t at = 0, length = in->length; at < length; at++) {
		if (!nibbles[bytes[at]] || (at && nibbles[bytes[at - 1]]))
			continue;
		size_t from = at + (size_t)shift;
		if (nibble(in, from) < 0 || nibble(in, from + 1) < 0)
			continue;
		put_gap(room, in, at);
		size_t end = hex_run(in, from, room);
		at = end > at ? end - 1 : at;
	}
	return room->length > 0;
}

/* ---- lists of decimal numbers: [112, 97, 115] ---- */

static inline bool is_digit(const struct scrub_stream *in, size_t at)
{
	return at < in->length && in->bytes[at] >= '0' && in->bytes[at] <= '9';
}

/* A number of at most 255; a negative one is a signed byte. -> the place after it, or 0 */
static size_t decimal(const struct scrub_stream *in, size_t at, unsigned *value)
{
	bool negative = in->bytes[at] == '-';
	size_t from = at + negative;
	*value = 0;
	for (at = from; at < in->length && at - from < 3 && is_digit(in, at); at++)
		*value = *value * 10 + (unsigned)nibble(in, at);
	if (at == from || *value > 255)
		return 0;
	if (negative)
		*value = 256 - *value;
	return at;
}

static size_t numbers_run(const struct scrub_stream *in, size_t from, struct scrub_room *room)
{
	size_t length = room->length, at = from, end, next;
	unsigned value;
	while (at < in->length && (end = decimal(in, at, &value)) > 0) {
		put(room, (unsigned char)value, scrub_start(in, at), scrub_end(in, end - 1));
		from = end;
		next = skip(in, end, BETWEEN_NUMBERS, in->length);
		if (next == end)
			break;
		at = next;
	}
	if (room->length - length < SHORTEST)
		room->length = length;
	return from;
}

static bool numbers(const struct scrub_stream *in, int shift, struct scrub_room *room)
{
	(void)shift;
	for (size_t at = 0; at < in->length; at++) {
		if (!is_digit(in, at) || (at && is_digit(in, at - 1)))
			continue;
		put_gap(room, in, at);
		size_t from = at && in->bytes[at - 1] == '-' ? at - 1 : at;
		size_t end = numbers_run(in, from, room);
		at = end > at ? end - 1 : at;
	}
	return room->length > 0;
}

/* ---- escapes, which may be escaped themselves ---- */

/* The bytes from one place up to another, as they are. */
static void put_all(const struct scrub_stream *in, size_t from, size_t to, struct scrub_room *room)
{
	if (!room->start) {
		memcpy(room->bytes + room->length, in->bytes + from, to - from);
		room->length += to - from;
		return;
	}
	for (; from < to; from++)
		put(room, in->bytes[from], scrub_start(in, from), scrub_end(in, from));
}

/* What a unit stands for. If that is nothing, the bytes around it are new neighbours. */
static void put_unit(const struct scrub_stream *in, size_t at, const struct scrub_unit *unit,
		     struct scrub_room *room)
{
	size_t first = room->length;
	for (int i = 0; i < unit->length; i++)
		put(room, unit->bytes[i], scrub_start(in, at),
		    scrub_end(in, at + unit->consumed - 1));
	if (first == room->length && first > 0)
		first--;
	memset(room->changed + first, 1, room->length - first + !unit->length);
}

static bool escapes(const struct scrub_stream *in, int mark, struct scrub_room *room)
{
	struct scrub_unit units[SCRUB_UNITS];
	bool found = false;
	for (size_t at = 0, from; at < in->length;) {
		const unsigned char *next = memchr(in->bytes + at, mark, in->length - at);
		if (!next && !found)
			return false;
		if (!found && at == 0)
			memset(room->changed, 0, in->length + 1);
		from = next ? (size_t)(next - in->bytes) : in->length;
		put_all(in, at, from, room);
		at = from;
		int count = next ? scrub_units(next, in->length - at, units) : 0;
		size_t consumed = count ? units[0].consumed : next ? 1 : 0;
		if (count)
			put_unit(in, at, &units[0], room);
		else
			put_all(in, at, at + consumed, room);
		found = found || count;
		at += consumed;
	}
	return found;
}

/* ---- what is new ---- */

/* Does a run of no code go on over that byte? */
static inline bool ends_runs(unsigned char c)
{
	return !sextets[c] && !kinds[c];
}

void scrub_near_changes(const struct scrub_stream *in, struct scrub_room *room)
{
	room->length = 0;
	for (size_t at = 0, end; at < in->length; at = end + 1) {
		for (end = at; end < in->length && !ends_runs(in->bytes[end]); end++)
			;
		size_t from = at > 0 ? at - 1 : 0, to = end < in->length ? end + 1 : end;
		if (!memchr(in->changed + from, 1, to - from))
			continue;
		put_all(in, at, end, room);
		if (end < in->length)
			put_gap(room, in, end);
	}
}

/* ---- all ways ---- */

static const struct {
	bool (*decode)(const struct scrub_stream *in, int argument, struct scrub_room *room);
	int argument;
	bool noisy; /* does it decode runs of some characters, so also what is no code at all? */
} ways[] = {
	{ base64, 0, true },     { base64, 1, true },      { base64, 2, true },
	{ base64, 3, true },     { hex, 0, true },         { hex, 1, true },
	{ numbers, 0, true },    { escapes, '\\', false }, { escapes, '%', false },
	{ escapes, '&', false },
};

const int scrub_decodings = sizeof ways / sizeof *ways;

bool scrub_decodes_runs(int way)
{
	return ways[way].noisy;
}

bool scrub_decode(const struct scrub_stream *stream, int way, struct scrub_room *room)
{
	room->length = 0;
	return ways[way].decode(stream, ways[way].argument, room);
}

/* The length of the character of text that begins there; 0 for control characters and noise. */
static inline size_t text_length(const struct scrub_room *room, size_t at)
{
	unsigned char c = room->bytes[at];
	if (c < 0x80)
		return c >= ' ' || scrub_is_space(c) ? 1 : 0;
	if (c < 0xc2 || at + 1 == room->length || (room->bytes[at + 1] & 0xc0) != 0x80)
		return 0; /* mostly */
	return utf8_length((const char *)room->bytes + at, room->length - at);
}

/* A byte of the same room, further to the front. */
static void move(struct scrub_room *room, size_t from, unsigned char byte)
{
	uint32_t start = room->start ? room->start[from] : 0, end = room->end ? room->end[from] : 0;
	put(room, byte, start, byte ? end : start);
}

void scrub_keep_text(int way, struct scrub_room *room)
{
	struct scrub_room kept = *room;
	size_t n;
	kept.length = 0;
	if (!ways[way].noisy)
		return;
	for (size_t at = 0; at < room->length; at++) {
		size_t from = at;
		while (at < room->length && (n = text_length(room, at)) > 0)
			at += n;
		if (at - from <= SHORTEST)
			continue;
		for (size_t i = from; i < at; i++)
			move(&kept, i, room->bytes[i]);
		if (at < room->length)
			move(&kept, at, 0);
	}
	room->length = kept.length;
}
