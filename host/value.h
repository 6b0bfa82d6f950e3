/*
** value.h: what JSON and YAML have and Lua has not: null, and the difference between an empty
** array and an empty object.
*/
#ifndef O2X_VALUE_H
#define O2X_VALUE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* [-0, +1, m] Pushes the one null: a userdata, equal only to itself. */
void value_pushnull(lua_State *L);

/* [-0, +0, -] */
bool value_isnull(lua_State *L, int idx);

/* [-0, +0, m] Marks the table at `idx` as an array, so that it stays one when it is empty. */
void value_markarray(lua_State *L, int idx);

/* [-0, +0, -] */
bool value_isarray(lua_State *L, int idx);

/*
** The length of the UTF-8 character at `s` (1 to 4), or 0 when it is not one: overlong, a
** surrogate, cut short.
*/
size_t value_utf8len(const char *s, size_t left);

#endif
