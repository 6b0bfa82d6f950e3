/*
** secret.h: values that Lua can pass on but not read. Only native modules open them.
*/
#ifndef O2X_SECRET_H
#define O2X_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

/*
** Pushes a secret with a copy of the bytes. label says what it is ("stripe/api_key") and is not
** secret. [-0, +1, m]
*/
void secret_push(lua_State *L, const char *bytes, size_t length, const char *label);

/*
** The same for a number or a boolean, in JSON's own form: it is written to JSON without quotes.
** [-0, +1, m]
*/
void secret_push_literal(lua_State *L, const char *json, size_t length, const char *label);

/*
** The same for a whole request or answer. What is secret in it has a value of its own, so it need
** not be masked after it was collected. [-0, +1, m]
*/
void secret_push_message(lua_State *L, const char *bytes, size_t length, const char *label);

/* Was the secret at index made by secret_push_literal? [-0, +0, -] */
bool secret_is_literal(lua_State *L, int index);

/*
** The bytes of the secret at index, followed by a NUL; or NULL if it is no secret. Valid as long as
** the value. [-0, +0, -]
*/
const char *secret_bytes(lua_State *L, int index, size_t *length);

/* The bytes of the string or secret at index; raises for anything else. [-0, +0, v] */
const char *secret_checkbytes(lua_State *L, int index, size_t *length);

/* The label, or "" if there is none. [-0, +0, -] */
const char *secret_label(lua_State *L, int index);

#endif
