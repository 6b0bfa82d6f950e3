/*
** json_skim.c: see json_skim.h. What is left out is passed over, never looked into: a reader of long
** journals is as fast as it can find where values end.
*/
#include "json_skim.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 32 }; /* bytes of a name that can be left out */

struct text {
	const char *at, *end;
};

/* Is the quote at the end of these bytes a part of the string? It is behind an odd number of \. */
static bool is_escaped(const char *start, const char *quote)
{
	const char *at = quote;
	while (at > start && at[-1] == '\\')
		at--;
	return (quote - at) % 2 != 0;
}

/* Passes over a string. -> false: it has no end */
static bool pass_string(struct text *text)
{
	if (text->at >= text->end || *text->at != '"')
		return false;
	const char *start = text->at + 1, *quote = start;
	while ((quote = memchr(quote, '"', (size_t)(text->end - quote)))) {
		if (!is_escaped(start, quote)) {
			text->at = quote + 1;
			return true;
		}
		quote++;
	}
	return false;
}

/* Passes over a value, up to the comma or the brace behind it. */
static bool pass_value(struct text *text)
{
	for (long depth = 0; text->at < text->end;) {
		char c = *text->at;
		if (c == '"') {
			if (!pass_string(text))
				return false;
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}'))
			return true;
		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		text->at++;
	}
	return false;
}

static bool is_among(const char *words, const char *name, size_t length)
{
	char word[LONGEST + 3] = " ";
	if (length == 0 || length > LONGEST)
		return false;
	memcpy(word + 1, name, length);
	word[length + 1] = ' ';
	word[length + 2] = '\0';
	return strstr(words, word) != NULL;
}

size_t json_skim(const char *text, size_t length, const char *without, char *out)
{
	struct text rest = { text + 1, text + length };
	char *to = out;
	if (length < 2 || text[0] != '{' || text[length - 1] != '}')
		return 0;
	*to++ = '{';
	while (rest.at < rest.end) {
		const char *member = rest.at, *name = member + 1;
		if (!pass_string(&rest) || rest.at >= rest.end || *rest.at != ':')
			return 0;
		size_t name_length = (size_t)(rest.at - 1 - name);
		rest.at++;
		if (!pass_value(&rest))
			return 0;
		if (!is_among(without, name, name_length)) {
			size_t size = (size_t)(rest.at - member);
			if (to > out + 1)
				*to++ = ',';
			memcpy(to, member, size);
			to += size;
		}
		if (*rest.at++ == '}')
			break;
	}
	*to++ = '}';
	return rest.at == rest.end ? (size_t)(to - out) : 0;
}
