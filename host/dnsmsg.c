/*
** dnsmsg.c: parses a DNS message (RFC 1035) into a table. The bytes come from the network and are
** not trusted: every read is bounds-checked, each compression pointer must point before the
** previous one (so there are no loops), a name has at most 255 bytes, and fields must end where
** their record ends. Used for the answers that o2x receives and for the queries that the lab's name
** server receives.
*/
#include "host.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NAME_TEXT 1025 /* 255 bytes, each \ddd at worst, and the NUL */

enum {
	A = 1,
	NS = 2,
	CNAME = 5,
	SOA = 6,
	PTR = 12,
	MX = 15,
	TXT = 16,
	AAAA = 28,
	SRV = 33,
	CAA = 257
};

struct message {
	const uint8_t *bytes;
	size_t size, at;
	const char *problem; /* the first error; reads return 0 after it */
};

static void complain(struct message *m, const char *problem)
{
	if (!m->problem)
		m->problem = problem;
}

/* ---- reading ---- */

static uint32_t read_number(struct message *m, size_t width, size_t end)
{
	uint32_t value = 0;
	if (m->problem || width > end || m->at > end - width) {
		complain(m, "a field extends past its end");
		return 0;
	}
	for (size_t i = 0; i < width; i++)
		value = value << 8 | m->bytes[m->at++];
	return value;
}

static const char *read_bytes(struct message *m, size_t count, size_t end)
{
	const char *start = (const char *)m->bytes + m->at;
	if (m->problem || count > end || m->at > end - count) {
		complain(m, "a field extends past its end");
		return NULL;
	}
	m->at += count;
	return start;
}

static size_t write_label(char *text, const uint8_t *label, size_t length)
{
	size_t n = 0;
	for (size_t i = 0; i < length; i++) {
		uint8_t c = label[i];
		if (c == '.' || c == '\\') {
			text[n++] = '\\';
			text[n++] = (char)c;
		} else if (c > ' ' && c < 127) {
			text[n++] = (char)c;
		} else {
			n += (size_t)snprintf(text + n, 5, "\\%03u", c);
		}
	}
	text[n++] = '.';
	return n;
}

/* Reads a name, with the final dot. Leaves m->at after the name, not where its pointers led. */
static void read_name(struct message *m, char text[NAME_TEXT])
{
	size_t at = m->at, lowest = at, total = 0, n = 0;
	bool jumped = false;
	text[0] = '\0';
	while (!m->problem) {
		uint8_t length = at < m->size ? m->bytes[at] : 0;
		if (at >= m->size) {
			complain(m, "a name extends past its end");
		} else if ((length & 0xC0) == 0xC0) {
			size_t target = m->size;
			if (at + 1 < m->size)
				target = (size_t)(length & 0x3F) << 8 | m->bytes[at + 1];
			if (!jumped)
				m->at = at + 2;
			jumped = true;
			if (target >= lowest)
				complain(m, "a compression pointer does not point back");
			at = lowest = target;
		} else if (length & 0xC0) {
			complain(m, "a label of unknown kind");
		} else if (length == 0) {
			break;
		} else if ((total += length + 1u) > 254) {
			complain(m, "a name is longer than 255 bytes");
		} else if (at + 1 + length > m->size) {
			complain(m, "a name extends past its end");
		} else {
			n += write_label(text + n, m->bytes + at + 1, length);
			at += 1u + length;
		}
	}
	if (!jumped)
		m->at = at + 1;
	if (n == 0)
		text[n++] = '.';
	text[n] = '\0';
}

/* ---- a record's data: sets named fields in the table on top, then pushes the text form ---- */

static void set_name(lua_State *L, struct message *m, const char *key, char text[NAME_TEXT])
{
	read_name(m, text);
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

static lua_Integer set_number(lua_State *L, struct message *m, const char *key, size_t width,
			      size_t end)
{
	lua_Integer value = read_number(m, width, end);
	lua_pushinteger(L, value);
	lua_setfield(L, -2, key);
	return value;
}

static void add_quoted(luaL_Buffer *buffer, const char *bytes, size_t length)
{
	luaL_addchar(buffer, '"');
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)bytes[i];
		char escaped[5];
		const char *format = c >= ' ' && c < 127 ? "%c" : "\\%03u";
		if (c == '"' || c == '\\')
			format = "\\%c";
		snprintf(escaped, sizeof escaped, format, c);
		luaL_addstring(buffer, escaped);
	}
	luaL_addchar(buffer, '"');
}

static void push_address(lua_State *L, struct message *m, int family, size_t width, size_t end)
{
	char text[INET6_ADDRSTRLEN] = "";
	const char *bytes = read_bytes(m, width, end);
	if (bytes)
		inet_ntop(family, bytes, text, sizeof text);
	lua_pushstring(L, text);
}

static void push_soa(lua_State *L, struct message *m, size_t end)
{
	static const char *const keys[] = { "serial", "refresh", "retry", "expire", "minimum" };
	char first[NAME_TEXT], second[NAME_TEXT];
	lua_Integer n[5];
	set_name(L, m, "mname", first);
	set_name(L, m, "rname", second);
	for (int i = 0; i < 5; i++)
		n[i] = set_number(L, m, keys[i], 4, end);
	lua_pushfstring(L, "%s %s %I %I %I %I %I", first, second, n[0], n[1], n[2], n[3], n[4]);
}

static void push_srv(lua_State *L, struct message *m, size_t end)
{
	char target[NAME_TEXT];
	lua_Integer priority = set_number(L, m, "priority", 2, end);
	lua_Integer weight = set_number(L, m, "weight", 2, end);
	lua_Integer port = set_number(L, m, "port", 2, end);
	set_name(L, m, "target", target);
	lua_pushfstring(L, "%I %I %I %s", priority, weight, port, target);
}

static void push_mx(lua_State *L, struct message *m, size_t end)
{
	char exchange[NAME_TEXT];
	lua_Integer preference = set_number(L, m, "preference", 2, end);
	set_name(L, m, "exchange", exchange);
	lua_pushfstring(L, "%I %s", preference, exchange);
}

static void push_txt(lua_State *L, struct message *m, size_t end)
{
	luaL_Buffer plain, quoted;
	size_t start = m->at;
	/* Two passes, because two buffers cannot grow at the same time. */
	luaL_buffinit(L, &plain);
	while (m->at < end && !m->problem) {
		size_t length = read_number(m, 1, end);
		const char *bytes = read_bytes(m, length, end);
		if (bytes)
			luaL_addlstring(&plain, bytes, length);
	}
	luaL_pushresult(&plain);
	lua_setfield(L, -2, "text");
	m->at = start;
	luaL_buffinit(L, &quoted);
	while (m->at < end && !m->problem) {
		size_t length = read_number(m, 1, end);
		const char *bytes = read_bytes(m, length, end);
		if (m->at - length - 1 > start)
			luaL_addchar(&quoted, ' ');
		if (bytes)
			add_quoted(&quoted, bytes, length);
	}
	luaL_pushresult(&quoted);
}

static void push_caa(lua_State *L, struct message *m, size_t end)
{
	lua_Integer flags = set_number(L, m, "flags", 1, end);
	size_t length = read_number(m, 1, end);
	const char *tag = read_bytes(m, length, end);
	size_t rest = end > m->at ? end - m->at : 0;
	const char *value = read_bytes(m, rest, end);
	luaL_Buffer text;
	char number[16];
	lua_pushlstring(L, tag ? tag : "", tag ? length : 0);
	lua_setfield(L, -2, "tag");
	luaL_buffinit(L, &text);
	luaL_addlstring(&text, number, (size_t)snprintf(number, sizeof number, "%d ", (int)flags));
	luaL_addlstring(&text, tag ? tag : "", tag ? length : 0);
	luaL_addchar(&text, ' ');
	add_quoted(&text, value ? value : "", value ? rest : 0);
	luaL_pushresult(&text);
}

/* A type that is not known here is shown as RFC 3597 says: \# length hex. */
static void push_unknown(lua_State *L, struct message *m, size_t length, size_t end)
{
	const char *bytes = read_bytes(m, length, end);
	luaL_Buffer text;
	char piece[32];
	luaL_buffinit(L, &text);
	luaL_addlstring(&text, piece, (size_t)snprintf(piece, sizeof piece, "\\# %zu ", length));
	for (size_t i = 0; bytes && i < length; i++)
		luaL_addlstring(&text, piece,
				(size_t)snprintf(piece, sizeof piece, "%02X",
						 (unsigned char)bytes[i]));
	luaL_pushresult(&text);
}

static void push_data(lua_State *L, struct message *m, int type, size_t length, size_t end)
{
	char name[NAME_TEXT];
	switch (type) {
	case A: push_address(L, m, AF_INET, 4, end); break;
	case AAAA: push_address(L, m, AF_INET6, 16, end); break;
	case NS:
	case CNAME:
	case PTR:
		read_name(m, name);
		lua_pushstring(L, name);
		break;
	case SOA: push_soa(L, m, end); break;
	case MX: push_mx(L, m, end); break;
	case TXT: push_txt(L, m, end); break;
	case SRV: push_srv(L, m, end); break;
	case CAA: push_caa(L, m, end); break;
	default: push_unknown(L, m, length, end); break;
	}
}

/* ---- the message ---- */

static void read_record(lua_State *L, struct message *m)
{
	char name[NAME_TEXT];
	lua_newtable(L);
	set_name(L, m, "name", name);
	int type = (int)set_number(L, m, "type", 2, m->size);
	set_number(L, m, "class", 2, m->size);
	set_number(L, m, "ttl", 4, m->size);
	size_t length = read_number(m, 2, m->size);
	size_t end = m->at + length;
	if (end > m->size)
		complain(m, "a record extends past the end");
	if (m->problem)
		return;
	push_data(L, m, type, length, end);
	lua_setfield(L, -2, "value");
	if (m->at != end)
		complain(m, "the length of a record is wrong");
}

static void read_question(lua_State *L, struct message *m)
{
	char name[NAME_TEXT];
	lua_newtable(L);
	set_name(L, m, "name", name);
	set_number(L, m, "type", 2, m->size);
	set_number(L, m, "class", 2, m->size);
}

typedef void reader(lua_State *L, struct message *m);

static void read_section(lua_State *L, struct message *m, const char *key, uint32_t count,
			 reader *read)
{
	lua_newtable(L);
	/* The count is not trusted: if it is too high, the bytes run out first. */
	for (uint32_t i = 1; i <= count && !m->problem; i++) {
		read(L, m);
		lua_rawseti(L, -2, i);
	}
	lua_setfield(L, -2, key);
}

static void set_flag(lua_State *L, const char *key, uint32_t flags, int bit)
{
	lua_pushboolean(L, (int)(flags >> bit & 1));
	lua_setfield(L, -2, key);
}

/***
 Reads a DNS message.
 @function core.dnsmsg.parse
 @param bytes string
 @return table {id, response, opcode, authoritative, truncated, recursion_desired, rcode, questions,
  answers, authority, additional}; records have name, type (a number), class, ttl, value (as a zone
  file has it) and fields of their type; or nil, message, "malformed"
*/
static int dnsmsg_parse(lua_State *L)
{
	struct message m = { 0 };
	m.bytes = (const uint8_t *)luaL_checklstring(L, 1, &m.size);
	uint32_t counts[4];
	lua_newtable(L);
	set_number(L, &m, "id", 2, m.size);
	uint32_t flags = read_number(&m, 2, m.size);
	for (int i = 0; i < 4; i++)
		counts[i] = read_number(&m, 2, m.size);
	set_flag(L, "response", flags, 15);
	set_flag(L, "authoritative", flags, 10);
	set_flag(L, "truncated", flags, 9);
	set_flag(L, "recursion_desired", flags, 8);
	lua_pushinteger(L, flags >> 11 & 15);
	lua_setfield(L, -2, "opcode");
	lua_pushinteger(L, flags & 15);
	lua_setfield(L, -2, "rcode");
	read_section(L, &m, "questions", counts[0], read_question);
	read_section(L, &m, "answers", counts[1], read_record);
	read_section(L, &m, "authority", counts[2], read_record);
	read_section(L, &m, "additional", counts[3], read_record);
	if (m.problem)
		return host_fail(L, "malformed", "malformed DNS message: %s", m.problem);
	return 1;
}

static const luaL_Reg functions[] = { { "parse", dnsmsg_parse }, { NULL, NULL } };

int luaopen_o2x_core_dnsmsg(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
