/*
** durable.h: an append-only file whose records must be on the disk before their writers go on. What
** is appended is buffered; one write and one fdatasync serve all who wait at the same time.
*/
#ifndef O2X_DURABLE_H
#define O2X_DURABLE_H

#include "host.h"

#include <sys/types.h>

struct durable;

/* An operation that waits until the file is on the disk up to its end as it was. */
struct durable_wait {
	struct wait wait; /* first: see host.h */
	struct durable *file;
	off_t end;
	struct durable_wait *next, **link; /* in the queue of the file; link NULL: in none */
};

/* What made the file unusable. It is final: nobody knows what is on the disk after it. */
struct durable_problem {
	const char *what; /* NULL: nothing */
	int error;        /* an errno; 0: it is no longer the file that it was */
};

/* Takes the descriptor, also when it fails. -> NULL: no memory, or no size */
struct durable *durable_new(struct host *host, int fd);

/* Closes the descriptor, once a sync that is under way has ended. */
void durable_free(struct durable *file);

/* Says where the file must be found before each sync. -> false: no memory */
bool durable_place(struct durable *file, const char *path);

/* Is it still the file at its place, as it was left? */
bool durable_stands(struct durable *file);

/* Buffers bytes. -> false: no memory, and nothing was appended */
bool durable_append(struct durable *file, const char *bytes, size_t length);

/* Hands what is buffered to the kernel. */
bool durable_flush(struct durable *file);

/* Makes all that was appended durable, and blocks meanwhile. */
bool durable_commit_now(struct durable *file);

/* The same for one who waits. May be ready at once. */
void durable_commit(struct durable *file, struct durable_wait *waiter);
void durable_leave(struct durable_wait *waiter);

/* Reserves room for that many more bytes. -> 0 or an errno */
int durable_reserve(struct durable *file, off_t bytes);

/* Cuts the file. */
bool durable_cut(struct durable *file, off_t size);

/* Leaves of the file what a power failure would; the process must end then. -> its size */
off_t durable_lose(struct durable *file);

const struct durable_problem *durable_problem(const struct durable *file);

#endif
