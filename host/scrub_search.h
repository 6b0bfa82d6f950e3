/*
** scrub_search.h: the parts of the search for secrets, shared by the files scrub*.c.
**
** A text is searched as a stream of bytes. Two things make one secret look different:
**
** - escapes of single characters (scrub_units.c): \n, \u0041, %41, &#65;, '' and so on. The match
**   (scrub_match.c) accepts any mix of them, character by character.
** - codes of whole texts (scrub_decode.c): base64, hexadecimal, lists of numbers, and escapes of
**   escapes. They are decoded into a stream of their own, whose bytes know where in the original
**   text they came from, and that is searched too, LAYERS deep.
*/
#ifndef O2X_SCRUB_SEARCH_H
#define O2X_SCRUB_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what is searched for (scrub_index.c) ---- */

struct scrub_entry;

struct scrub_needle {
	const char *bytes; /* part of the entry's */
	size_t length;
	const struct scrub_entry *entry;
};

/* All needles, by the byte with which a match of them can begin. */
struct scrub_index {
	struct scrub_needle *needles; /* of byte b: from[b] up to from[b + 1] */
	size_t from[257], longest;
	unsigned char pairs[65536 / 8]; /* can a match begin with these two bytes? */
	bool stops[256];                /* can a match, or an escape, begin with this byte? */
};

/* Makes the index of a list of secrets. -> false: no memory */
bool scrub_index_make(struct scrub_index *index, const struct scrub_entry *entries);
void scrub_index_free(struct scrub_index *index);

static inline bool scrub_is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Is it a byte that programs show as a question mark? */
static inline bool scrub_is_odd(unsigned char c)
{
	return (c < ' ' && !scrub_is_space(c)) || c >= 0x7f;
}

/* ---- streams ---- */

struct scrub_stream {
	const unsigned char *bytes;
	size_t length;
	/* Where a byte begins and ends in the original text. NULL: this is the original, or nobody asks. */
	const uint32_t *start, *end;
	const unsigned char *changed; /* 1: an escape stood here. NULL: every byte is new */
};

static inline uint32_t scrub_start(const struct scrub_stream *stream, size_t at)
{
	return stream->start ? stream->start[at] : (uint32_t)at;
}

static inline uint32_t scrub_end(const struct scrub_stream *stream, size_t at)
{
	return stream->end ? stream->end[at] : (uint32_t)at + 1;
}

/* ---- escapes of one character (scrub_units.c) ---- */

enum { SCRUB_UNITS = 4 };

/* Some bytes of a text that stand for other bytes; for none, if length is 0. */
struct scrub_unit {
	size_t consumed;
	unsigned char length, bytes[4];
};

/* Can an escape begin with this byte? The same as a table and as a string. */
extern const bool scrub_escapes[256];
extern const char scrub_escape_marks[];

/* All readings of the escape that begins at text[0], if one does. -> their number */
int scrub_units(const unsigned char *text, size_t length, struct scrub_unit units[SCRUB_UNITS]);

/* ---- one match (scrub_match.c) ---- */

/* Does the needle stand at that place of the stream? Then *end is the place after it. */
bool scrub_match(const struct scrub_stream *stream, size_t at, const struct scrub_needle *needle,
		 size_t *end);

/* ---- codes of whole texts (scrub_decode.c) ---- */

enum { SCRUB_LAYERS = 3 };

/* Room for a decoded stream. Decoding never makes a text longer. */
struct scrub_room {
	unsigned char *bytes;
	uint32_t *start, *end; /* NULL: nobody asks where the bytes came from */
	size_t length;
	unsigned char *changed; /* of the bytes that escapes gave, and of one more */
	/* The characters of base64, which all its alignments share: values, and places if asked for. */
	unsigned char *sextets;
	uint32_t *places;
	size_t gathered;
};

/* The number of ways to decode a stream. */
extern const int scrub_decodings;

/* Decodes a stream in the way of that number. -> false: there is nothing to decode */
bool scrub_decode(const struct scrub_stream *stream, int way, struct scrub_room *room);

/* Does that way decode runs of some characters, and leave out what stands between them? */
bool scrub_decodes_runs(int way);

/*
** Leaves only the runs of a stream with escapes in or beside them: all others were decoded where the
** stream came from.
*/
void scrub_near_changes(const struct scrub_stream *stream, struct scrub_room *room);

/*
** Leaves only the stretches of text of a stream decoded in that way: all codes are text, so the noise
** of a wrong alignment need not be decoded again.
*/
void scrub_keep_text(int way, struct scrub_room *room);

#endif
