/*
** yaml_reader.c: see yaml_reader.h.
*/
#include "yaml_reader.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool inside_character(const struct yaml_reader *r, size_t byte)
{
	return byte < r->length && ((unsigned char)r->text[byte] & 0xc0) == 0x80;
}

/* Marks come almost in order, so a position is counted from the last one. */
size_t yaml_reader_byte(struct yaml_reader *r, size_t index)
{
	if (r->ascii)
		return index < r->length ? index : r->length;
	while (r->mark_index < index && r->mark_byte < r->length) {
		do
			r->mark_byte++;
		while (inside_character(r, r->mark_byte));
		r->mark_index++;
	}
	while (r->mark_index > index && r->mark_byte > 0) {
		do
			r->mark_byte--;
		while (inside_character(r, r->mark_byte));
		r->mark_index--;
	}
	return r->mark_byte;
}

static bool fail_at(struct yaml_reader *r, yaml_mark_t at, const char *code, const char *problem)
{
	r->ended = true;
	r->fault.line = at.line + 1;
	r->fault.column = at.column + 1;
	r->fault.code = code;
	if (problem != r->fault.message)
		snprintf(r->fault.message, sizeof r->fault.message, "%s", problem);
	return false;
}

/* Two bytes of UTF-16 or UTF-32, with a byte order mark or without: YAML begins with ASCII. */
static bool is_wide(const char *text, size_t length)
{
	if (length < 2)
		return false;
	return !memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2) ||
	       (!text[0] != !text[1]);
}

static bool is_ascii(const char *text, size_t length)
{
	uint64_t bits = 0, word;
	for (; length >= sizeof word; text += sizeof word, length -= sizeof word) {
		memcpy(&word, text, sizeof word);
		bits |= word;
	}
	for (; length; text++, length--)
		bits |= (unsigned char)*text;
	return !(bits & 0x8080808080808080u);
}

/*
** libyaml reports bad bytes with an offset and no mark. Its words are about octets; whoever has an
** editor with another encoding needs other ones.
*/
static bool fail_reader(struct yaml_reader *r)
{
	yaml_mark_t at = { 0 };
	for (size_t i = 0; i < r->yaml.problem_offset && i < r->length; i++) {
		at.column = r->text[i] == '\n' ? 0 : at.column + 1;
		at.line += r->text[i] == '\n';
	}
	if (!r->yaml.problem || !strstr(r->yaml.problem, "control characters"))
		return fail_at(r, at, "syntax", "not UTF-8: save the file as UTF-8");
	if (r->yaml.problem_value == 0)
		return fail_at(r, at, "syntax", "a NUL byte");
	snprintf(r->fault.message, sizeof r->fault.message,
		 "the character U+%04X, which YAML does not allow",
		 (unsigned)r->yaml.problem_value);
	return fail_at(r, at, "syntax", r->fault.message);
}

/* libyaml's message for a tab does not help whoever typed it. */
static bool fail_parse(struct yaml_reader *r)
{
	yaml_mark_t at = r->yaml.problem_mark;
	if (r->yaml.error == YAML_MEMORY_ERROR)
		return fail_at(r, at, "memory", "not enough memory");
	if (r->yaml.error == YAML_READER_ERROR)
		return fail_reader(r);
	size_t byte = yaml_reader_byte(r, at.index);
	if (byte < r->length && r->text[byte] == '\t')
		return fail_at(r, at, "tab", "a tab; YAML is indented with spaces");
	const char *what = r->yaml.problem ? r->yaml.problem : "not YAML", *where = r->yaml.context;
	snprintf(r->fault.message, sizeof r->fault.message, "%s%s%s", what, where ? ", " : "",
		 where ? where : "");
	return fail_at(r, at, "syntax", r->fault.message);
}

bool yaml_reader_open(struct yaml_reader *r, const char *text, size_t length)
{
	static const yaml_mark_t start;
	r->text = text;
	r->length = length;
	if (length > YAML_MAX_BYTES)
		return fail_at(r, start, "size", "larger than 1 MB");
	if (is_wide(text, length))
		return fail_at(r, start, "encoding", "UTF-16: save the file as UTF-8");
	if (!yaml_parser_initialize(&r->yaml))
		return fail_at(r, start, "memory", "not enough memory");
	r->open = true;
	r->ascii = is_ascii(text, length);
	/* A byte order mark would count as a column and misalign the first key. */
	r->mark_byte = length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
	yaml_parser_set_encoding(&r->yaml, YAML_UTF8_ENCODING);
	const unsigned char *first = (const unsigned char *)text + r->mark_byte;
	yaml_parser_set_input_string(&r->yaml, first, length - r->mark_byte);
	return true;
}

bool yaml_reader_next(struct yaml_reader *r, yaml_event_t *event)
{
	if (!yaml_parser_parse(&r->yaml, event))
		return fail_parse(r);
	switch (event->type) {
	case YAML_STREAM_END_EVENT: r->ended = true; break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT: r->depth++; break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: r->depth--; break;
	default: break;
	}
	if (r->depth <= YAML_MAX_DEPTH)
		return true;
	yaml_mark_t at = event->start_mark;
	yaml_event_delete(event);
	return fail_at(r, at, "depth", "nested deeper than 64 levels");
}

/* Its buffers, and the tokens that no event was made of. */
void yaml_reader_wipe(struct yaml_reader *r)
{
	yaml_parser_t *yaml = &r->yaml;
	if (!r->open)
		return;
	explicit_bzero(yaml->raw_buffer.start,
		       (size_t)(yaml->raw_buffer.end - yaml->raw_buffer.start));
	explicit_bzero(yaml->buffer.start, (size_t)(yaml->buffer.end - yaml->buffer.start));
	for (yaml_token_t *token = yaml->tokens.head; token < yaml->tokens.tail; token++)
		if (token->type == YAML_SCALAR_TOKEN)
			explicit_bzero(token->data.scalar.value, token->data.scalar.length);
}

void yaml_reader_close(struct yaml_reader *r)
{
	if (r->open)
		yaml_parser_delete(&r->yaml);
	r->open = false;
}
