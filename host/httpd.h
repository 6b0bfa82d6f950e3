/*
** httpd.h: the HTTP server, what its two files share. httpd_conn.c talks to libmicrohttpd and knows
** no Lua; httpd.c is what Lua sees.
**
** libmicrohttpd runs without threads on an epoll descriptor of its own, which the loop watches. A
** complete request is suspended and queued; Lua takes it by an accept operation, answers, and the
** connection is resumed.
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
	int hangup; /* epoll descriptor: streams' peers that leave */
	struct loop_watch *hangup_watch;
	struct loop *loop;
	struct exchange *exchanges;    /* all whose connection lives */
	struct exchange *first, *last; /* complete requests that nobody has taken yet */
	struct wait *acceptor;
	size_t max_body;
	char *cert, *key; /* PEM; libmicrohttpd keeps the pointers */
};

/* One request and its answer. Shared by its connection and by Lua; freed when both have let go. */
struct exchange {
	struct server *server;             /* NULL: the connection is gone */
	struct MHD_Connection *connection; /* NULL before the headers came, and when gone */
	struct exchange *next, **link;     /* in server->exchanges */
	struct exchange *next_queued;
	int references;
	bool complete, suspended, too_large, dropped;
	char *target, *method;
	struct buffer headers; /* name NUL value NUL … */
	struct buffer body;
	struct MHD_Response *response; /* what Lua answered, until it is queued */
	unsigned status;
	/* a streamed answer */
	bool streaming, ended, gone;
	int watched; /* the descriptor in server->hangup, or -1 */
	struct buffer out;
	size_t out_read;
	struct wait *notify; /* woken when the client goes away */
};

/* Starts listening. -> NULL or what went wrong (errno may say why) */
const char *server_start(struct server *server, const struct sockaddr *address);

/* Closes all connections; what Lua still holds of them becomes inert. Idempotent. */
void server_stop(struct server *server);

/* The oldest complete request, with a reference for the caller, or NULL. */
struct exchange *server_take(struct server *server);

/* Answers a request that was taken; takes the response over. Harmless when the client is gone. */
void exchange_answer(struct exchange *exchange, unsigned status, struct MHD_Response *response);

/* Closes the connection without an answer. */
void exchange_drop(struct exchange *exchange);

/* Begins a streamed answer; to be given headers, then to exchange_answer. -> NULL: no memory */
struct MHD_Response *exchange_stream(struct exchange *exchange);

/* Appends to the stream. -> false when the client is gone or does not read what it is sent. */
bool exchange_write(struct exchange *exchange, const void *bytes, size_t length);

/* Ends the stream in good order. */
void exchange_end(struct exchange *exchange);

void exchange_release(struct exchange *exchange);

#endif
