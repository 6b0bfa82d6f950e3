/*
** tls.h: TLS on a connected socket, as steps (io_step.h). The server's certificate is always
** verified.
*/
#ifndef O2X_TLS_H
#define O2X_TLS_H

#include <stddef.h>

#include "io_step.h"

struct tls;

/*
** Prepares TLS on the socket: the server must prove that it is host, by the authorities in ca_file,
** or by the system's when that is NULL. The caller keeps the socket and the failure alive. -> NULL:
** see failure
*/
struct tls *tls_new(int fd, const char *host, const char *ca_file, struct io_failure *failure);

/* Does not close the socket. */
void tls_free(struct tls *tls);

/* One step of the handshake: 0 when done, or one of IO_*. */
long tls_handshake(struct tls *tls);

/* Reads what is there: bytes, 0 at the end, or one of IO_*. */
long tls_read(struct tls *tls, char *bytes, size_t size);

/* Writes what can be taken now: bytes, or one of IO_*. */
long tls_write(struct tls *tls, const char *bytes, size_t length);

#endif
