/*
** http.h: what the files of the HTTP client share. http_multi.c drives libcurl and knows no Lua;
** http_options.c turns a request table into libcurl's options; http.c is what Lua sees.
*/
#ifndef O2X_HTTP_H
#define O2X_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The type-checking macros of curl.h would replace members of the function table. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#include "buffer.h"
#include "host.h"
#include "lazy.h"
#include "loop.h"

#define CURL_FUNCTIONS(X) \
	X(curl_global_init) \
	X(curl_easy_init) \
	X(curl_easy_cleanup) \
	X(curl_easy_setopt) \
	X(curl_easy_getinfo) \
	X(curl_easy_pause) \
	X(curl_easy_strerror) \
	X(curl_slist_append) \
	X(curl_slist_free_all) \
	X(curl_multi_init) \
	X(curl_multi_cleanup) \
	X(curl_multi_add_handle) \
	X(curl_multi_remove_handle) \
	X(curl_multi_setopt) \
	X(curl_multi_socket_action) \
	X(curl_multi_info_read) \
	X(curl_multi_assign)
LAZY_DECLARE(curl, CURL_FUNCTIONS)

/* libcurl's multi handle on our loop, and its requests. One per Lua state. */
struct client {
	CURLM *multi;
	struct loop *loop;
	struct loop_timer *timer;
	struct transfer *transfers; /* all that are running or waiting */
};

enum progress { IDLE, WAITING, RUNNING, DONE };

/* One request: the userdata of an operation. */
struct transfer {
	struct wait wait;              /* first: see host.h */
	struct client *client;         /* kept alive by the user value */
	struct transfer *next, **link; /* in client->transfers, newest first */
	enum progress progress;
	CURL *easy;
	struct curl_slist *header_lines, *connect_to;
	struct buffer ca, cert, key; /* PEM; libcurl borrows them */
	struct buffer request_body;
	FILE *body_file; /* sent instead of it */
	size_t request_read;
	char origin[300]; /* scheme://host:port; limits connections */
	bool stream, paused, head_done, too_large, proxied;
	struct buffer head; /* of the response: name NUL value NUL … */
	struct buffer body; /* of the response; of a stream, what was not taken yet */
	size_t max_body;
	long status;
	CURLcode code;
	char problem[CURL_ERROR_SIZE];
};

/* Loads libcurl and creates the multi handle. -> NULL or an error message */
const char *client_open(struct client *client, struct loop *loop);

/* Stops every transfer and closes the connections. Idempotent. */
void client_close(struct client *client);

/* Starts the transfer, now or once its host has a free connection. */
void client_start(struct client *client, struct transfer *transfer);

/* Stops a transfer. Idempotent. */
void transfer_stop(struct transfer *transfer);

/* Resumes a paused response once its bytes have been taken. */
void transfer_unpause(struct transfer *transfer);

/* Was any of it sent? If so and there is no response, the outcome is unknown. */
bool transfer_was_sent(const struct transfer *transfer);

/* How the transfer failed: "dns", "refused", "timeout" … (see http.c) */
const char *transfer_failure(const struct transfer *transfer);

/* Sets every option from the request table at index 1; raises on bad ones. [-0, +0, v] */
void transfer_configure(lua_State *L, struct transfer *transfer);

#endif
