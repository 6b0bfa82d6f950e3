/*
** json_number.h: numbers as JSON has them; YAML's are the same.
*/
#ifndef O2X_JSON_NUMBER_H
#define O2X_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#define JSON_NUMBER_SIZE 40

/*
** Writes the number at an index, with a NUL. A float that is a whole number is written as an
** integer: 4 / 2 is 2.0 in Lua, and readers of integer fields refuse "2.0". -> the length; 0 if it
** is not finite. [-0, +0, -]
*/
size_t json_format_number(lua_State *L, int index, char text[JSON_NUMBER_SIZE]);

#endif
