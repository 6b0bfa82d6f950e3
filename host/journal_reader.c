/*
** journal_reader.c: reads a journal record by record, and one record at its place. Each line's frame
** is checked (frame.c). What a crash left after the last complete line is left out: a part of a
** line, or the zeros of a page that was never written. Memory holds one line at a time.
*/
#include "frame.h"
#include "host.h"
#include "json_skim.h"
#include "luabuffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TYPE "o2x.journal.reader"

enum { CHUNK = 64 * 1024, SMALL = 4 * 1024, WITHOUT_MAX = 128 };

/* A part of the file. The next line starts `start` bytes into it, at `place` of the file. */
struct window {
	struct buffer buffer;
	size_t start;
	off_t place;
};

struct reader {
	int fd; /* 0: closed */
	struct window window;
	uint64_t number;
	char previous[FRAME_HASH_DIGITS + 1];
	char without[WITHOUT_MAX]; /* names of members that next() leaves out; see json_skim.h */
};

struct line {
	char *bytes;
	size_t length;
};

/***
 Closes the reader. Idempotent.
 @function reader:close
*/
static int reader_gc(lua_State *L)
{
	struct reader *reader = lua_touserdata(L, 1);
	buffer_free(&reader->window.buffer);
	if (reader->fd > 0)
		close(reader->fd);
	reader->fd = 0;
	return 0;
}

static struct reader *check(lua_State *L)
{
	struct reader *reader = luaL_checkudata(L, 1, TYPE);
	luaL_argcheck(L, reader->fd > 0, 1, "the reader is closed");
	return reader;
}

/***
 Opens a journal for reading. Never follows a symbolic link.
 @function core.journal_reader.open
 @param path string
 @param without string? names of members that next() leaves out of the records, with blanks between
 @return userdata, or nil, message, code
*/
static int reader_open(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	const char *without = luaL_optstring(L, 2, "");
	luaL_argcheck(L, strlen(without) < WITHOUT_MAX - 2, 2, "too long");
	struct reader *reader = host_newuserdata(L, sizeof *reader, TYPE);
	if (*without)
		snprintf(reader->without, sizeof reader->without, " %s ", without);
	memset(reader->previous, '0', FRAME_HASH_DIGITS);
	reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (reader->fd < 0)
		return host_fail_errno(L, path, errno);
	return 1;
}

/* Reads what follows in the file. -> bytes, 0 at its end, or -1 with errno */
static ssize_t fill(int fd, struct window *window, size_t most)
{
	char chunk[CHUNK];
	ssize_t n;
	buffer_consume(&window->buffer, window->start);
	window->start = 0;
	do
		n = pread(fd, chunk, most, window->place + (off_t)window->buffer.length);
	while (n < 0 && errno == EINTR);
	if (n <= 0 || buffer_append(&window->buffer, chunk, (size_t)n))
		return n;
	errno = ENOMEM;
	return -1;
}

/* -> 1: the next line; 0: there is none; -1 with errno */
static int read_line(int fd, struct window *window, size_t chunk, struct line *line)
{
	size_t looked = 0;
	for (;;) {
		size_t left = window->buffer.length - window->start;
		char *bytes = left ? window->buffer.bytes + window->start : NULL;
		const char *end =
			left > looked ? memchr(bytes + looked, '\n', left - looked) : NULL;
		if (end) {
			*line = (struct line){ bytes, (size_t)(end - bytes) };
			return 1;
		}
		looked = left;
		ssize_t n = fill(fd, window, chunk);
		if (n <= 0)
			return (int)n;
	}
}

/* `without` may be empty. The byte before the record, a comma, becomes its brace. [-0, +1, m] */
static void push_record(lua_State *L, struct line line, size_t prefix, const char *without)
{
	luaL_Buffer record;
	size_t length = line.length - prefix + 1;
	char *bytes = luaL_buffinitsize(L, &record, length);
	char *start = line.bytes + prefix - 1;
	size_t skimmed = 0;
	*start = '{';
	if (*without)
		skimmed = json_skim(start, length, without, bytes);
	if (!skimmed)
		memcpy(bytes, start, length);
	*start = ',';
	luaL_pushresultsize(&record, skimmed ? skimmed : length);
}

/* At the end of the file: nothing, or nil, message, code */
static int check_tail(lua_State *L, const struct window *window)
{
	size_t length = window->buffer.length - window->start;
	const char *tail = length ? window->buffer.bytes + window->start : "";
	while (length > 0 && tail[length - 1] == '\0')
		length--;
	lua_pushlstring(L, tail, length); /* its NUL ends what is searched in it */
	if (!frame_is_torn(lua_tostring(L, -1), length))
		return host_fail(L, "damaged", "its end differs from what was written");
	return 0;
}

/***
 Reads the next record.
 @function reader:next
 @return string the record; nothing at the end; or nil, message, code: "damaged"
 @return integer its place, for at()
*/
static int reader_next(lua_State *L)
{
	struct reader *reader = check(L);
	struct window *window = &reader->window;
	struct frame frame = { 0 };
	struct line line;
	char problem[FRAME_PROBLEM_MAX];
	int found = read_line(reader->fd, window, CHUNK, &line);
	if (found < 0)
		return host_fail_errno(L, "cannot read the journal", errno);
	if (!found)
		return check_tail(L, window);
	size_t prefix = frame_read(line.bytes, line.length, &frame, problem);
	if (!prefix || !frame_follows(&frame, reader->number, reader->previous, problem))
		return host_fail(L, "damaged", "%s", problem);
	const char *missing = frame_hash(line.bytes, line.length, reader->previous);
	if (missing)
		return luaL_error(L, "%s", missing);
	push_record(L, line, prefix, reader->without);
	lua_pushinteger(L, window->place);
	reader->number++;
	window->start += line.length + 1;
	window->place += (off_t)line.length + 1;
	return 2;
}

/***
 What was read up to now, and what follows it.
 @function reader:state
 @return integer how many records
 @return string the hash of the last line
 @return integer bytes
*/
static int reader_state(lua_State *L)
{
	struct reader *reader = check(L);
	lua_pushinteger(L, (lua_Integer)reader->number);
	lua_pushstring(L, reader->previous);
	lua_pushinteger(L, reader->window.place);
	return 3;
}

static int window_gc(lua_State *L)
{
	struct window *window = lua_touserdata(L, 1);
	buffer_free(&window->buffer);
	return 0;
}

/***
 Reads the record at a place that next() gave.
 @function reader:at
 @param place integer
 @return string, or nil, message, code: "damaged"
*/
static int reader_at(lua_State *L)
{
	struct reader *reader = check(L);
	struct frame frame = { 0 };
	struct line line;
	char problem[FRAME_PROBLEM_MAX] = "it is not there any more";
	struct window *window = host_newuserdata(L, sizeof *window, TYPE ".window");
	lua_toclose(L, -1);
	window->place = (off_t)host_checkrange(L, 2, 0, INT64_MAX);
	int found = read_line(reader->fd, window, SMALL, &line);
	if (found < 0)
		return host_fail_errno(L, "cannot read the journal", errno);
	size_t prefix = found ? frame_read(line.bytes, line.length, &frame, problem) : 0;
	if (!prefix)
		return host_fail(L, "damaged", "%s", problem);
	push_record(L, line, prefix, "");
	return 1;
}

static const luaL_Reg no_methods[] = { { NULL, NULL } };

static const luaL_Reg methods[] = {
	{ "next", reader_next }, { "state", reader_state },
	{ "at", reader_at },     { "close", reader_gc },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "open", reader_open },
	{ NULL, NULL },
};

int luaopen_o2x_core_journal_reader(lua_State *L)
{
	host_newtype(L, TYPE, methods, reader_gc);
	host_newtype(L, TYPE ".window", no_methods, window_gc);
	luaL_newlib(L, functions);
	return 1;
}
