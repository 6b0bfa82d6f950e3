/*
** httpd_conn.c: libmicrohttpd's callbacks and the life of an exchange. No Lua here.
*/
#include "httpd.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

LAZY_DEFINE(mhd, "libmicrohttpd.so.12", MHD_FUNCTIONS)

#define CONNECTION_MEMORY (128u * 1024)
#define IDLE_SECONDS 300u
#define STREAM_BLOCK 16384u
#define STREAM_LIMIT (64u * 1024 * 1024) /* a client that lags this far behind is dropped */

/* ---- exchanges ---- */

void exchange_release(struct exchange *exchange)
{
	if (--exchange->references > 0)
		return;
	if (exchange->response)
		mhd.MHD_destroy_response(exchange->response);
	free(exchange->target);
	free(exchange->method);
	buffer_free(&exchange->headers);
	buffer_free(&exchange->body);
	buffer_free(&exchange->out);
	free(exchange);
}

static void resume(struct exchange *exchange)
{
	if (!exchange->suspended)
		return;
	exchange->suspended = false;
	mhd.MHD_resume_connection(exchange->connection);
	loop_timer_start(exchange->server->timer, 0); /* libmicrohttpd has no thread to notice it */
}

static void suspend(struct exchange *exchange)
{
	exchange->suspended = true;
	mhd.MHD_suspend_connection(exchange->connection);
}

/* Called first, with the target as sent, not decoded. -> the context of the request */
static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	struct server *server = arg;
	struct exchange *exchange = calloc(1, sizeof *exchange);
	(void)connection;
	if (!exchange || !(exchange->target = strdup(target))) {
		free(exchange);
		return NULL;
	}
	exchange->references = 1;
	exchange->watched = -1;
	exchange->server = server;
	exchange->next = server->exchanges;
	exchange->link = &server->exchanges;
	if (exchange->next)
		exchange->next->link = &exchange->next;
	server->exchanges = exchange;
	return exchange;
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct exchange *exchange = arg;
	(void)kind;
	if (!value)
		value = "";
	if (!buffer_append(&exchange->headers, name, strlen(name) + 1) ||
	    !buffer_append(&exchange->headers, value, strlen(value) + 1)) {
		exchange->dropped = true;
		return MHD_NO;
	}
	if (strcasecmp(name, "Content-Length") == 0)
		exchange->too_large = strtoull(value, NULL, 10) > exchange->server->max_body;
	return MHD_YES;
}

static enum MHD_Result refuse_too_large(struct MHD_Connection *connection)
{
	static char text[] = "request body too large\n";
	struct MHD_Response *response =
		mhd.MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	enum MHD_Result result =
		mhd.MHD_queue_response(connection, MHD_HTTP_CONTENT_TOO_LARGE, response);
	mhd.MHD_destroy_response(response);
	return result;
}

static enum MHD_Result begin(struct exchange *exchange, struct MHD_Connection *connection,
			     const char *method)
{
	exchange->connection = connection;
	exchange->method = strdup(method);
	mhd.MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, exchange);
	if (!exchange->method || exchange->dropped)
		return MHD_NO;
	return exchange->too_large ? refuse_too_large(connection) : MHD_YES;
}

static enum MHD_Result receive(struct exchange *exchange, const char *bytes, size_t *size)
{
	if (exchange->body.length + *size > exchange->server->max_body) {
		exchange->too_large = true;
		buffer_free(&exchange->body);
	}
	if (!exchange->too_large && !buffer_append(&exchange->body, bytes, *size))
		return MHD_NO;
	*size = 0;
	return MHD_YES;
}

static enum MHD_Result enqueue(struct exchange *exchange)
{
	struct server *server = exchange->server;
	exchange->complete = true;
	if (server->last)
		server->last->next_queued = exchange;
	else
		server->first = exchange;
	server->last = exchange;
	suspend(exchange);
	if (server->acceptor)
		host_wake(server->acceptor);
	return MHD_YES;
}

/* Called with the headers, each piece of the body, the end, and after each resume. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *bytes,
				  size_t *size, void **context)
{
	struct exchange *exchange = *context;
	(void)arg, (void)url, (void)version;
	if (!exchange)
		return MHD_NO;
	if (!exchange->connection)
		return begin(exchange, connection, method);
	if (*size)
		return receive(exchange, bytes, size);
	if (exchange->too_large)
		return refuse_too_large(connection);
	if (!exchange->complete)
		return enqueue(exchange);
	if (!exchange->response)
		return MHD_NO; /* dropped: closes the connection */
	enum MHD_Result result =
		mhd.MHD_queue_response(connection, exchange->status, exchange->response);
	mhd.MHD_destroy_response(exchange->response);
	exchange->response = NULL;
	return result;
}

static void unqueue(struct server *server, struct exchange *exchange)
{
	struct exchange *before = NULL;
	for (struct exchange *e = server->first; e; before = e, e = e->next_queued) {
		if (e != exchange)
			continue;
		*(before ? &before->next_queued : &server->first) = e->next_queued;
		if (server->last == e)
			server->last = before;
		return;
	}
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode why)
{
	struct exchange *exchange = *context;
	struct server *server = arg;
	(void)connection, (void)why;
	if (!exchange)
		return;
	*context = NULL;
	unqueue(server, exchange);
	if (exchange->watched >= 0)
		epoll_ctl(server->hangup, EPOLL_CTL_DEL, exchange->watched, NULL);
	*exchange->link = exchange->next;
	if (exchange->next)
		exchange->next->link = exchange->link;
	exchange->server = NULL;
	exchange->connection = NULL;
	exchange->suspended = false;
	exchange->gone = true;
	if (exchange->notify)
		host_wake(exchange->notify);
	exchange_release(exchange);
}

struct exchange *server_take(struct server *server)
{
	struct exchange *exchange = server->first;
	if (!exchange)
		return NULL;
	server->first = exchange->next_queued;
	if (!server->first)
		server->last = NULL;
	exchange->next_queued = NULL;
	exchange->references++;
	return exchange;
}

void exchange_answer(struct exchange *exchange, unsigned status, struct MHD_Response *response)
{
	exchange->status = status;
	exchange->response = response;
	resume(exchange);
}

void exchange_drop(struct exchange *exchange)
{
	exchange->dropped = exchange->gone = true;
	resume(exchange);
}

/* ---- streams ---- */

static ssize_t on_read(void *arg, uint64_t position, char *out, size_t max)
{
	struct exchange *exchange = arg;
	size_t left = exchange->out.length - exchange->out_read;
	(void)position;
	if (exchange->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (left == 0) {
		if (exchange->ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		suspend(exchange);
		return 0;
	}
	if (left > max)
		left = max;
	memcpy(out, exchange->out.bytes + exchange->out_read, left);
	exchange->out_read += left;
	if (exchange->out_read == exchange->out.length)
		exchange->out.length = exchange->out_read = 0;
	return (ssize_t)left;
}

/*
** libmicrohttpd does not watch a suspended connection, so this notices clients that leave an idle
** stream.
*/
static void on_hangup(void *arg, int events)
{
	struct server *server = arg;
	struct epoll_event seen[16];
	(void)events;
	int count = epoll_wait(server->hangup, seen, 16, 0);
	for (int i = 0; i < count; i++) {
		struct exchange *exchange = seen[i].data.ptr;
		exchange->gone = true;
		resume(exchange);
		if (exchange->notify)
			host_wake(exchange->notify);
	}
}

static void watch_hangup(struct exchange *exchange)
{
	struct server *server = exchange->server;
	const union MHD_ConnectionInfo *info =
		mhd.MHD_get_connection_info(exchange->connection,
					    MHD_CONNECTION_INFO_CONNECTION_FD);
	struct epoll_event wanted = { .events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = exchange };
	if (info && epoll_ctl(server->hangup, EPOLL_CTL_ADD, info->connect_fd, &wanted) == 0)
		exchange->watched = info->connect_fd;
}

struct MHD_Response *exchange_stream(struct exchange *exchange)
{
	if (!exchange->gone)
		watch_hangup(exchange);
	exchange->streaming = true;
	return mhd.MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read,
						     exchange, NULL);
}

bool exchange_write(struct exchange *exchange, const void *bytes, size_t length)
{
	struct buffer *out = &exchange->out;
	if (exchange->gone || exchange->ended)
		return false;
	if (exchange->out_read > STREAM_BLOCK * 4) {
		buffer_consume(out, exchange->out_read);
		exchange->out_read = 0;
	}
	if (out->length + length > STREAM_LIMIT || !buffer_append(out, bytes, length)) {
		exchange_drop(exchange);
		return false;
	}
	resume(exchange);
	return true;
}

void exchange_end(struct exchange *exchange)
{
	exchange->ended = true;
	resume(exchange);
}

/* ---- the server ---- */

static void drive(void *arg)
{
	struct server *server = arg;
	for (int round = 0; round < 16; round++) {
		MHD_UNSIGNED_LONG_LONG milliseconds;
		mhd.MHD_run(server->daemon);
		if (mhd.MHD_get_timeout(server->daemon, &milliseconds) != MHD_YES) {
			loop_timer_stop(server->timer);
			return;
		}
		if (milliseconds > 0) {
			loop_timer_start(server->timer, milliseconds);
			return;
		}
	}
	loop_timer_start(server->timer, 0); /* busy, or a TLS handshake: give others a turn */
}

static void on_ready(void *arg, int events)
{
	(void)events;
	drive(arg);
}

const char *server_start(struct server *server, const struct sockaddr *address)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	flags |= server->cert ? MHD_USE_TLS : 0u;
	flags |= address->sa_family == AF_INET6 ? MHD_USE_IPv6 : 0u;
	struct MHD_OptionItem tls[] = { { MHD_OPTION_HTTPS_MEM_CERT, 0, server->cert },
					{ MHD_OPTION_HTTPS_MEM_KEY, 0, server->key },
					{ MHD_OPTION_END, 0, NULL } };
	struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	server->daemon =
		mhd.MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR,
				     address, MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
				     MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				     MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_ARRAY,
				     server->cert ? tls : none, MHD_OPTION_END);
	if (!server->daemon)
		return "cannot listen";
	const union MHD_DaemonInfo *info =
		mhd.MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	server->timer = loop_timer_new(server->loop, true, drive, server);
	if (server->timer && info)
		server->watch =
			loop_watch_new(server->loop, info->epoll_fd, LOOP_READ, on_ready, server);
	server->hangup = epoll_create1(EPOLL_CLOEXEC);
	if (server->hangup >= 0)
		server->hangup_watch =
			loop_watch_new(server->loop, server->hangup, LOOP_READ, on_hangup, server);
	return server->watch && server->hangup_watch ? NULL : "cannot watch the server";
}

void server_stop(struct server *server)
{
	if (server->daemon) {
		mhd.MHD_run(server->daemon); /* responses that are ready are still sent */
		for (struct exchange *each = server->exchanges; each; each = each->next)
			exchange_drop(each); /* a suspended connection cannot be stopped */
		loop_watch_free(server->watch);
		loop_watch_free(server->hangup_watch);
		mhd.MHD_stop_daemon(server->daemon);
	}
	loop_timer_free(server->timer);
	if (server->hangup >= 0)
		close(server->hangup);
	free(server->cert);
	if (server->key)
		explicit_bzero(server->key, strlen(server->key));
	free(server->key);
	*server = (struct server){ .hangup = -1 };
}
