/*
** clock.c: the time of day, and reading and writing it as text (ISO 8601, RFC 3339). Always UTC:
** neither the locale nor the machine's time zone matters.
*/
#include "host.h"
#include "secret.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIRST_SECOND -62135596800 /* 0001-01-01T00:00:00Z */
#define LAST_SECOND 253402300799  /* 9999-12-31T23:59:59Z */

/***
 Returns the time of day.
 @function core.clock.wall
 @return integer seconds since 1970
 @return integer nanoseconds of the second
*/
static int clock_wall(lua_State *L)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	lua_pushinteger(L, now.tv_sec);
	lua_pushinteger(L, now.tv_nsec);
	return 2;
}

/***
 Returns the time of a clock that is never adjusted. Only differences mean something.
 @function core.clock.monotonic
 @return number seconds
*/
static int clock_monotonic(lua_State *L)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
	return 1;
}

/***
 Returns the time since the machine started, with the time that it slept. It is never adjusted. Only
 differences mean something.
 @function core.clock.boottime
 @return number seconds
*/
static int clock_boottime(lua_State *L)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
	return 1;
}

/***
 Formats a time as text.
 @function core.clock.format
 @param seconds integer since 1970
 @param nanoseconds integer
 @param digits integer digits of the fraction, 0 to 9
 @return string such as "2026-02-14T09:30:00.123Z"
*/
static int clock_format(lua_State *L)
{
	time_t seconds = (time_t)host_checkrange(L, 1, FIRST_SECOND, LAST_SECOND);
	long nanoseconds = (long)host_checkrange(L, 2, 0, 999999999);
	int digits = (int)host_checkrange(L, 3, 0, 9);
	struct tm tm;
	char text[80], fraction[16];
	gmtime_r(&seconds, &tm);
	snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	snprintf(fraction, sizeof fraction, ".%09ld", nanoseconds);
	fraction[digits ? digits + 1 : 0] = '\0';
	lua_pushfstring(L, "%s%sZ", text, fraction);
	return 1;
}

/* Reads n digits. -> false if they are not there */
static bool number(const char **s, int n, int *value)
{
	*value = 0;
	while (n--) {
		if (**s < '0' || **s > '9')
			return false;
		*value = *value * 10 + (*(*s)++ - '0');
	}
	return true;
}

static bool expect(const char **s, const char *any)
{
	return **s && strchr(any, **s) ? ((*s)++, true) : false;
}

static bool date(const char **s, struct tm *tm)
{
	if (!number(s, 4, &tm->tm_year) || !expect(s, "-") || !number(s, 2, &tm->tm_mon))
		return false;
	if (!expect(s, "-") || !number(s, 2, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return true;
}

static bool time_of_day(const char **s, struct tm *tm, long *nanoseconds)
{
	if (!number(s, 2, &tm->tm_hour) || !expect(s, ":") || !number(s, 2, &tm->tm_min))
		return false;
	if (!expect(s, ":") || !number(s, 2, &tm->tm_sec))
		return false;
	if (!expect(s, "."))
		return true;
	long unit = 100000000;
	const char *start = *s;
	for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
		*nanoseconds += (**s - '0') * unit;
	return *s > start;
}

/*
** "Z", "+05:30", "-0800", "+00", and PostgreSQL's "+00:53:28" of a time before there were time
** zones: seconds east of Greenwich.
*/
static bool offset(const char **s, long *east)
{
	if (expect(s, "Zz"))
		return true;
	int hours, minutes = 0, seconds = 0;
	int sign = **s == '-' ? -1 : 1;
	if (!expect(s, "+-") || !number(s, 2, &hours))
		return false;
	bool colon = expect(s, ":");
	if ((colon || **s) && !number(s, 2, &minutes))
		return false;
	if (colon && expect(s, ":") && !number(s, 2, &seconds))
		return false;
	*east = sign * (hours * 3600L + minutes * 60L + seconds);
	return hours < 24 && minutes < 60 && seconds < 60;
}

/***
 Parses a date, or a date and time with an offset: "2026-02-14T09:30:00.5+01:00", with a T or a
 space.
 @function core.clock.parse
 @param text string, or a secret that holds a date (the time itself is not treated as secret)
 @return integer seconds since 1970, or nil, message, "syntax"
 @return integer nanoseconds
*/
static int clock_parse(lua_State *L)
{
	size_t length;
	bool hidden = secret_bytes(L, 1, &length) != NULL;
	const char *text = hidden ? secret_bytes(L, 1, &length) : host_checkcstr(L, 1), *s = text;
	struct tm tm = { 0 }, again;
	long nanoseconds = 0, east = 0;
	bool good = date(&s, &tm);
	if (good && *s)
		good = expect(&s, "Tt ") && time_of_day(&s, &tm, &nanoseconds) && offset(&s, &east);
	time_t seconds = 0;
	if (good && !*s) {
		/* timegm moves February 30 to March: a date that comes back changed was none. */
		int leap = tm.tm_sec == 60; /* a leap second is counted as the one before it */
		tm.tm_sec -= leap;
		again = tm;
		seconds = timegm(&again);
		good = again.tm_mday == tm.tm_mday && again.tm_mon == tm.tm_mon &&
		       again.tm_hour == tm.tm_hour && again.tm_min == tm.tm_min &&
		       again.tm_sec == tm.tm_sec && tm.tm_year > -1900;
	}
	if ((!good || *s) && hidden)
		return host_fail(L, "syntax", "not a date or a time with an offset");
	if (!good || *s)
		return host_fail(L, "syntax", "not a date or a time with an offset: %.40s", text);
	lua_pushinteger(L, seconds - east);
	lua_pushinteger(L, nanoseconds);
	return 2;
}

static const luaL_Reg functions[] = {
	{ "wall", clock_wall },         { "monotonic", clock_monotonic },
	{ "boottime", clock_boottime }, { "format", clock_format },
	{ "parse", clock_parse },       { NULL, NULL },
};

int luaopen_o2x_core_clock(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
