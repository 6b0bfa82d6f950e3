/* json.h: json.c decodes and registers; json_encode.c encodes. */
#ifndef O2X_JSON_H
#define O2X_JSON_H

#include <lua.h>

#define JSON_MAX_DEPTH 256 /* four times what scripts may nest: see base/plain.lua */

/* core.json.encode, core.json.encode_secret: lua_CFunctions, documented where they are defined. */
int json_encode(lua_State *L);
int json_encode_secret(lua_State *L);

#endif
