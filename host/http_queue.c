/*
** http_queue.c: which requests run. A server answers a few at a time, and so does this machine; the
** others wait, and each start and each end takes the same few steps however many wait. No Lua here.
*/
#include "http.h"

#define RUNNING_MOST 256

static bool has_room(const struct origin *origin)
{
	return origin->client->multi && origin->running < origin->most;
}

/* Puts a server among the eager ones, or takes it out, as its requests want. */
static void consider(struct origin *origin)
{
	bool eager = !TAILQ_EMPTY(&origin->waiting) && has_room(origin);
	if (eager && !origin->is_eager)
		TAILQ_INSERT_TAIL(&origin->client->eager, origin, turn);
	else if (!eager && origin->is_eager)
		TAILQ_REMOVE(&origin->client->eager, origin, turn);
	origin->is_eager = eager;
}

static void begin(struct transfer *transfer)
{
	struct client *client = transfer->origin->client;
	TAILQ_INSERT_TAIL(&client->active, transfer, place);
	/* Streams do not count: a watch may stay open for ever and would starve other requests. */
	client->running += !transfer->now.stream;
	transfer->origin->running += !transfer->now.stream;
	transfer_run(transfer);
}

void queue_run(struct client *client)
{
	struct origin *origin;
	while (client->running < RUNNING_MOST && (origin = TAILQ_FIRST(&client->eager))) {
		struct transfer *oldest = TAILQ_FIRST(&origin->waiting);
		TAILQ_REMOVE(&origin->waiting, oldest, place);
		TAILQ_REMOVE(&client->eager, origin, turn); /* the others come first now */
		origin->is_eager = false;
		begin(oldest);
		consider(origin);
	}
}

void queue_add(struct transfer *transfer)
{
	if (transfer->now.stream) {
		begin(transfer);
	} else {
		transfer->now.progress = WAITING;
		TAILQ_INSERT_TAIL(&transfer->origin->waiting, transfer, place);
		consider(transfer->origin);
		queue_run(transfer->origin->client);
	}
}

void queue_left(struct transfer *transfer)
{
	struct client *client = transfer->origin->client;
	TAILQ_REMOVE(&client->active, transfer, place);
	client->running -= !transfer->now.stream;
	transfer->origin->running -= !transfer->now.stream;
	consider(transfer->origin);
}

void transfer_stop(struct transfer *transfer)
{
	if (transfer->now.progress == RUNNING) {
		transfer_finish(transfer, CURLE_OPERATION_TIMEDOUT);
		queue_run(transfer->origin->client);
	} else if (transfer->now.progress == WAITING) {
		TAILQ_REMOVE(&transfer->origin->waiting, transfer, place);
		consider(transfer->origin);
		transfer->now.code = CURLE_OPERATION_TIMEDOUT;
	}
	transfer->now.progress = DONE;
}
