/* frame.h: the frame of a journal line, for C. frame.c says what it is. */
#ifndef O2X_FRAME_H
#define O2X_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "buffer.h"

enum { FRAME_HASH_DIGITS = 16, FRAME_PREFIX_MAX = 96 };

struct frame {
	uint64_t number, length;
	uint32_t crc;
	char previous[FRAME_HASH_DIGITS + 1];
};

enum { FRAME_PROBLEM_MAX = 96 };

/*
** Appends a record to a buffer, as a journal's line with its newline. The arguments of a Lua function
** from `arg` on are the line's number, the hash of the line before, and the record, a JSON object
** with at least one member. hash: that of the line [-0, +0, e]
*/
void frame_checkappend(lua_State *L, struct buffer *out, int arg, char hash[FRAME_HASH_DIGITS + 1]);

/*
** Reads and checks the frame of a line (without its newline). -> the length of the prefix, after
** which the record goes on; 0 if it is damaged, and why in problem
*/
size_t frame_read(const char *line, size_t length, struct frame *frame,
		  char problem[FRAME_PROBLEM_MAX]);

/* Is it the line that follows? -> false, and why not in problem */
bool frame_follows(const struct frame *frame, uint64_t number, const char *previous,
		   char problem[FRAME_PROBLEM_MAX]);

/* The hash of a line. -> NULL, or why there is none */
const char *frame_hash(const char *line, size_t length, char out[FRAME_HASH_DIGITS + 1]);

/* Can these bytes be the start of an unfinished line? */
bool frame_is_torn(const char *tail, size_t length);

#endif
