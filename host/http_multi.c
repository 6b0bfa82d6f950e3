/*
** http_multi.c: libcurl's multi interface on the loop. Callbacks store bytes and wake tasks. No Lua
** here.
*/
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

LAZY_DEFINE(curl, "libcurl.so.4", CURL_FUNCTIONS)

#define CONNECTIONS_A_HOST 16
#define HEAD_LIMIT (256u * 1024)
#define STREAM_LIMIT (256u * 1024) /* a stream that is not read is paused at this size */

/* ---- libcurl's view of the loop ---- */

struct socket {
	struct client *client;
	curl_socket_t fd;
	struct loop_watch *watch;
};

static void start_waiting(struct client *client);

static void finish(struct transfer *transfer, CURLcode code)
{
	transfer->code = code;
	curl.curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
	curl.curl_multi_remove_handle(transfer->client->multi, transfer->easy);
	transfer->progress = DONE;
	host_wake(&transfer->wait);
}

static void collect(struct client *client)
{
	CURLMsg *message;
	int left;
	while ((message = curl.curl_multi_info_read(client->multi, &left))) {
		struct transfer *transfer = NULL;
		CURLcode code = message->data.result;
		curl.curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		if (message->msg == CURLMSG_DONE)
			finish(transfer, code);
	}
	start_waiting(client);
}

static void on_ready(void *arg, int events)
{
	struct socket *socket = arg;
	struct client *client = socket->client;
	int running;
	int in = events & LOOP_READ ? CURL_CSELECT_IN : 0;
	int out = events & LOOP_WRITE ? CURL_CSELECT_OUT : 0;
	/* may free the socket */
	curl.curl_multi_socket_action(client->multi, socket->fd, in | out, &running);
	collect(client);
}

static void on_timer(void *arg)
{
	struct client *client = arg;
	int running;
	curl.curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(client);
}

static int set_timer(CURLM *multi, long milliseconds, void *arg)
{
	struct client *client = arg;
	(void)multi;
	if (milliseconds < 0)
		loop_timer_stop(client->timer);
	else
		loop_timer_start(client->timer, (uint64_t)milliseconds);
	return 0;
}

static void free_socket(struct client *client, struct socket *socket)
{
	if (!socket)
		return;
	curl.curl_multi_assign(client->multi, socket->fd, NULL);
	loop_watch_free(socket->watch);
	free(socket);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct client *client = arg;
	struct socket *socket = known;
	int in = what & CURL_POLL_IN ? LOOP_READ : 0, out = what & CURL_POLL_OUT ? LOOP_WRITE : 0;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		free_socket(client, socket);
		return 0;
	}
	if (socket)
		return loop_watch_set(socket->watch, in | out) ? -1 : 0;
	socket = calloc(1, sizeof *socket);
	if (!socket)
		return -1;
	*socket = (struct socket){ .client = client, .fd = fd };
	socket->watch = loop_watch_new(client->loop, fd, in | out, on_ready, socket);
	if (!socket->watch) {
		free(socket);
		return -1;
	}
	curl.curl_multi_assign(client->multi, fd, socket);
	return 0;
}

/* ---- the bytes of one transfer ---- */

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t length = size * count, name = 0;
	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		transfer->head.length = 0; /* the previous head was "100 Continue" */
		return length;
	}
	if (length <= 2) {
		curl.curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
		transfer->head_done = transfer->status >= 200;
		if (transfer->stream && transfer->head_done)
			host_wake(&transfer->wait);
		return length;
	}
	while (name < length && line[name] != ':')
		name++;
	size_t from = name + 1, to = length;
	while (from < to && (line[from] == ' ' || line[from] == '\t'))
		from++;
	while (to > from && strchr(" \t\r\n", line[to - 1]))
		to--;
	struct buffer *head = &transfer->head;
	bool fits = name < length && head->length + length < HEAD_LIMIT;
	fits = fits && buffer_append(head, line, name) && buffer_append(head, "", 1);
	fits = fits && buffer_append(head, line + from, to - from) && buffer_append(head, "", 1);
	return fits ? length : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t length = size * count;
	if (transfer->stream && transfer->body.length >= STREAM_LIMIT) {
		transfer->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (!transfer->stream && transfer->body.length + length > transfer->max_body)
		transfer->too_large = true;
	if (transfer->too_large || !buffer_append(&transfer->body, bytes, length))
		return 0;
	if (transfer->stream)
		host_wake(&transfer->wait);
	return length;
}

static size_t on_send(char *out, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	if (transfer->body_file) {
		size_t got = fread(out, 1, size * count, transfer->body_file);
		transfer->request_read += got;
		return ferror(transfer->body_file) ? CURL_READFUNC_ABORT : got;
	}
	size_t left = transfer->request_body.length - transfer->request_read;
	size_t length = size * count < left ? size * count : left;
	if (length)
		memcpy(out, transfer->request_body.bytes + transfer->request_read, length);
	transfer->request_read += length;
	return length;
}

/*
** libcurl would resend a request on a new connection when a kept-alive one dies. It cannot once
** part of a body is sent, because the body cannot be rewound.
*/
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct transfer *transfer = arg;
	bool untouched = offset == 0 && origin == 0 && transfer->request_read == 0;
	return untouched ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static void set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	curl.curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl.curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->problem);
	curl.curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl.curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl.curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl.curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl.curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
	curl.curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
	curl.curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
	curl.curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
}

/* ---- transfers ---- */

static void run(struct transfer *transfer)
{
	transfer->progress = RUNNING;
	if (curl.curl_multi_add_handle(transfer->client->multi, transfer->easy) != CURLM_OK)
		finish(transfer, CURLE_OUT_OF_MEMORY);
}

/* Streams do not count: a watch may stay open for ever and would starve other requests. */
static bool may_run(const struct transfer *transfer)
{
	int running = 0;
	for (const struct transfer *other = transfer->client->transfers; other; other = other->next)
		if (other->progress == RUNNING && !other->stream)
			running += strcmp(other->origin, transfer->origin) == 0;
	return transfer->stream || running < CONNECTIONS_A_HOST;
}

static void start_waiting(struct client *client)
{
	for (;;) {
		struct transfer *oldest = NULL;
		for (struct transfer *t = client->transfers; t; t = t->next)
			if (t->progress == WAITING && may_run(t))
				oldest = t;
		if (!oldest)
			return;
		run(oldest);
	}
}

void client_start(struct client *client, struct transfer *transfer)
{
	transfer->next = client->transfers;
	transfer->link = &client->transfers;
	if (transfer->next)
		transfer->next->link = &transfer->next;
	client->transfers = transfer;
	transfer->progress = WAITING;
	set_callbacks(transfer);
	start_waiting(client);
}

static void unlink_transfer(struct transfer *transfer)
{
	if (!transfer->link)
		return;
	*transfer->link = transfer->next;
	if (transfer->next)
		transfer->next->link = transfer->link;
	transfer->link = NULL;
}

void transfer_stop(struct transfer *transfer)
{
	if (transfer->progress == RUNNING)
		finish(transfer, CURLE_OPERATION_TIMEDOUT);
	else if (transfer->progress == WAITING)
		transfer->code = CURLE_OPERATION_TIMEDOUT;
	transfer->progress = DONE;
	unlink_transfer(transfer);
	if (transfer->client && transfer->client->multi)
		start_waiting(transfer->client);
}

void transfer_unpause(struct transfer *transfer)
{
	if (!transfer->paused || transfer->progress != RUNNING)
		return;
	transfer->paused = false;
	curl.curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

/* Does the tunnel to an https server stand? Until then, only the proxy was asked. */
static bool has_tunnel(const struct transfer *transfer)
{
	long connects = 0, answer = 0;
	curl_off_t handshake = 0;
	if (!transfer->proxied || strncmp(transfer->origin, "https:", 6) != 0)
		return true;
	curl.curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	curl.curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &answer);
	curl.curl_easy_getinfo(transfer->easy, CURLINFO_APPCONNECT_TIME_T, &handshake);
	return connects == 0 || ((answer == 0 || answer / 100 == 2) && handshake > 0);
}

bool transfer_was_sent(const struct transfer *transfer)
{
	long bytes = 0;
	curl.curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes);
	return bytes > 0 && has_tunnel(transfer);
}

const char *transfer_failure(const struct transfer *transfer)
{
	bool sent = transfer_was_sent(transfer);
	if (transfer->too_large)
		return "too_large";
	switch (transfer->code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY: return "dns";
	case CURLE_OPERATION_TIMEDOUT: return sent ? "timeout" : "connect_timeout";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CLIENTCERT: return "tls";
	case CURLE_URL_MALFORMAT: return "url";
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_WRITE_ERROR: return sent ? "garbage" : "url";
	case CURLE_PARTIAL_FILE: return "truncated";
	default: return !sent ? "refused" : transfer->head_done ? "truncated" : "reset";
	}
}

/* ---- the client ---- */

const char *client_open(struct client *client, struct loop *loop)
{
	static bool initialised; /* for the process: curl_global_init is */
	const char *problem = curl_load();
	if (problem)
		return problem;
	unsetenv("SSLKEYLOGFILE"); /* libcurl would write session keys to that file */
	if (!initialised && curl.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return "cannot be initialised";
	initialised = true;
	client->loop = loop;
	client->timer = loop_timer_new(loop, false, on_timer, client);
	client->multi = client->timer ? curl.curl_multi_init() : NULL;
	if (!client->multi)
		return "not enough memory";
	curl.curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl.curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl.curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl.curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl.curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 64L);
	return NULL;
}

void client_close(struct client *client)
{
	CURLM *multi = client->multi;
	for (struct transfer *t = client->transfers; t; t = t->next)
		if (t->progress == WAITING)
			t->progress = DONE; /* or the end of another transfer would start it */
	while (client->transfers)
		transfer_stop(client->transfers);
	if (multi)
		curl.curl_multi_cleanup(multi);
	client->multi = NULL;
	loop_timer_free(client->timer);
	client->timer = NULL;
}
