/*
** tasks.c: the floor of bench/tasks.lua: so many tasks at once, each with so many round trips one
** after the other, by libcurl on libuv; 16 requests at a time, first come first served. A task is a
** counter here.
**
**     tasks URL TASKS ROUND_TRIPS
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <uv.h>

#define AT_ONCE 16

struct request {
	CURL *easy;
	int task;
	size_t size;
	char bytes[4096];
};

struct socket {
	uv_poll_t poll;
	curl_socket_t fd;
};

static CURLM *multi;
static uv_timer_t timer;
static int *left, *queue, first, last, good, ended, tasks, trips;
static struct request requests[AT_ONCE];
static struct request *idle[AT_ONCE];
static int idle_count;

static size_t keep(char *bytes, size_t size, size_t count, void *arg)
{
	struct request *request = arg;
	size_t length = size * count;
	if (request->size + length > sizeof request->bytes)
		return 0;
	memcpy(request->bytes + request->size, bytes, length);
	request->size += length;
	return length;
}

static void begin(void)
{
	while (idle_count > 0 && first < last) {
		struct request *request = idle[--idle_count];
		request->task = queue[first++];
		request->size = 0;
		curl_multi_add_handle(multi, request->easy);
	}
}

static void collect(void)
{
	CURLMsg *message;
	int more;
	while ((message = curl_multi_info_read(multi, &more))) {
		struct request *request;
		long status = 0;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
		curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
		good += message->data.result == CURLE_OK && status == 200;
		curl_multi_remove_handle(multi, request->easy);
		idle[idle_count++] = request;
		if (--left[request->task] > 0)
			queue[last++] = request->task;
		else
			ended++;
	}
	begin();
	if (ended == tasks)
		uv_stop(uv_default_loop());
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct socket *socket = poll->data;
	int running, in = status < 0 || events & UV_READABLE ? CURL_CSELECT_IN : 0;
	int out = events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	curl_multi_socket_action(multi, socket->fd, in | out, &running);
	collect();
}

static void on_timer(uv_timer_t *unused)
{
	int running;
	(void)unused;
	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect();
}

static int set_timer(CURLM *on, long milliseconds, void *arg)
{
	(void)on, (void)arg;
	if (milliseconds < 0)
		return uv_timer_stop(&timer);
	return uv_timer_start(&timer, on_timer, (uint64_t)milliseconds, 0);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct socket *socket = known;
	int events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	(void)easy, (void)arg;
	if (what == CURL_POLL_REMOVE) {
		if (socket)
			uv_close((uv_handle_t *)&socket->poll, on_closed);
		return 0;
	}
	if (!socket) {
		socket = calloc(1, sizeof *socket);
		socket->fd = fd;
		uv_poll_init_socket(uv_default_loop(), &socket->poll, fd);
		socket->poll.data = socket;
		curl_multi_assign(multi, fd, socket);
	}
	return uv_poll_start(&socket->poll, events, on_poll);
}

static void prepare(struct request *request, const char *url, struct curl_slist *headers)
{
	CURL *easy = request->easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "o2x/1.0.0");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	idle[idle_count++] = request;
}

int main(int words, char **word)
{
	if (words != 4)
		return 2;
	tasks = atoi(word[2]);
	trips = atoi(word[3]);
	left = calloc((size_t)tasks, sizeof *left);
	queue = calloc((size_t)tasks * (size_t)trips, sizeof *queue);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	uv_timer_init(uv_default_loop(), &timer);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer 0123456789");
	headers = curl_slist_append(headers, "Accept: application/json");
	for (int i = 0; i < AT_ONCE; i++)
		prepare(&requests[i], word[1], headers);
	for (int i = 0; i < tasks; i++) {
		left[i] = trips;
		queue[last++] = i;
	}
	begin();
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	printf("%d answers\n", good);
	return good == tasks * trips ? 0 : 1;
}
