/*
** flight.c: the floor of bench/flight.lua: so many requests, so many in flight at a time, by
** libcurl's multi interface with sockets on epoll. Bodies and headers are kept, the status is looked at.
**
**     flight URL COUNT IN_FLIGHT
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curl/curl.h>

struct request {
	CURL *easy;
	struct {
		char *bytes;
		size_t length;
	} head, body;
};

static CURLM *multi;
static struct curl_slist *headers;
static int epoll, left, ended, good;
static long timeout = -1;

static size_t keep(char **to, size_t *at, const char *bytes, size_t length)
{
	*to = realloc(*to, *at + length);
	memcpy(*to + *at, bytes, length);
	*at += length;
	return length;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct request *request = arg;
	return keep(&request->head.bytes, &request->head.length, bytes, size * count);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct request *request = arg;
	return keep(&request->body.bytes, &request->body.length, bytes, size * count);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct epoll_event event = { .data.fd = fd };
	(void)easy, (void)arg;
	event.events =
		(what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (what == CURL_POLL_REMOVE)
		return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL), 0;
	curl_multi_assign(multi, fd, &epoll);
	return epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event), 0;
}

static int set_timer(CURLM *on, long milliseconds, void *arg)
{
	(void)on, (void)arg;
	timeout = milliseconds;
	return 0;
}

static void start(struct request *request)
{
	left--;
	request->head.length = request->body.length = 0;
	curl_multi_add_handle(multi, request->easy);
}

static void prepare(struct request *request, const char *url)
{
	CURL *easy = request->easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "o2x/1.0.0");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 60000L);
}

static void collect(void)
{
	CURLMsg *message;
	int more;
	while ((message = curl_multi_info_read(multi, &more))) {
		struct request *request;
		long status = 0;
		CURL *easy = message->easy_handle;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &request);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		good += message->data.result == CURLE_OK && status == 200;
		curl_multi_remove_handle(multi, easy);
		ended++;
		if (left > 0)
			start(request);
	}
}

int main(int words, char **word)
{
	if (words != 4)
		return 2;
	int count = left = atoi(word[2]), most = atoi(word[3]), running;
	struct request *requests = calloc((size_t)most, sizeof *requests);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	headers = curl_slist_append(NULL, "Authorization: Bearer 0123456789");
	headers = curl_slist_append(headers, "Accept: application/json");
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)most);
	for (int i = 0; i < most && left > 0; i++) {
		prepare(&requests[i], word[1]);
		start(&requests[i]);
	}
	while (ended < count) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll, events, 64, (int)timeout);
		for (int i = 0; i < n; i++) {
			int in = events[i].events & ~(unsigned)EPOLLOUT ? CURL_CSELECT_IN : 0;
			int out = events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
			curl_multi_socket_action(multi, events[i].data.fd, in | out, &running);
		}
		if (n == 0 || timeout == 0) {
			timeout = -1;
			curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		collect();
	}
	printf("%d answers\n", good);
	return good == count ? 0 : 1;
}
