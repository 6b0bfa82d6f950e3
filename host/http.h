/*
** http.h: what the files of the HTTP client share. http.c is what Lua sees; http_options.c sets
** what the requests to one server have in common, http_request.c what one request adds;
** http_url.c sets its URL; http_queue.c says which of them run; http_multi.c drives libcurl. The last
** three know no Lua.
*/
#ifndef O2X_HTTP_H
#define O2X_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/queue.h>

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
	X(curl_easy_duphandle) \
	X(curl_easy_cleanup) \
	X(curl_easy_setopt) \
	X(curl_easy_getinfo) \
	X(curl_easy_pause) \
	X(curl_easy_strerror) \
	X(curl_slist_append) \
	X(curl_slist_free_all) \
	X(curl_url) \
	X(curl_url_cleanup) \
	X(curl_url_set) \
	X(curl_multi_init) \
	X(curl_multi_cleanup) \
	X(curl_multi_add_handle) \
	X(curl_multi_remove_handle) \
	X(curl_multi_setopt) \
	X(curl_multi_socket_action) \
	X(curl_multi_info_read) \
	X(curl_multi_assign)
LAZY_DECLARE(curl, CURL_FUNCTIONS)

#define AGENT "o2x/" O2X_VERSION
#define HEADERS_MOST 64 /* of a request */
#define IDLE_MOST 64    /* transfers that a server keeps */

TAILQ_HEAD(transfers, transfer);
TAILQ_HEAD(origins, origin);

/* libcurl's multi handle on our loop. One per Lua state. */
struct client {
	CURLM *multi;
	struct loop *loop;
	struct loop_timer *timer;
	struct socket **sockets; /* by their descriptors: those that libcurl opened by us */
	size_t socket_count;
	struct transfers active; /* those that libcurl has, streams too */
	int running;             /* how many of them are no streams */
	struct origins
		eager; /* with requests that wait, and room for them; first come first served */
};

/*
** A server and how it is spoken to. Its transfers have copies of one handle of libcurl and are used
** again, since most of a request's options are the server's.
*/
struct origin {
	struct client *client;
	CURL *model;
	struct transfers waiting; /* oldest first */
	int running, most;        /* without streams */
	TAILQ_ENTRY(origin) turn; /* in client->eager */
	bool is_eager;
	struct transfers idle; /* the one used last comes first */
	int idle_count;
	struct curl_slist *connect_to; /* this and the PEM are borrowed by the handles */
	struct buffer ca, cert, key;
};

enum progress { IDLE, WAITING, RUNNING, DONE };

/* What differs from request to request, all zero at the start. */
struct request_state {
	struct wait *wait;
	enum progress progress;
	bool single; /* the handle has more of this request than the next one would overwrite */
	bool stream, asked, paused, head_done, too_large;
	FILE *body_file; /* sent instead of request_body */
	size_t request_read, max_body;
	int header_count; /* sent */
	long status;
	CURLcode code;
};

/* The URL of a handle of libcurl, in its parts. */
struct address {
	CURLU *parts;
	struct buffer site; /* "https://host:port" that the parts are of; or empty */
	bool is_used;       /* the handle takes the parts, not the text */
};

/* One request. */
struct transfer {
	struct origin *origin;
	TAILQ_ENTRY(transfer) place; /* in origin->waiting, client->active or origin->idle */
	CURL *easy;
	struct address address; /* http_url.c */
	bool is_plain;          /* the handle's method and body are those of a GET */
	struct request_state now;
	struct buffer header_lines; /* each ends with a NUL; headers points there */
	struct curl_slist headers[HEADERS_MOST];
	struct buffer request_body;
	struct buffer head; /* of the response: name NUL value NUL …, names in lower case */
	struct buffer body; /* of the response; of a stream, what was not taken yet */
	char problem[CURL_ERROR_SIZE];
};

/* ---- http_multi.c ---- */

/* Loads libcurl. -> NULL or an error message */
const char *client_prepare(void);

/* Loads libcurl and creates the multi handle. -> NULL or an error message */
const char *client_open(struct client *client, struct loop *loop);

/* Stops every transfer and closes the connections. Idempotent. */
void client_close(struct client *client);

/* Lets libcurl open and close the sockets of this model's copies by us. */
void client_set_sockets(struct client *client, CURL *model);

/* ---- http_transfer.c ---- */

/* A transfer of the server, new or used again. -> NULL: no memory */
struct transfer *transfer_take(struct origin *origin, struct wait *wait);

/* Gives back one that is stopped; wipes what it holds. */
void transfer_drop(struct transfer *transfer);
void transfer_free(struct transfer *transfer);

/* Hands the transfer to libcurl, or takes it back with its outcome. For http_queue.c. */
void transfer_run(struct transfer *transfer);
void transfer_finish(struct transfer *transfer, CURLcode code);

/* Resumes a paused response once its bytes have been taken. */
void transfer_unpause(struct transfer *transfer);

/* How the transfer failed: "dns", "refused", "timeout" … (see http.c) */
const char *transfer_failure(const struct transfer *transfer);

/* ---- http_url.c ---- */

/* Sets the URL of the handle's next request. */
void address_set(struct address *address, CURL *easy, const char *url);

/* The handle must not be used any more. */
void address_free(struct address *address);

/* The length of a URL's scheme and authority, "https://host:port"; 0 if it has none. */
size_t url_site(const char *url);

/* ---- http_queue.c ---- */

/* Starts the transfer, now or once there is room for it. */
void queue_add(struct transfer *transfer);

/* A transfer has left libcurl: makes room for another. */
void queue_left(struct transfer *transfer);

/* Starts what there is room for. */
void queue_run(struct client *client);

/* Stops a transfer. Idempotent. */
void transfer_stop(struct transfer *transfer);

/* ---- http_options.c, http_request.c ---- */

/* Sets the options of a server from the table at index 1; raises on bad ones. [-0, +0, v] */
void origin_configure(lua_State *L, struct origin *origin);

/* What start is called with, and where each field of the request is put on the stack. */
enum slot {
	ORIGIN = 1,
	REQUEST,
	BODY,
	JSON,
	STREAM,
	METHOD,
	URL,
	AUTHORITY,
	HEADERS,
	TOKEN,
	BODY_FILE,
	MAX_BODY,
	SIGNATURE,
	ACCESS_KEY,
	SECRET_KEY,
	SLOTS = SECRET_KEY,
};

/* Pushes the table of a request's fields: name → slot, 0 for one that Lua reads. [-0, +1, m] */
void request_push_fields(lua_State *L);

/*
** Puts the fields of the request at index REQUEST into their slots; the table of fields is at index
** fields. -> true, or false with a message pushed. [-0, +(0|1), m]
*/
bool request_spread(lua_State *L, int fields);

/* Sets the options of one request from its slots. -> as request_spread */
bool request_configure(lua_State *L, struct transfer *transfer);

#endif
