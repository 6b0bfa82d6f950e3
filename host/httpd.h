/*
** httpd.h: what the two files of the HTTP server share. httpd_conn.c talks to libmicrohttpd and
** knows no Lua; httpd.c is what Lua sees.
**
** libmicrohttpd runs without threads on an epoll descriptor of its own, which the loop watches. A
** complete request is suspended and queued. Lua accepts and answers it, and the connection is
** resumed.
*/
#ifndef O2X_HTTPD_H
#define O2X_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "buffer.h"
#include "host.h"
#include "lazy.h"
#include "loop.h"

#define MHD_FUNCTIONS(X) \
	X(MHD_start_daemon) \
	X(MHD_stop_daemon) \
	X(MHD_run) \
	X(MHD_get_timeout) \
	X(MHD_get_daemon_info) \
	X(MHD_get_connection_values) \
	X(MHD_get_connection_info) \
	X(MHD_suspend_connection) \
	X(MHD_resume_connection) \
	X(MHD_create_response_from_buffer) \
	X(MHD_create_response_from_callback) \
	X(MHD_add_response_header) \
	X(MHD_queue_response) \
	X(MHD_destroy_response)
LAZY_DECLARE(mhd, MHD_FUNCTIONS)

struct server {
	struct MHD_Daemon *daemon;
	struct loop_watch *watch;
	struct loop_timer *timer;
	int hangup; /* epoll descriptor that reports streams whose client leaves */
	struct loop_watch *hangup_watch;
	struct loop *loop;
	struct exchange *exchanges;    /* all with a live connection */
	struct exchange *first, *last; /* complete requests that were not accepted yet */
	struct wait *acceptor;
	size_t max_body;
	char *cert, *key; /* PEM; libmicrohttpd keeps the pointers */
};

/*
** One request and its response. Shared by its connection and Lua; freed when both have released it.
*/
struct exchange {
	struct server *server;             /* NULL: the connection is gone */
	struct MHD_Connection *connection; /* NULL before the headers arrive and once gone */
	struct exchange *next, **link;     /* in server->exchanges */
	struct exchange *next_queued;
	int references;
	bool complete, suspended, too_large, dropped;
	char *target, *method;
	struct buffer headers; /* name NUL value NUL … */
	struct buffer body;
	struct MHD_Response *response; /* Lua's response, until it is queued */
	unsigned status;
	/* a streamed response */
	bool streaming, ended, gone;
	int watched; /* its descriptor in server->hangup, or -1 */
	struct buffer out;
	size_t out_read;
	struct wait *notify; /* woken when the client goes away */
};

/* Starts listening. -> NULL or an error message (errno may say why) */
const char *server_start(struct server *server, const struct sockaddr *address);

/* Closes all connections. Requests that Lua still holds become inert. Idempotent. */
void server_stop(struct server *server);

/* Takes the oldest complete request, with a reference for the caller; or NULL. */
struct exchange *server_take(struct server *server);

/* Answers a request that was taken; takes ownership of the response. The client may be gone. */
void exchange_answer(struct exchange *exchange, unsigned status, struct MHD_Response *response);

/* Closes the connection without a response. */
void exchange_drop(struct exchange *exchange);

/* Creates a streamed response. Add headers, then call exchange_answer. -> NULL: no memory */
struct MHD_Response *exchange_stream(struct exchange *exchange);

/* Appends to the stream. -> false when the client is gone or lags too far behind */
bool exchange_write(struct exchange *exchange, const void *bytes, size_t length);

/* Ends the stream. */
void exchange_end(struct exchange *exchange);

void exchange_release(struct exchange *exchange);

#endif
