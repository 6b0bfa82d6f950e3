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

size_t json_format_number(lua_State *L, int index, char text[JSON_NUMBER_SIZE])
{
	if (lua_isinteger(L, index))
		return format_integer(lua_tointeger(L, index), text);
	double d = lua_tonumber(L, index);
	if (!isfinite(d))
		return 0;
	if (d == floor(d) && fabs(d) <= EXACT)
		return format_integer((lua_Integer)d, text);
	int length = snprintf(text, JSON_NUMBER_SIZE, "%.15g", d);
	if (strtod(text, NULL) != d)
		length = snprintf(text, JSON_NUMBER_SIZE, "%.17g", d);
	return (size_t)length;
}
