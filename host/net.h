/*
** net.h: TCP connections that we open, as steps, with or without TLS. net.c has the socket, tls.c
** what TLS adds, resolve.c turns names into addresses. Other modules (redis.c) read and write
** through net_read and net_write.
*/
#ifndef O2X_NET_H
#define O2X_NET_H

#include <lua.h>
#include <stddef.h>

#define NET_TYPE "o2x.net"

struct tls;

struct net {
	int fd;            /* -1: closed */
	struct tls *tls;   /* NULL: plain */
	const char *code;  /* of the last failure */
	char problem[256];
};

/* What net_read, net_write and tls_* give instead of a number of bytes. */
enum { NET_WANT_READ = -1, NET_WANT_WRITE = -2, NET_FAILED = -3 };

/* The open connection at the index; raises when it is closed. [-0, +0, v] */
struct net *net_check(lua_State *L, int index);

/* Reads what is there: bytes, 0 at the end, or one of the above. */
long net_read(struct net *net, char *bytes, size_t size);

/* Writes what can be taken now: bytes, or one of the above. */
long net_write(struct net *net, const char *bytes, size_t length);

/*
** Pushes what a step answers instead of bytes: false and what to wait for, or nil, message, code.
** [-0, +2|3, m]
*/
int net_answer(lua_State *L, const struct net *net, long want);

/* Notes a failure. -> NET_FAILED */
long net_fail(struct net *net, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- tls.c ---- */

/*
** Prepares TLS for a connected socket: the server must prove that it is host, by ca_file or the
** system's authorities. -> 0 or NET_FAILED
*/
long tls_start(struct net *net, const char *host, const char *ca_file);

/* One step of the handshake: 0 when done, or one of NET_*. */
long tls_handshake(struct net *net);
long tls_read(struct net *net, char *bytes, size_t size);
long tls_write(struct net *net, const char *bytes, size_t length);
void tls_free(struct tls *tls);

#endif
