/*
** yaml_reader.h: the events of a YAML text, by libyaml, with their byte positions. Size and depth
** are limited here, because libyaml limits neither. Nothing here touches Lua.
*/
#ifndef O2X_YAML_READER_H
#define O2X_YAML_READER_H

#include <stdbool.h>
#include <stddef.h>

#include <yaml.h>

#define YAML_MAX_BYTES (1 << 20)
#define YAML_MAX_DEPTH 64

/* What is wrong, and where: line and column count from 1. */
struct yaml_fault {
	size_t line, column;
	const char *code;
	char message[256];
};

struct yaml_reader {
	yaml_parser_t yaml;
	bool open, ended;
	bool ascii; /* a character is a byte */
	int depth;
	const char *text; /* not owned */
	size_t length;
	size_t mark_index, mark_byte; /* libyaml counts characters; the last position converted */
	struct yaml_fault fault;
};

/* Starts with a text, which must outlive the reader. -> false: see the fault */
bool yaml_reader_open(struct yaml_reader *r, const char *text, size_t length);

/*
** The next event, which the caller deletes. -> false: see the fault. The last one is
** YAML_STREAM_END_EVENT; nothing may be asked for after it, or after a fault.
*/
bool yaml_reader_next(struct yaml_reader *r, yaml_event_t *event);

/* The byte, from 0, of the character with this number. */
size_t yaml_reader_byte(struct yaml_reader *r, size_t index);

/* Wipes what libyaml copied of the text. */
void yaml_reader_wipe(struct yaml_reader *r);

/* Frees; may be called again. */
void yaml_reader_close(struct yaml_reader *r);

#endif
