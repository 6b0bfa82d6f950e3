/*
** redis.h: what redis.c and redis_page.c share: a client, and the next reply of its server.
*/
#ifndef O2X_REDIS_H
#define O2X_REDIS_H

#include "buffer.h"

#include <hiredis/hiredis.h>
#include <lua.h>

struct redis {
	redisReader *reader;
	struct buffer out; /* queued commands; they may hold a password */
};

/* The client at index 1. [-0, +0, v] */
struct redis *redis_check(lua_State *L);

/*
** Takes the next reply. Its owner is a userdata on the stack, so that an error of Lua frees it;
** redis_release frees it at once. -> the number of values pushed, and *reply; no reply: all but the
** owner is the answer for Lua, "more" or nil, message, code. [-0, +(1..4), m]
*/
int redis_take(lua_State *L, struct redis *redis, redisReply **reply);

/* Frees the reply of the owner at the index. */
void redis_release(lua_State *L, int owner);

int redis_page(lua_State *L);
int redis_url(lua_State *L);

#endif
