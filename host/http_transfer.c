/*
** http_transfer.c: one request under way. Callbacks of libcurl store bytes and wake tasks.
** Transfers are used again with their handles and their memory. No Lua here.
*/
#include "http.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_LIMIT (256u * 1024)
#define STREAM_LIMIT (256u * 1024) /* a stream that is not read is paused at this size */
#define KEPT_BYTES (16u * 1024)    /* of a buffer, for the next request */

/* ---- bytes ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void lower_case(char *text)
{
	for (; *text; text++)
		*text = (char)(*text >= 'A' && *text <= 'Z' ? *text + ('a' - 'A') : *text);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t length = size * count;
	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		transfer->head.length = 0; /* the previous head was "100 Continue" */
		return length;
	}
	if (length <= 2) {
		curl.curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
				       &transfer->now.status);
		transfer->now.head_done = transfer->now.status >= 200;
		if (transfer->now.stream && transfer->now.head_done)
			host_wake(transfer->now.wait);
		return length;
	}
	const char *colon = memchr(line, ':', length);
	size_t name = colon ? (size_t)(colon - line) : length;
	size_t from = name + 1, to = length;
	while (from < to && is_blank(line[from]))
		from++;
	while (to > from && is_blank(line[to - 1]))
		to--;
	struct buffer *head = &transfer->head;
	bool fits = colon && head->length + length < HEAD_LIMIT;
	fits = fits && buffer_append(head, line, name) && buffer_append(head, "", 1);
	if (fits)
		lower_case(head->bytes + head->length - name - 1);
	fits = fits && buffer_append(head, line + from, to - from) && buffer_append(head, "", 1);
	return fits ? length : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t length = size * count;
	if (transfer->now.stream && transfer->body.length >= STREAM_LIMIT) {
		transfer->now.paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (!transfer->now.stream && transfer->body.length + length > transfer->now.max_body)
		transfer->now.too_large = true;
	if (transfer->now.too_large || !buffer_append(&transfer->body, bytes, length))
		return 0;
	if (transfer->now.stream)
		host_wake(transfer->now.wait);
	return length;
}

static size_t on_send(char *out, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	if (transfer->now.body_file) {
		size_t got = fread(out, 1, size * count, transfer->now.body_file);
		transfer->now.request_read += got;
		return ferror(transfer->now.body_file) ? CURL_READFUNC_ABORT : got;
	}
	size_t left = transfer->request_body.length - transfer->now.request_read;
	size_t length = size * count < left ? size * count : left;
	if (length)
		memcpy(out, transfer->request_body.bytes + transfer->now.request_read, length);
	transfer->now.request_read += length;
	return length;
}

/*
** libcurl would resend a request on a new connection when a kept-alive one dies. It cannot once
** part of a body is sent, because the body cannot be rewound.
*/
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct transfer *transfer = arg;
	bool untouched = offset == 0 && origin == 0 && transfer->now.request_read == 0;
	return untouched ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/* A connection stands, and the tunnel of a proxy, and TLS in it: the request goes out next. */
static int on_connected(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct transfer *transfer = arg;
	(void)to, (void)from, (void)to_port, (void)from_port;
	transfer->now.asked = true;
	return CURL_PREREQFUNC_OK;
}

/* ---- handles ---- */

static void set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	curl.curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl.curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->problem);
	curl.curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
	curl.curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	curl.curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl.curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl.curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl.curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl.curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
	curl.curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
	curl.curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
	curl.curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
}

static struct transfer *make(struct origin *origin)
{
	struct transfer *transfer = calloc(1, sizeof *transfer);
	CURL *easy = transfer ? curl.curl_easy_duphandle(origin->model) : NULL;
	if (!easy) {
		free(transfer);
		return NULL;
	}
	transfer->origin = origin;
	transfer->easy = easy;
	set_callbacks(transfer);
	return transfer;
}

struct transfer *transfer_take(struct origin *origin, struct wait *wait)
{
	struct transfer *transfer = TAILQ_FIRST(&origin->idle);
	if (transfer) {
		TAILQ_REMOVE(&origin->idle, transfer, place);
		origin->idle_count--;
	} else {
		transfer = make(origin);
	}
	if (transfer)
		transfer->now = (struct request_state){ .wait = wait };
	return transfer;
}

void transfer_free(struct transfer *transfer)
{
	curl.curl_easy_cleanup(transfer->easy);
	address_free(&transfer->address);
	buffer_free(&transfer->header_lines);
	buffer_free(&transfer->request_body);
	buffer_free(&transfer->head);
	buffer_free(&transfer->body);
	free(transfer);
}

void transfer_drop(struct transfer *transfer)
{
	struct origin *origin = transfer->origin;
	if (transfer->now.body_file)
		fclose(transfer->now.body_file);
	curl.curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
	if (transfer->now.single || !origin->model || origin->idle_count >= IDLE_MOST) {
		transfer_free(transfer);
		return;
	}
	buffer_wipe(&transfer->header_lines, KEPT_BYTES);
	buffer_wipe(&transfer->request_body, KEPT_BYTES);
	buffer_wipe(&transfer->head, KEPT_BYTES);
	buffer_wipe(&transfer->body, KEPT_BYTES);
	*transfer->problem = '\0';
	TAILQ_INSERT_HEAD(&origin->idle, transfer, place);
	origin->idle_count++;
}

/* ---- from start to end ---- */

void transfer_run(struct transfer *transfer)
{
	transfer->now.progress = RUNNING;
	if (curl.curl_multi_add_handle(transfer->origin->client->multi, transfer->easy) != CURLM_OK)
		transfer_finish(transfer, CURLE_OUT_OF_MEMORY);
}

void transfer_finish(struct transfer *transfer, CURLcode code)
{
	transfer->now.code = code;
	curl.curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->now.status);
	curl.curl_multi_remove_handle(transfer->origin->client->multi, transfer->easy);
	transfer->now.progress = DONE;
	queue_left(transfer);
	host_wake(transfer->now.wait);
}

void transfer_unpause(struct transfer *transfer)
{
	if (!transfer->now.paused || transfer->now.progress != RUNNING)
		return;
	transfer->now.paused = false;
	curl.curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

/* Was any of it sent? If so and there is no response, the outcome is unknown. */
static bool was_sent(const struct transfer *transfer)
{
	long bytes = 0;
	if (transfer->now.asked)
		curl.curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes);
	return bytes > 0;
}

const char *transfer_failure(const struct transfer *transfer)
{
	bool sent = was_sent(transfer);
	if (transfer->now.too_large)
		return "too_large";
	switch (transfer->now.code) {
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
	default: return !sent ? "refused" : transfer->now.head_done ? "truncated" : "reset";
	}
}
