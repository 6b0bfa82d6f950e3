/*
** secret_clean.h: remembers texts in which no live secret was found, while there is no new secret:
** the same names and values cross the border again and again.
*/
#ifndef O2X_SECRET_CLEAN_H
#define O2X_SECRET_CLEAN_H

#include <lua.h>
#include <stdbool.h>

/* Pushes the memory of clean texts, empty if a secret has come since it was last used. [-0, +1, m] */
void secret_push_clean(lua_State *L);

/* Is the string at idx known to be clean? The memory is at `memory`. [-0, +0, -] */
bool secret_is_clean(lua_State *L, int memory, int idx);

/* Notes that it is. [-0, +0, m] */
void secret_note_clean(lua_State *L, int memory, int idx);

#endif
