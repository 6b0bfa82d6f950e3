/*
** tty.c: what the command line needs to know about its terminal.
*/
#include "host.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/***
 Is the descriptor a terminal?
 @function core.tty.is
 @param fd integer 0 to 2
 @return boolean
*/
static int tty_is(lua_State *L)
{
	lua_pushboolean(L, isatty((int)host_checkrange(L, 1, 0, 2)));
	return 1;
}

/***
 Returns the size of the terminal.
 @function core.tty.size
 @param fd integer 0 to 2
 @return integer columns; 80 if it is no terminal
 @return integer rows; 24 if it is no terminal
*/
static int tty_size(lua_State *L)
{
	struct winsize size = { 0 };
	int failed = ioctl((int)host_checkrange(L, 1, 0, 2), TIOCGWINSZ, &size);
	lua_pushinteger(L, failed || size.ws_col == 0 ? 80 : size.ws_col);
	lua_pushinteger(L, failed || size.ws_row == 0 ? 24 : size.ws_row);
	return 2;
}

/***
 Is all of a text ASCII that a terminal shows as it is? Long lists consist of such texts.
 @function core.tty.is_plain
 @param text string
 @param breaks boolean? line breaks may be in it
 @return boolean
*/
static int tty_is_plain(lua_State *L)
{
	size_t length, i;
	const char *text = luaL_checklstring(L, 1, &length);
	bool breaks = lua_toboolean(L, 2);
	for (i = 0; i < length; i++)
		if ((text[i] < ' ' || text[i] > '~') && !(breaks && text[i] == '\n'))
			break;
	lua_pushboolean(L, i == length);
	return 1;
}

static const luaL_Reg functions[] = { { "is", tty_is },
				      { "size", tty_size },
				      { "is_plain", tty_is_plain },
				      { NULL, NULL } };

int luaopen_o2x_core_tty(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
