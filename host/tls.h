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
** Prepares TLS on the socket. The server's certificate must name host and be signed by an authority
** in ca_file, or by one of the system's when that is NULL. The caller keeps socket and failure
** alive. -> NULL: see failure
*/
struct tls *tls_new(int fd, const char *host, const char *ca_file, struct io_failure *failure);

/* Does not close the socket. */
void tls_free(struct tls *tls);

/* One step of the handshake: 0 when done, or one of IO_*. */
long tls_handshake(struct tls *tls);

/* Reads what has arrived: number of bytes, 0 at the end, or one of IO_*. */
long tls_read(struct tls *tls, char *bytes, size_t size);

/* Writes as much as is accepted now: number of bytes, or one of IO_*. */
long tls_write(struct tls *tls, const char *bytes, size_t length);

#endif
