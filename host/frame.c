/*
** frame.c: the framing of journal lines. A record {"t":"intent",…} becomes
**
**     {"n":7,"len":214,"crc":"5f1c02aa","prev":"9b2f66c0d1e3a4f7","t":"intent",…}
**
** n counts from 0. len is the length of what follows the prefix, without the newline. crc is the
** CRC-32C of the line with its eight digits as zeros. prev is the first 16 hex digits of the
** SHA-256 of the previous line. The line is still JSON and readable with cat.
*/
#include "frame.h"
#include "encode.h"
#include "host.h"
#include "libcrypto.h"
#include "luabuffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static char *put(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

static char *put_number(char *at, uint64_t number)
{
	char digits[20];
	size_t first = sizeof digits;
	do
		digits[--first] = (char)('0' + number % 10);
	while (number /= 10);
	return put(at, digits + first, sizeof digits - first);
}

static char *put_crc(char *at, uint32_t crc)
{
	char bytes[4] = { (char)(crc >> 24), (char)(crc >> 16), (char)(crc >> 8), (char)crc };
	encode_hex(bytes, sizeof bytes, at);
	return at + 2 * sizeof bytes;
}

/* -> length of the prefix */
static size_t print_prefix(const struct frame *frame, char out[FRAME_PREFIX_MAX])
{
	char *at = put_number(PUT(out, "{\"n\":"), frame->number);
	at = put_number(PUT(at, ",\"len\":"), frame->length);
	at = put_crc(PUT(at, ",\"crc\":\""), frame->crc);
	at = put(PUT(at, "\",\"prev\":\""), frame->previous, FRAME_HASH_DIGITS);
	return (size_t)(PUT(at, "\",") - out);
}

static uint32_t checksum(struct frame frame, const char *rest)
{
	char prefix[FRAME_PREFIX_MAX];
	frame.crc = 0;
	size_t length = print_prefix(&frame, prefix);
	return encode_crc32c(encode_crc32c(0, prefix, length), rest, (size_t)frame.length);
}

const char *frame_hash(const char *line, size_t length, char out[FRAME_HASH_DIGITS + 1])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	const char *problem = libcrypto_load();
	if (problem)
		return problem;
	if (!libcrypto_sha256(line, length, digest))
		return "not enough memory";
	encode_hex((const char *)digest, FRAME_HASH_DIGITS / 2, out);
	out[FRAME_HASH_DIGITS] = '\0';
	return NULL;
}

/* -> NULL, or what is missing */
static const char *append_line(struct buffer *out, uint64_t number, const char *previous,
			       const char *record, size_t length, char hash[FRAME_HASH_DIGITS + 1])
{
	char prefix[FRAME_PREFIX_MAX];
	struct frame frame = { .number = number, .length = length - 1 };
	memcpy(frame.previous, previous, sizeof frame.previous);
	frame.crc = checksum(frame, record + 1); /* without its brace, which the prefix has */
	size_t size = print_prefix(&frame, prefix), start = out->length;
	if (!buffer_append(out, prefix, size) || !buffer_append(out, record + 1, length - 1) ||
	    !buffer_append(out, "\n", 1))
		return "not enough memory";
	return frame_hash(out->bytes + start, out->length - start - 1, hash);
}

/* [-0, +1, e] */
static void push_hash(lua_State *L, const char *line, size_t length)
{
	char digits[FRAME_HASH_DIGITS + 1];
	const char *problem = frame_hash(line, length, digits);
	if (problem)
		luaL_error(L, "%s", problem);
	lua_pushlstring(L, digits, FRAME_HASH_DIGITS);
}

static const char *check_previous(lua_State *L, int arg)
{
	const char *previous = host_checkcstr(L, arg);
	bool good = strlen(previous) == FRAME_HASH_DIGITS &&
		    strspn(previous, "0123456789abcdef") == FRAME_HASH_DIGITS;
	luaL_argcheck(L, good, arg, "16 hex digits expected");
	return previous;
}

void frame_checkappend(lua_State *L, struct buffer *out, int arg, char hash[FRAME_HASH_DIGITS + 1])
{
	size_t length;
	uint64_t number = (uint64_t)host_checkrange(L, arg, 0, INT64_MAX);
	const char *previous = check_previous(L, arg + 1);
	const char *record = luaL_checklstring(L, arg + 2, &length);
	bool object = length > 2 && record[0] == '{' && record[length - 1] == '}';
	luaL_argcheck(L, object, arg + 2, "JSON object expected");
	luaL_argcheck(L, !memchr(record, '\n', length), arg + 2, "has a newline");
	const char *missing = append_line(out, number, previous, record, length, hash);
	if (missing)
		luaL_error(L, "%s", missing);
}

/***
 Frames a record as a journal line.
 @function core.frame.seal
 @param number integer its position in the journal, from 0
 @param previous string hash of the previous line; 16 zeros for the first
 @param record string a JSON object with at least one member
 @return string the line, with its newline
 @return string its hash
*/
static int frame_seal(lua_State *L)
{
	char hash[FRAME_HASH_DIGITS + 1];
	struct buffer *line = luabuffer_new(L);
	frame_checkappend(L, line, 1, hash);
	lua_pushlstring(L, line->bytes, line->length);
	lua_pushlstring(L, hash, FRAME_HASH_DIGITS);
	return 2;
}

/* Lower-case hexadecimal; 16 for what is no digit. */
static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool take(const char **at, const char *text)
{
	size_t length = strlen(text);
	if (strncmp(*at, text, length) != 0)
		return false;
	*at += length;
	return true;
}

static bool take_number(const char **at, int base, uint64_t *number)
{
	const char *start = *at;
	*number = 0;
	for (int digit; (digit = digit_of(**at)) < base; ++*at)
		*number = *number * (uint64_t)base + (uint64_t)digit;
	return *at > start && *at - start <= 16;
}

static bool take_hash(const char **at, char previous[FRAME_HASH_DIGITS + 1])
{
	if (strspn(*at, "0123456789abcdef") < FRAME_HASH_DIGITS)
		return false;
	memcpy(previous, *at, FRAME_HASH_DIGITS);
	*at += FRAME_HASH_DIGITS;
	return true;
}

/* -> length of the prefix, or 0 if the line has none */
static size_t parse_prefix(const char *line, struct frame *frame)
{
	const char *at = line;
	uint64_t crc;
	if (!take(&at, "{\"n\":") || !take_number(&at, 10, &frame->number))
		return 0;
	if (!take(&at, ",\"len\":") || !take_number(&at, 10, &frame->length))
		return 0;
	if (!take(&at, ",\"crc\":\"") || !take_number(&at, 16, &crc) || crc > UINT32_MAX)
		return 0;
	if (!take(&at, "\",\"prev\":\"") || !take_hash(&at, frame->previous) || !take(&at, "\","))
		return 0;
	frame->crc = (uint32_t)crc;
	return (size_t)(at - line);
}

size_t frame_read(const char *line, size_t length, struct frame *frame,
		  char problem[FRAME_PROBLEM_MAX])
{
	char prefix[FRAME_PREFIX_MAX];
	size_t size = parse_prefix(line, frame);
	bool canonical =
		size > 0 && print_prefix(frame, prefix) == size && memcmp(prefix, line, size) == 0;
	const char *what = NULL;
	if (!canonical)
		what = "the frame is not readable";
	else if (size > length || frame->length != length - size)
		what = "it has another length";
	else if (frame->crc != checksum(*frame, line + size))
		what = "the checksum is wrong";
	if (!what)
		return size;
	snprintf(problem, FRAME_PROBLEM_MAX, "%s", what);
	return 0;
}

bool frame_follows(const struct frame *frame, uint64_t number, const char *previous,
		   char problem[FRAME_PROBLEM_MAX])
{
	if (frame->number != number) {
		snprintf(problem, FRAME_PROBLEM_MAX,
			 "its number is %" PRIu64 " instead of %" PRIu64, frame->number, number);
		return false;
	}
	if (strcmp(frame->previous, previous) == 0)
		return true;
	snprintf(problem, FRAME_PROBLEM_MAX, "the previous line was changed");
	return false;
}

bool frame_is_torn(const char *tail, size_t length)
{
	struct frame frame = { 0 };
	size_t size = parse_prefix(tail, &frame);
	return size == 0 ? length < FRAME_PREFIX_MAX : length - size <= frame.length;
}

/***
 Checks a line and removes its frame.
 @function core.frame.open
 @param line string without its newline
 @param number integer its expected position
 @param previous string the expected hash of the previous line
 @return string the record, or nil, message, code
 @return string the hash of the line
*/
static int frame_open(lua_State *L)
{
	size_t length;
	const char *line = luaL_checklstring(L, 1, &length);
	uint64_t number = (uint64_t)host_checkrange(L, 2, 0, INT64_MAX);
	const char *previous = check_previous(L, 3);
	struct frame frame = { 0 };
	char problem[FRAME_PROBLEM_MAX];
	size_t size = frame_read(line, length, &frame, problem);
	if (size == 0 || !frame_follows(&frame, number, previous, problem))
		return host_fail(L, "damaged", "%s", problem);
	lua_pushliteral(L, "{");
	lua_pushlstring(L, line + size, length - size);
	lua_concat(L, 2);
	push_hash(L, line, length);
	return 2;
}

/***
 Can these bytes be the start of an unfinished line, as a crash in the middle of a write leaves it?
 @function core.frame.torn
 @param tail string what follows the last newline of the file
 @return boolean false if the line is complete and something else follows where its newline should
  be
*/
static int frame_torn(lua_State *L)
{
	size_t length;
	const char *tail = luaL_checklstring(L, 1, &length);
	lua_pushboolean(L, frame_is_torn(tail, length));
	return 1;
}

static const luaL_Reg functions[] = {
	{ "seal", frame_seal },
	{ "open", frame_open },
	{ "torn", frame_torn },
	{ NULL, NULL },
};

int luaopen_o2x_core_frame(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
