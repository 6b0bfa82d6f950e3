/*
** input.c: reads standard input into a secret, which never passes through a Lua string, and what
** somebody types as an answer.
*/
#include "buffer.h"
#include "host.h"
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define TYPE "o2x.input"

enum { INPUT = 0 }; /* the descriptor */

struct input {
	struct buffer buffer;
	size_t limit;
	int flags; /* of the descriptor, which waiting changes for whoever shares it */
};

/* The terminal while its echo is off. One for the process, which a signal may end at any moment. */
static struct {
	volatile sig_atomic_t silent;
	struct termios before;
} terminal;

void host_restore_terminal(void)
{
	if (terminal.silent)
		tcsetattr(INPUT, TCSANOW, &terminal.before);
	terminal.silent = 0;
}

static int input_gc(lua_State *L)
{
	struct input *input = luaL_checkudata(L, 1, TYPE);
	buffer_free(&input->buffer);
	if (input->flags >= 0)
		fcntl(INPUT, F_SETFL, input->flags);
	input->flags = -1;
	host_restore_terminal();
	return 0;
}

/***
 Starts to read standard input. On a terminal, what is typed is not shown until it is closed.
 @function core.input.open
 @param limit integer largest size in bytes
 @return input
*/
static int input_open(lua_State *L)
{
	lua_Integer limit = host_checkrange(L, 1, 1, (lua_Integer)64 << 20);
	struct input *input = host_newuserdata(L, sizeof *input, TYPE);
	input->limit = (size_t)limit;
	input->flags = fcntl(INPUT, F_GETFL);
	if (!terminal.silent && tcgetattr(INPUT, &terminal.before) == 0) {
		struct termios quiet = terminal.before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		terminal.silent = 1; /* a signal in between restores what is there already */
		terminal.silent = tcsetattr(INPUT, TCSANOW, &quiet) == 0;
	}
	return 1;
}

/***
 Must one wait before a step? What is no pipe, socket or terminal can always be read.
 @function input:waits
 @return boolean
*/
static int input_waits(lua_State *L)
{
	struct stat st;
	luaL_checkudata(L, 1, TYPE);
	bool known = fstat(INPUT, &st) == 0;
	lua_pushboolean(L,
			known && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(INPUT)));
	return 1;
}

/***
 Reads once. It does not block when standard input is readable.
 @function input:step
 @return "more" or "end"; or nil, message, code: an errno's name, or "EFBIG" beyond the limit
*/
static int input_step(lua_State *L)
{
	struct input *input = luaL_checkudata(L, 1, TYPE);
	char chunk[16384];
	ssize_t got = read(INPUT, chunk, sizeof chunk);
	int error = got < 0 && errno != EINTR && errno != EAGAIN ? errno : 0;
	if (got > 0 && input->buffer.length + (size_t)got > input->limit)
		error = EFBIG;
	else if (got > 0 && !buffer_append(&input->buffer, chunk, (size_t)got))
		error = ENOMEM;
	explicit_bzero(chunk, sizeof chunk);
	if (error)
		return host_fail_errno(L, "standard input", error);
	lua_pushstring(L, got == 0 ? "end" : "more");
	return 1;
}

/***
 Returns all that was read.
 @function input:secret
 @param label string
 @return secret
*/
static int input_secret(lua_State *L)
{
	const struct input *input = luaL_checkudata(L, 1, TYPE);
	const char *bytes = input->buffer.bytes ? input->buffer.bytes : "";
	secret_push_message(L, bytes, input->buffer.length, luaL_checkstring(L, 2));
	return 1;
}

/***
 Reads once what somebody types, as text. On a terminal that is a line at most.
 @function core.input.typed
 @return string "" at the end of the input; or nil, message, code
*/
static int input_typed(lua_State *L)
{
	char chunk[4096];
	ssize_t got = read(INPUT, chunk, sizeof chunk);
	if (got < 0)
		return host_fail_errno(L, "standard input", errno);
	lua_pushlstring(L, chunk, (size_t)got);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "waits", input_waits },
	{ "step", input_step },
	{ "secret", input_secret },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "open", input_open },
	{ "typed", input_typed },
	{ NULL, NULL },
};

int luaopen_o2x_core_input(lua_State *L)
{
	host_newtype(L, TYPE, methods, input_gc);
	luaL_newlib(L, functions);
	return 1;
}
