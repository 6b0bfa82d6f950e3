/*
** net.h: TCP connections that we open, with or without TLS, as steps (io_step.h). Other modules
** (redis.c) read and write through net_read and net_write.
*/
#ifndef O2X_NET_H
#define O2X_NET_H

#include <lua.h>
#include <stddef.h>

#include "io_step.h"

#define NET_TYPE "o2x.net"

struct tls;

struct net {
	int fd;                    /* -1: closed */
	struct tls *tls;           /* NULL: plain */
	struct io_failure failure; /* the last one */
};

/* The open connection at the index; raises when it is closed. [-0, +0, v] */
struct net *net_check(lua_State *L, int index);

/* Reads what has arrived: number of bytes, 0 at the end, or one of IO_*. */
long net_read(struct net *net, char *bytes, size_t size);

/* Writes as much as the system accepts: number of bytes, or one of IO_*. */
long net_write(struct net *net, const char *bytes, size_t length);

#endif
