/*
** scrub_units.c: escapes of one character, as they are written by JSON, URLs, HTML, SQL, shells, C,
** Lua, Python, YAML and mail. Where the same text can be read in several ways, all readings count:
** the search masks whatever may be a secret.
*/
#include "scrub_search.h"

#include <string.h>

const bool scrub_escapes[256] = {
	['\\'] = true, ['%'] = true, ['+'] = true, ['&'] = true, ['='] = true, ['\''] = true,
	['"'] = true,  ['$'] = true, ['`'] = true, ['{'] = true, ['}'] = true, [0xef] = true,
};

const char scrub_escape_marks[] = "\\%+&='\"$`{}\xef";

/* ---- numbers ---- */

static int digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Reads up to `most` digits. -> their number */
static size_t number(const unsigned char *text, size_t length, int base, size_t most,
		     unsigned long *value)
{
	size_t n = 0;
	*value = 0;
	while (n < length && n < most && digit(text[n]) < base)
		*value = *value * (unsigned)base + (unsigned)digit(text[n++]);
	return n;
}

/* ---- readings ---- */

struct readings {
	struct scrub_unit *units;
	int count;
};

static void add_byte(struct readings *r, size_t consumed, unsigned long byte)
{
	if (r->count < SCRUB_UNITS && byte < 256)
		r->units[r->count++] = (struct scrub_unit){ consumed, 1, { (unsigned char)byte } };
}

static void add_nothing(struct readings *r, size_t consumed)
{
	if (r->count < SCRUB_UNITS)
		r->units[r->count++] = (struct scrub_unit){ consumed, 0, { 0 } };
}

/* A code point stands for its UTF-8; up to 255 also for the byte. */
static void add_code(struct readings *r, size_t consumed, unsigned long code)
{
	struct scrub_unit unit = { consumed, 0, { 0 } };
	if (code < 0x80 || code > 0x10ffff) {
		add_byte(r, consumed, code);
		return;
	}
	unit.length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (int i = unit.length - 1; i > 0; i--, code >>= 6)
		unit.bytes[i] = (unsigned char)(0x80 | (code & 0x3f));
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unit.bytes[0] = (unsigned char)(marks[unit.length] | code);
	if (r->count < SCRUB_UNITS)
		r->units[r->count++] = unit;
	if (unit.length == 2 && (unit.bytes[0] & 0x1f) < 4)
		add_byte(r, consumed, (unit.bytes[0] & 3u) << 6 | (unit.bytes[1] & 0x3fu));
}

/* ---- backslashes ---- */

/*
** Four digits after a mark of two bytes, "\u" or "%u"; with a second one if that is the other half
** of a surrogate pair.
*/
static void add_utf16(struct readings *r, const unsigned char *s, size_t length)
{
	unsigned long code, low;
	if (number(s + 2, length - 2, 16, 4, &code) != 4)
		return;
	if (code >= 0xd800 && code < 0xdc00 && length >= 12 && memcmp(s + 6, s, 2) == 0 &&
	    number(s + 8, 4, 16, 4, &low) == 4 && low >= 0xdc00 && low < 0xe000)
		add_code(r, 12, 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff)));
	else
		add_code(r, 6, code);
}

/* Digits in braces, \u{41}; s is at the brace. */
static void add_braced(struct readings *r, const unsigned char *s, size_t length, size_t before)
{
	unsigned long code;
	size_t n = number(s + 1, length - 1, 16, 8, &code);
	if (n && n + 1 < length && s[n + 1] == '}')
		add_code(r, before + n + 2, code);
}

static void add_coded(struct readings *r, const unsigned char *s, size_t length)
{
	unsigned long code;
	size_t n;
	if (length > 2 && s[2] == '{') {
		add_braced(r, s + 2, length - 2, 2);
	} else if (s[1] == 'u') {
		add_utf16(r, s, length);
	} else if (s[1] == 'U') {
		if (number(s + 2, length - 2, 16, 8, &code) == 8)
			add_code(r, 10, code);
	} else if ((n = number(s + 2, length - 2, 16, 2, &code)) > 0) {
		add_byte(r, 2 + n, code);
	}
}

/* The end of a line that was broken: a mark and a newline. -> its length, or 0 */
static size_t line_break(const unsigned char *s, size_t length)
{
	size_t n = length > 1 && s[1] == '\r' ? 2 : 1;
	return n < length && s[n] == '\n' ? n + 1 : 0;
}

/* It stands for nothing; in YAML the indentation after it, too; in Lua, for a newline. */
static void add_line_break(struct readings *r, const unsigned char *s, size_t length, size_t n)
{
	size_t indented = n;
	while (indented < length && (s[indented] == ' ' || s[indented] == '\t'))
		indented++;
	add_nothing(r, n);
	if (indented > n)
		add_nothing(r, indented);
	add_byte(r, n, '\n');
}

static void add_backslash(struct readings *r, const unsigned char *s, size_t length)
{
	static const char letters[] = "abefnrtvs", meant[] = "\a\b\033\f\n\r\t\v ";
	unsigned long octal, decimal;
	if (length < 2)
		return;
	size_t n = line_break(s, length);
	if (n) {
		add_line_break(r, s, length, n);
	} else if (s[1] == 'u' || s[1] == 'U' || s[1] == 'x') {
		add_coded(r, s, length);
	} else if (s[1] >= '0' && s[1] <= '9') {
		n = number(s + 1, length - 1, 8, 3, &octal);
		if (n)
			add_byte(r, 1 + n, octal);
		n = number(s + 1, length - 1, 10, 3, &decimal);
		if (decimal != octal)
			add_byte(r, 1 + n, decimal);
		if (s[1] == '0' && n > 1)
			add_byte(r, 2, 0);
	} else {
		const char *at = s[1] ? strchr(letters, s[1]) : NULL;
		if (at)
			add_byte(r, 2, (unsigned char)meant[at - letters]);
		add_byte(r, 2, s[1]);
	}
}

/* ---- HTML ---- */

static const struct {
	const char *name;
	unsigned code;
} entities[] = {
	{ "lt", '<' },      { "gt", '>' },      { "amp", '&' },     { "quot", '"' },
	{ "apos", '\'' },   { "nbsp", ' ' },    { "Tab", '\t' },    { "NewLine", '\n' },
	{ "excl", '!' },    { "num", '#' },     { "dollar", '$' },  { "percnt", '%' },
	{ "lpar", '(' },    { "rpar", ')' },    { "ast", '*' },     { "midast", '*' },
	{ "plus", '+' },    { "comma", ',' },   { "period", '.' },  { "sol", '/' },
	{ "colon", ':' },   { "semi", ';' },    { "equals", '=' },  { "quest", '?' },
	{ "commat", '@' },  { "lsqb", '[' },    { "lbrack", '[' },  { "rsqb", ']' },
	{ "rbrack", ']' },  { "bsol", '\\' },   { "Hat", '^' },     { "lowbar", '_' },
	{ "grave", '`' },   { "lcub", '{' },    { "lbrace", '{' },  { "rcub", '}' },
	{ "rbrace", '}' },  { "verbar", '|' },  { "vert", '|' },    { "hyphen", '-' },
	{ "LT", '<' },      { "GT", '>' },      { "AMP", '&' },     { "QUOT", '"' },
	{ "pound", 0xa3 },  { "sect", 0xa7 },   { "copy", 0xa9 },   { "reg", 0xae },
	{ "deg", 0xb0 },    { "para", 0xb6 },   { "Auml", 0xc4 },   { "Aring", 0xc5 },
	{ "AElig", 0xc6 },  { "Ccedil", 0xc7 }, { "Eacute", 0xc9 }, { "Ntilde", 0xd1 },
	{ "Ouml", 0xd6 },   { "Oslash", 0xd8 }, { "Uuml", 0xdc },   { "szlig", 0xdf },
	{ "agrave", 0xe0 }, { "aacute", 0xe1 }, { "acirc", 0xe2 },  { "atilde", 0xe3 },
	{ "auml", 0xe4 },   { "aring", 0xe5 },  { "aelig", 0xe6 },  { "ccedil", 0xe7 },
	{ "egrave", 0xe8 }, { "eacute", 0xe9 }, { "ecirc", 0xea },  { "euml", 0xeb },
	{ "igrave", 0xec }, { "iacute", 0xed }, { "icirc", 0xee },  { "iuml", 0xef },
	{ "ntilde", 0xf1 }, { "ograve", 0xf2 }, { "oacute", 0xf3 }, { "ocirc", 0xf4 },
	{ "otilde", 0xf5 }, { "ouml", 0xf6 },   { "oslash", 0xf8 }, { "ugrave", 0xf9 },
	{ "uacute", 0xfa }, { "ucirc", 0xfb },  { "uuml", 0xfc },   { "yuml", 0xff },
	{ "euro", 0x20ac },
};

static void add_entity(struct readings *r, const unsigned char *s, size_t length)
{
	unsigned long code;
	if (length > 3 && s[1] == '#') {
		size_t from = (s[2] | 0x20) == 'x' ? 3 : 2;
		size_t n = number(s + from, length - from, from == 3 ? 16 : 10, 12, &code);
		bool closed = from + n < length && s[from + n] == ';';
		if (n)
			add_code(r, from + n + closed, code);
		return;
	}
	for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
		size_t n = strlen(entities[i].name);
		if (length > n + 1 && s[n + 1] == ';' && memcmp(s + 1, entities[i].name, n) == 0) {
			add_code(r, n + 2, entities[i].code);
			return;
		}
	}
}

/* ---- the others ---- */

static void add_percent(struct readings *r, const unsigned char *s, size_t length)
{
	unsigned long code;
	if (length >= 3 && number(s + 1, 2, 16, 2, &code) == 2)
		add_byte(r, 3, code);
	else if (length >= 6 && s[1] == 'u')
		add_utf16(r, s, length);
}

/* Mail: =41, and = at the end of a line that was broken. */
static void add_equals(struct readings *r, const unsigned char *s, size_t length)
{
	unsigned long code;
	size_t n = line_break(s, length);
	if (n)
		add_line_break(r, s, length, n);
	else if (length >= 3 && number(s + 1, 2, 16, 2, &code) == 2)
		add_byte(r, 3, code);
}

/* A shell's ways to write a single quote within single quotes. */
static void add_shell_quote(struct readings *r, const unsigned char *s, size_t length)
{
	if (length >= 4 && memcmp(s, "'\\''", 4) == 0)
		add_byte(r, 4, '\'');
	if (length >= 5 && memcmp(s, "'\"'\"'", 5) == 0)
		add_byte(r, 5, '\'');
}

int scrub_units(const unsigned char *text, size_t length, struct scrub_unit units[SCRUB_UNITS])
{
	struct readings r = { units, 0 };
	unsigned char c = *text;
	switch (c) {
	case '\\': add_backslash(&r, text, length); break;
	case '&': add_entity(&r, text, length); break;
	case '%': add_percent(&r, text, length); break;
	case '=': add_equals(&r, text, length); break;
	case '+': add_byte(&r, 1, ' '); break;
	case '\'': add_shell_quote(&r, text, length); break;
	case 0xef: /* U+FFFD, which stands for what is not UTF-8 */
		if (length >= 3 && text[1] == 0xbf && text[2] == 0xbd)
			add_code(&r, 3, 0xfffd);
		break;
	default: break;
	}
	/* SQL, CSV, makefiles and templates double such a character. */
	if (length >= 2 && text[1] == c && c != '\\' && strchr("'\"$`%{}", c))
		add_byte(&r, 2, c);
	return r.count;
}
