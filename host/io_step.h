/*
** io_step.h: the result of one step of non-blocking I/O, for sockets (net.c) and TLS on them
** (tls.c): a number of bytes, what to wait for, or a failure.
*/
#ifndef O2X_IO_STEP_H
#define O2X_IO_STEP_H

#include <lua.h>

enum { IO_WANT_READ = -1, IO_WANT_WRITE = -2, IO_FAILED = -3 };

/* The last failure of a connection. */
struct io_failure {
	const char *code;
	char message[256];
};

/* Records a failure. -> IO_FAILED */
long io_fail(struct io_failure *failure, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
** Pushes what a step returns to Lua instead of bytes: false and what to wait for, or nil, message,
** code. -> number of results [-0, +2|3, m]
*/
int io_answer(lua_State *L, const struct io_failure *failure, long step);

#endif
