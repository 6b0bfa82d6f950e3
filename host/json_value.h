/*
** json_value.h: what JSON and YAML have and Lua lacks: null, and the difference between an empty
** array and an empty object. JSON, YAML and PostgreSQL share them.
*/
#ifndef O2X_JSON_VALUE_H
#define O2X_JSON_VALUE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Pushes the one null: a userdata, equal only to itself. [-0, +1, m] */
void json_pushnull(lua_State *L);

/* Is it the null? [-0, +0, -] */
bool json_isnull(lua_State *L, int idx);

/* Marks the table at idx as an array, so that it stays one when empty. [-0, +0, m] */
void json_markarray(lua_State *L, int idx);

/* Pushes the metatable by which arrays are marked. [-0, +1, m] */
void json_pusharraytype(lua_State *L);

/* Is it a table marked as an array? [-0, +0, -] */
bool json_isarray(lua_State *L, int idx);

/*
** Counts the keys of the table at idx: are all strings, are they all the integers from 1 to that
** count? [-0, +0, -]
*/
size_t json_count_keys(lua_State *L, int idx, bool *strings, bool *sequence);

/*
** Removes what is null from the maps in the table at idx, at every depth. Its levels are limited,
** because it was decoded. [-0, +0, m]
*/
void json_dropnulls(lua_State *L, int idx);

#endif
