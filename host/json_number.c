/*
** json_number.c: see json_number.h.
*/
#include "json_number.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double EXACT = 9007199254740992.0; /* up to here each integer has its own double */

static size_t format_integer(lua_Integer i, char *text)
{
	char digits[24];
	size_t count = 0, length = 0;
	uint64_t rest = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
	do
		digits[count++] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (i < 0)
		text[length++] = '-';
	while (count)
		text[length++] = digits[--count];
	text[length] = '\0';
	return length;
}

/*
** A float with at most six digits behind the point, as durations and amounts have. It has at most 15
** digits in all, so "%.15g" would give the same text, after 20 times as much work. -> 0: it has more
*/
static size_t format_decimal(double d, char *text)
{
	enum { PLACES = 6 };
	const double unit = 1e6;
	double size = fabs(d);
	if (!(size >= 1e-4 && size < 1e9))
		return 0;
	lua_Integer units = (lua_Integer)(size * unit + 0.5);
	if ((double)units / unit != size)
		return 0;
	size_t length = 0;
	if (d < 0)
		text[length++] = '-';
	length += format_integer(units / (lua_Integer)unit, text + length);
	text[length] = '.';
	lua_Integer rest = units % (lua_Integer)unit;
	for (int i = PLACES; i > 0; rest /= 10)
		text[length + (size_t)i--] = (char)('0' + rest % 10);
	length += PLACES + 1;
	while (text[length - 1] == '0')
		length--;
	text[length] = '\0';
	return length;
}

size_t json_format_number(lua_State *L, int index, char text[JSON_NUMBER_SIZE])
{
	if (lua_isinteger(L, index))
		return format_integer(lua_tointeger(L, index), text);
	double d = lua_tonumber(L, index);
	if (!isfinite(d))
		return 0;
	if (d == floor(d) && fabs(d) <= EXACT)
		return format_integer((lua_Integer)d, text);
	size_t short_length = format_decimal(d, text);
	if (short_length)
		return short_length;
	int length = snprintf(text, JSON_NUMBER_SIZE, "%.15g", d);
	if (strtod(text, NULL) != d)
		length = snprintf(text, JSON_NUMBER_SIZE, "%.17g", d);
	return (size_t)length;
}
