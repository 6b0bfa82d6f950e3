/*
** io_step.c: see io_step.h.
*/
#include "io_step.h"
#include "host.h"

#include <stdarg.h>
#include <stdio.h>

long io_fail(struct io_failure *failure, const char *code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(failure->message, sizeof failure->message, format, arguments);
	va_end(arguments);
	failure->code = code;
	return IO_FAILED;
}

int io_answer(lua_State *L, const struct io_failure *failure, long step)
{
	if (step == IO_FAILED)
		return host_fail(L, failure->code, "%s", failure->message);
	lua_pushboolean(L, false);
	lua_pushstring(L, step == IO_WANT_WRITE ? "w" : "r");
	return 2;
}
