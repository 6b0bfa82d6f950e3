/*
** yaml.c: the floor of bench/yaml*.lua: libyaml to Lua tables, Lua tables to text by libyaml, and one
** scalar replaced in the text at libyaml's marks. Without checks: no positions in errors, no limits,
** no keys that are there twice, and of YAML 1.1 only what the files have.
**
**     yaml decode|encode|change|edit FOLDER COUNT PATH VALUE
**
** FOLDER/N.yaml are the files, PATH is image.tag or the like. change and edit write to FOLDER/N.out.
** Prints the seconds of the work.
*/
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>
#include <yaml.h>

enum { MOST = 1 << 20 };

static char text[MOST], out[MOST];

static void fail(const char *what)
{
	fprintf(stderr, "yaml: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- files ---- */

static size_t read_file(const char *folder, int number)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%d.yaml", folder, number);
	FILE *file = fopen(path, "r");
	if (!file)
		fail(path);
	size_t length = fread(text, 1, sizeof text, file);
	fclose(file);
	return length;
}

static void write_file(const char *folder, int number, size_t length)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%d.out", folder, number);
	FILE *file = fopen(path, "w");
	if (!file || fwrite(out, 1, length, file) != length || fclose(file))
		fail(path);
}

/* ---- decode ---- */

static void next(yaml_parser_t *parser, yaml_event_t *event)
{
	if (!yaml_parser_parse(parser, event))
		fail(parser->problem);
}

static void begin(yaml_parser_t *parser, size_t length)
{
	yaml_parser_initialize(parser);
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)text, length);
}

/* Is it an integer, a boolean or null? Pushes it then. */
static bool push_typed(lua_State *L, const char *s)
{
	char *end;
	if ((*s >= '0' && *s <= '9') || *s == '-') {
		long long i = strtoll(s, &end, 10);
		if (*end)
			return false;
		lua_pushinteger(L, i);
	} else if (!strcmp(s, "true") || !strcmp(s, "false")) {
		lua_pushboolean(L, *s == 't');
	} else if (!*s || !strcmp(s, "~") || !strcmp(s, "null")) {
		lua_pushlightuserdata(L, NULL);
	} else {
		return false;
	}
	return true;
}

static void push_scalar(lua_State *L, const yaml_event_t *event)
{
	const char *s = (const char *)event->data.scalar.value;
	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || !push_typed(L, s))
		lua_pushlstring(L, s, event->data.scalar.length);
}

static void push_value(lua_State *L, yaml_parser_t *parser, yaml_event_t *event)
{
	yaml_event_type_t type = event->type;
	yaml_event_t below;
	if (type == YAML_SCALAR_EVENT)
		push_scalar(L, event);
	else
		lua_newtable(L);
	yaml_event_delete(event);
	for (int i = 1; type == YAML_SEQUENCE_START_EVENT; i++) {
		next(parser, &below);
		if (below.type == YAML_SEQUENCE_END_EVENT)
			break;
		push_value(L, parser, &below);
		lua_rawseti(L, -2, i);
	}
	while (type == YAML_MAPPING_START_EVENT) {
		next(parser, &below);
		if (below.type == YAML_MAPPING_END_EVENT)
			break;
		push_value(L, parser, &below);
		next(parser, &below);
		push_value(L, parser, &below);
		lua_rawset(L, -3);
	}
}

static void decode(lua_State *L, size_t length)
{
	yaml_parser_t parser;
	yaml_event_t event;
	begin(&parser, length);
	do {
		next(&parser, &event);
		if (event.type >= YAML_SCALAR_EVENT)
			push_value(L, &parser, &event);
	} while (event.type != YAML_STREAM_END_EVENT);
	yaml_parser_delete(&parser);
}

/* ---- encode ---- */

static void emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
	if (!yaml_emitter_emit(emitter, event))
		fail(emitter->problem);
}

static void emit_text(yaml_emitter_t *emitter, const char *s, size_t length, bool quoted)
{
	yaml_event_t event;
	yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)s, (int)length, 1, 1,
				     quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
					    : YAML_ANY_SCALAR_STYLE);
	emit(emitter, &event);
}

static void emit_scalar(lua_State *L, yaml_emitter_t *emitter)
{
	size_t length;
	const char *s;
	int type = lua_type(L, -1), top = lua_gettop(L);
	if (type == LUA_TSTRING) {
		s = lua_tolstring(L, -1, &length);
		emit_text(emitter, s, length, push_typed(L, s));
	} else {
		s = type == LUA_TLIGHTUSERDATA ? "null" : luaL_tolstring(L, -1, NULL);
		emit_text(emitter, s, strlen(s), false);
	}
	lua_settop(L, top);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void emit_value(lua_State *L, yaml_emitter_t *emitter)
{
	yaml_event_t event;
	const char *keys[256];
	size_t count = 0, items = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
	if (!lua_istable(L, -1)) {
		emit_scalar(L, emitter);
		return;
	}
	if (items) {
		yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						     YAML_BLOCK_SEQUENCE_STYLE);
		emit(emitter, &event);
		for (size_t i = 1; i <= items; i++) {
			lua_rawgeti(L, -1, (lua_Integer)i);
			emit_value(L, emitter);
			lua_pop(L, 1);
		}
		yaml_sequence_end_event_initialize(&event);
		emit(emitter, &event);
		return;
	}
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
		keys[count++] = lua_tostring(L, -2);
	qsort(keys, count, sizeof *keys, by_text);
	yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
	emit(emitter, &event);
	for (size_t i = 0; i < count; i++) {
		emit_text(emitter, keys[i], strlen(keys[i]), false);
		lua_pushstring(L, keys[i]);
		lua_rawget(L, -2);
		emit_value(L, emitter);
		lua_pop(L, 1);
	}
	yaml_mapping_end_event_initialize(&event);
	emit(emitter, &event);
}

/* The value on the top, to `out`. -> its length */
static size_t encode(lua_State *L)
{
	yaml_emitter_t emitter;
	yaml_event_t event;
	size_t length = 0;
	yaml_emitter_initialize(&emitter);
	yaml_emitter_set_output_string(&emitter, (unsigned char *)out, sizeof out, &length);
	yaml_emitter_set_width(&emitter, -1);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	emit(&emitter, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
	emit(&emitter, &event);
	emit_value(L, &emitter);
	yaml_document_end_event_initialize(&event, 1);
	emit(&emitter, &event);
	yaml_stream_end_event_initialize(&event);
	emit(&emitter, &event);
	yaml_emitter_delete(&emitter);
	return length;
}

/* ---- change a value, edit a text ---- */

/* Sets the value at a path of the table on the top. */
static void change(lua_State *L, const char *path, const char *value)
{
	int top = lua_gettop(L);
	for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
		lua_pushlstring(L, path, (size_t)(dot - path));
		lua_rawget(L, -2);
	}
	lua_pushstring(L, path);
	lua_pushstring(L, value);
	lua_rawset(L, -3);
	lua_settop(L, top);
}

/* libyaml counts characters. -> the byte at which one begins */
static size_t byte_of(size_t index)
{
	size_t byte = 0;
	for (; index > 0; index--)
		for (byte++; (text[byte] & 0xc0) == 0x80; byte++)
			;
	return byte;
}

/* Replaces the scalar at a path, of keys only. -> the length of the new text */
static size_t edit(size_t length, const char *path, const char *value)
{
	yaml_parser_t parser;
	yaml_event_t event;
	size_t wanted = 0, first = 0, end = 0;
	int depth = 0, matched = 0; /* parts of the path that lead to here */
	bool key[64] = { false }, here = false, ended = false;
	begin(&parser, length);
	do {
		next(&parser, &event);
		ended = event.type == YAML_STREAM_END_EVENT;
		if (event.type == YAML_SCALAR_EVENT) {
			if (here && !end) {
				first = byte_of(event.start_mark.index);
				end = byte_of(event.end_mark.index);
			}
			const char *s = (const char *)event.data.scalar.value;
			here = false;
			if (key[depth] && depth == matched + 1) {
				wanted = strcspn(path, ".");
				if (event.data.scalar.length == wanted &&
				    !memcmp(s, path, wanted)) {
					path += wanted + (path[wanted] == '.');
					matched++;
					here = !*path;
				}
			}
			key[depth] = !key[depth];
		} else if (event.type == YAML_MAPPING_START_EVENT ||
			   event.type == YAML_SEQUENCE_START_EVENT) {
			key[depth] = true;
			key[++depth] = event.type == YAML_MAPPING_START_EVENT;
		} else if (event.type == YAML_MAPPING_END_EVENT ||
			   event.type == YAML_SEQUENCE_END_EVENT) {
			depth--;
		}
		yaml_event_delete(&event);
	} while (!ended);
	yaml_parser_delete(&parser);
	if (!end)
		fail("no such path");
	memcpy(out, text, first);
	memcpy(out + first, value, strlen(value));
	memcpy(out + first + strlen(value), text + end, length - end);
	return length - (end - first) + strlen(value);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		fail("usage: yaml decode|encode|change|edit FOLDER COUNT PATH VALUE");
	const char *mode = argv[1], *folder = argv[2];
	int count = atoi(argv[3]);
	lua_State *L = luaL_newstate();
	bool encoding = !strcmp(mode, "encode");
	luaL_checkstack(L, count + 100, NULL);
	for (int i = 1; encoding && i <= count; i++)
		decode(L, read_file(folder, i));
	double start = now();
	size_t total = 0;
	for (int i = 1; i <= count; i++) {
		size_t length = encoding ? 0 : read_file(folder, i);
		if (!strcmp(mode, "edit")) {
			write_file(folder, i, edit(length, argv[4], argv[5]));
			continue;
		}
		if (encoding)
			lua_pushvalue(L, i);
		else
			decode(L, length);
		if (!strcmp(mode, "change"))
			change(L, argv[4], argv[5]);
		if (strcmp(mode, "decode") != 0)
			total += length = encode(L);
		if (!strcmp(mode, "change"))
			write_file(folder, i, length);
		lua_pop(L, 1);
	}
	printf("bytes: %zu\nfigure: %.6f\n", total, now() - start);
	return 0;
}
