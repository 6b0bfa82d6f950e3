/*
** http_multi.c: libcurl's multi interface on the loop: sockets and the timer. No Lua here.
*/
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

LAZY_DEFINE(curl, "libcurl.so.4", CURL_FUNCTIONS)

/* ---- libcurl's view of the loop ---- */

/*
** A socket that libcurl opened by us is watched until libcurl closes it by us: between two requests
** its watch only rests. One that libcurl opened itself may be closed as soon as it is not watched.
*/
struct socket {
	struct client *client;
	curl_socket_t fd;
	struct loop_watch *watch;
	bool ours;
};

static void collect(struct client *client)
{
	CURLMsg *message;
	int left;
	while ((message = curl.curl_multi_info_read(client->multi, &left))) {
		struct transfer *transfer = NULL;
		CURLcode code = message->data.result;
		curl.curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		if (message->msg == CURLMSG_DONE)
			transfer_finish(transfer, code);
	}
	queue_run(client);
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

/* The socket's place in the table of our own; grown to have it. -> NULL: no memory */
static struct socket **socket_at(struct client *client, curl_socket_t fd)
{
	size_t index = (size_t)fd, size = client->socket_count;
	if (index < size)
		return &client->sockets[index];
	size = index < 64 ? 128 : index * 2;
	struct socket **sockets = realloc(client->sockets, size * sizeof *sockets);
	if (!sockets)
		return NULL;
	memset(sockets + client->socket_count, 0, (size - client->socket_count) * sizeof *sockets);
	client->sockets = sockets;
	client->socket_count = size;
	return &sockets[index];
}

static struct socket *new_socket(struct client *client, curl_socket_t fd)
{
	struct socket *socket = calloc(1, sizeof *socket);
	if (socket)
		*socket = (struct socket){ .client = client, .fd = fd };
	return socket;
}

static void free_socket(struct socket *socket)
{
	loop_watch_free(socket->watch);
	free(socket);
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct client *client = arg;
	(void)purpose;
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	struct socket **place = fd < 0 ? NULL : socket_at(client, fd);
	struct socket *socket = place ? new_socket(client, fd) : NULL;
	if (!socket) {
		if (fd >= 0)
			close(fd);
		return CURL_SOCKET_BAD;
	}
	socket->ours = true;
	return (*place = socket)->fd;
}

static int on_close(void *arg, curl_socket_t fd)
{
	struct socket **place = socket_at(arg, fd);
	if (place && *place) {
		free_socket(*place);
		*place = NULL;
	}
	return close(fd);
}

static void unwatch(struct client *client, struct socket *socket)
{
	if (socket && socket->ours) {
		if (socket->watch)
			loop_watch_set(socket->watch, 0);
	} else if (socket) {
		curl.curl_multi_assign(client->multi, socket->fd, NULL);
		free_socket(socket);
	}
}

static int watch(struct socket *socket, int events)
{
	if (socket->watch)
		return loop_watch_set(socket->watch, events) ? -1 : 0;
	struct loop *loop = socket->client->loop;
	socket->watch = loop_watch_new(loop, socket->fd, events, on_ready, socket);
	return socket->watch ? 0 : -1;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct client *client = arg;
	struct socket **ours = socket_at(client, fd);
	struct socket *socket = ours && *ours ? *ours : known;
	int in = what & CURL_POLL_IN ? LOOP_READ : 0, out = what & CURL_POLL_OUT ? LOOP_WRITE : 0;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		unwatch(client, socket);
		return 0;
	}
	if (!socket) {
		socket = new_socket(client, fd);
		curl.curl_multi_assign(client->multi, fd, socket);
	}
	return socket ? watch(socket, in | out) : -1;
}

/* ---- the client ---- */

void client_set_sockets(struct client *client, CURL *model)
{
	curl.curl_easy_setopt(model, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl.curl_easy_setopt(model, CURLOPT_OPENSOCKETDATA, client);
	curl.curl_easy_setopt(model, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl.curl_easy_setopt(model, CURLOPT_CLOSESOCKETDATA, client);
}

const char *client_prepare(void)
{
	static bool initialised; /* for the process: curl_global_init is */
	const char *problem = curl_load();
	if (problem)
		return problem;
	unsetenv("SSLKEYLOGFILE"); /* libcurl would write session keys to that file */
	if (!initialised && curl.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return "cannot be initialised";
	initialised = true;
	return NULL;
}

const char *client_open(struct client *client, struct loop *loop)
{
	const char *problem = client_prepare();
	if (problem)
		return problem;
	client->loop = loop;
	TAILQ_INIT(&client->active);
	TAILQ_INIT(&client->eager);
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
	struct transfer *transfer;
	client->multi = NULL; /* so that none that waits starts */
	while ((transfer = TAILQ_FIRST(&client->active))) {
		curl.curl_multi_remove_handle(multi, transfer->easy);
		transfer_finish(transfer, CURLE_OPERATION_TIMEDOUT);
	}
	if (multi)
		curl.curl_multi_cleanup(multi);
	free(client->sockets);
	client->sockets = NULL;
	client->socket_count = 0;
	loop_timer_free(client->timer);
	client->timer = NULL;
}
