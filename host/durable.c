/*
** durable.c: see durable.h.
**
** Why an order in the file is an order on the disk: bytes reach the file in the order in which they
** were appended, and a sync covers all that was written before it began. So what is durable is
** always a beginning of the file, and a record that needs no sync of its own is durable as soon as
** any later one is. A writer goes on only when a sync that began after its bytes were written has
** succeeded; one that appends while a sync is under way waits for the next.
**
** The sync runs in a thread, so that others go on meanwhile. If nobody else can go on, it runs
** right here: a thread would only cost the switches to it and back. After a failed write or sync
** every later call fails, because the kernel may have dropped the pages.
*/
#include "durable.h"
#include "buffer.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room is reserved in steps of this size, so that few records have to ask the file system. */
enum { STEP = 1 << 20 };

/* A sync in a thread. It owns the descriptor once the file was closed meanwhile. */
struct sync {
	struct durable *owner; /* NULL: closed */
	int fd;
	off_t end;
	enum { IDLE, AT_WORK, COLLECTED } state; /* COLLECTED: its callback is still to come */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
	int error;
};

struct durable {
	struct host *host;
	int fd;
	char *path;
	off_t size, written, synced, reserved; /* all from the start of the file */
	struct buffer buffer;
	struct durable_problem problem;
	struct durable_wait *first, **last;
	struct loop_timer *timer;
	struct sync *sync;
};

/* ---- the queue ---- */

void durable_leave(struct durable_wait *waiter)
{
	if (!waiter->link)
		return;
	*waiter->link = waiter->next;
	if (waiter->next)
		waiter->next->link = waiter->link;
	else
		waiter->file->last = waiter->link;
	waiter->link = NULL;
}

static void join(struct durable *file, struct durable_wait *waiter)
{
	waiter->next = NULL;
	waiter->link = file->last;
	*file->last = waiter;
	file->last = &waiter->next;
}

/* Wakes those whose bytes are on the disk, in the order in which they came; all after a failure. */
static void wake(struct durable *file)
{
	struct durable_wait *waiter;
	while ((waiter = file->first) && (file->problem.what || waiter->end <= file->synced)) {
		durable_leave(waiter);
		host_wake(&waiter->wait);
	}
}

static bool fail(struct durable *file, const char *what, int error)
{
	if (!file->problem.what)
		file->problem = (struct durable_problem){ what, error };
	wake(file);
	return false;
}

/* ---- writing and syncing ---- */

bool durable_stands(struct durable *file)
{
	struct stat ours, there;
	if (file->problem.what)
		return false;
	if (fstat(file->fd, &ours) != 0)
		return fail(file, "cannot get the size of the journal", errno);
	bool named = lstat(file->path, &there) == 0;
	if (ours.st_nlink == 0 && !named)
		return fail(file, "was deleted", 0);
	if (!named)
		return fail(file, "was moved, or its folder was", 0);
	if (ours.st_dev != there.st_dev || ours.st_ino != there.st_ino)
		return fail(file, "was replaced by another file", 0);
	if (ours.st_size != file->written)
		return fail(file, "was changed by somebody else", 0);
	return true;
}

bool durable_flush(struct durable *file)
{
	const char *bytes = file->buffer.bytes;
	size_t left = file->buffer.length;
	while (left > 0 && !file->problem.what) {
		ssize_t n = write(file->fd, bytes, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(file, "cannot write the journal", errno);
		bytes += n;
		left -= (size_t)n;
		file->written += n;
	}
	file->buffer.length = 0;
	return !file->problem.what;
}

/* What may not be there is taken back, so that a later reader does not find it. */
static bool settle(struct durable *file, off_t end, int error)
{
	if (error && ftruncate(file->fd, file->synced) != 0)
		error = errno;
	if (error)
		return fail(file, "cannot sync the journal", error);
	file->synced = end;
	wake(file);
	return true;
}

static bool sync_here(struct durable *file)
{
	return settle(file, file->written, fdatasync(file->fd) == 0 ? 0 : errno);
}

static void close_sync(struct sync *sync)
{
	close(sync->fd);
	pthread_cond_destroy(&sync->ended);
	pthread_mutex_destroy(&sync->lock);
	free(sync);
}

static void work(void *arg)
{
	struct sync *sync = arg;
	int error = fdatasync(sync->fd) == 0 ? 0 : errno;
	pthread_mutex_lock(&sync->lock);
	sync->error = error;
	sync->done = true;
	pthread_cond_signal(&sync->ended);
	pthread_mutex_unlock(&sync->lock);
}

/*
** Waits for the thread. Of two syncs of one descriptor at the same time, only one would be told of
** an error.
*/
static void collect(struct durable *file)
{
	struct sync *sync = file->sync;
	if (sync->state != AT_WORK)
		return;
	pthread_mutex_lock(&sync->lock);
	while (!sync->done)
		pthread_cond_wait(&sync->ended, &sync->lock);
	pthread_mutex_unlock(&sync->lock);
	sync->state = COLLECTED;
	settle(file, sync->end, sync->error);
}

static void start_soon(struct durable *file)
{
	if (file->first && file->sync->state == IDLE)
		loop_timer_start(file->timer, 0);
}

static void done(void *arg)
{
	struct sync *sync = arg;
	if (!sync->owner) {
		close_sync(sync);
		return;
	}
	collect(sync->owner);
	sync->state = IDLE;
	start_soon(sync->owner);
}

/* Nothing is ready and nothing can become ready: the loop may as well block. */
static bool is_alone(const struct host *host)
{
	return !host->ready_first && loop_pending(host->loop) == 0;
}

/* Runs when every task that was ready has had its turn, and so may have appended. */
static void on_timer(void *arg)
{
	struct durable *file = arg;
	struct sync *sync = file->sync;
	if (!file->first || !durable_stands(file) || !durable_flush(file))
		return;
	sync->end = file->written;
	sync->done = false;
	if (is_alone(file->host) || loop_work(file->host->loop, work, done, sync) != 0)
		sync_here(file);
	else
		sync->state = AT_WORK;
}

bool durable_commit_now(struct durable *file)
{
	collect(file);
	if (file->problem.what || file->synced == file->size)
		return !file->problem.what;
	return durable_stands(file) && durable_flush(file) && sync_here(file);
}

void durable_commit(struct durable *file, struct durable_wait *waiter)
{
	waiter->file = file;
	waiter->end = file->size;
	if (file->problem.what || waiter->end <= file->synced) {
		host_wake(&waiter->wait);
		return;
	}
	join(file, waiter);
	if (is_alone(file->host))
		durable_commit_now(file);
	else
		start_soon(file);
}

/* ---- the file ---- */

struct durable *durable_new(struct host *host, int fd)
{
	struct stat status;
	struct durable *file = calloc(1, sizeof *file);
	struct sync *sync = calloc(1, sizeof *sync);
	struct loop_timer *timer = loop_timer_new(host->loop, false, on_timer, file);
	int error = !file || !sync || !timer ? ENOMEM : fstat(fd, &status) != 0 ? errno : 0;
	if (error) {
		close(fd);
		loop_timer_free(timer);
		free(sync);
		free(file);
		errno = error;
		return NULL;
	}
	*sync = (struct sync){ .owner = file, .fd = fd };
	pthread_mutex_init(&sync->lock, NULL);
	pthread_cond_init(&sync->ended, NULL);
	*file = (struct durable){ .host = host, .fd = fd, .timer = timer, .sync = sync };
	file->size = file->written = file->synced = file->reserved = status.st_size;
	file->last = &file->first;
	return file;
}

void durable_free(struct durable *file)
{
	struct stat status;
	fail(file, "was closed", 0);
	/* Gives back what was reserved beyond the end. It does not matter if that fails. */
	if (file->reserved > file->written && fstat(file->fd, &status) == 0)
		(void)!ftruncate(file->fd, status.st_size);
	loop_timer_free(file->timer);
	file->sync->owner = NULL;
	if (file->sync->state == IDLE)
		close_sync(file->sync);
	buffer_free(&file->buffer);
	free(file->path);
	free(file);
}

bool durable_place(struct durable *file, const char *path)
{
	char *copy = strdup(path);
	if (!copy)
		return false;
	free(file->path);
	file->path = copy;
	return true;
}

bool durable_append(struct durable *file, const char *bytes, size_t length)
{
	if (!buffer_append(&file->buffer, bytes, length))
		return false;
	file->size += (off_t)length;
	return true;
}

int durable_reserve(struct durable *file, off_t bytes)
{
	off_t end = file->size + bytes, large = file->size + (bytes > STEP ? bytes : STEP);
	if (end <= file->reserved)
		return 0;
	off_t start = file->written;
	int flags = FALLOC_FL_KEEP_SIZE;
	if (fallocate(file->fd, flags, start, large - start) == 0)
		file->reserved = large;
	else if (fallocate(file->fd, flags, start, end - start) ==
		 0) /* a disk that is nearly full */
		file->reserved = end;
	else if (errno != EOPNOTSUPP && errno != ENOSYS)
		return errno;
	return 0;
}

bool durable_cut(struct durable *file, off_t size)
{
	collect(file);
	if (file->problem.what || size == file->size)
		return !file->problem.what;
	if (ftruncate(file->fd, size) != 0 || fdatasync(file->fd) != 0)
		return fail(file, "cannot truncate the journal", errno);
	file->size = file->written = file->synced = size;
	if (file->reserved > size)
		file->reserved = size;
	return true;
}

off_t durable_lose(struct durable *file)
{
	(void)!ftruncate(file->fd, file->synced);
	return file->synced;
}

const struct durable_problem *durable_problem(const struct durable *file)
{
	return &file->problem;
}
