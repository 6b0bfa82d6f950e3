/*
** loop.c: the event loop, on libuv. The only file that includes <uv.h>. Handles are allocated with
** malloc and freed in their close callback, because libuv keeps pointers to them until then.
*/
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

struct loop {
	uv_loop_t uv;
	int pending;
	int threads; /* work that is not done yet */
	bool in_timer, running;
};

struct loop_watch {
	uv_poll_t uv;
	struct loop *loop;
	loop_watch_cb *callback;
	void *arg;
	int events; /* what the owner wants; 0: it rests */
	int polled; /* what libuv waits for */
};

struct loop_timer {
	uv_timer_t uv;
	struct loop *loop;
	loop_timer_cb *callback;
	void *arg;
	bool deadline, active;
};

struct loop_signal {
	uv_signal_t uv;
	void (*callback)(void *arg);
	void *arg;
};

struct work {
	uv_work_t uv;
	struct loop *loop;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void free_handle(uv_handle_t *handle)
{
	free(handle->data);
}

/* ---- memory ---- */

/*
** libuv aborts when it gets no memory. We end in words instead, which is as safe as kill -9: the
** journal has what was done.
*/
static void *or_end(void *block)
{
	static const char words[] = "o2x: not enough memory; an unfinished run: o2x resume\n";
	if (block)
		return block;
	ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
	(void)ignored;
	_exit(1);
}

static void *uv_memory(size_t size)
{
	return or_end(malloc(size ? size : 1));
}

static void *uv_cleared_memory(size_t count, size_t size)
{
	return or_end(calloc(count ? count : 1, size ? size : 1));
}

static void *uv_resized_memory(void *block, size_t size)
{
	return or_end(realloc(block, size ? size : 1));
}

/* ---- the loop ---- */

struct loop *loop_new(void)
{
	uv_replace_allocator(uv_memory, uv_resized_memory, uv_cleared_memory, free);
	struct loop *loop = calloc(1, sizeof *loop);
	if (loop && uv_loop_init(&loop->uv) != 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_forked(struct loop *loop)
{
	uv_loop_fork(&loop->uv);
}

static void count_open(uv_handle_t *handle, void *count)
{
	if (!uv_is_closing(handle))
		++*(int *)count;
}

int loop_free(struct loop *loop)
{
	int left = 0;
	uv_run(&loop->uv, UV_RUN_NOWAIT); /* runs the close callbacks, which free handles */
	uv_walk(&loop->uv, count_open, &left);
	if (uv_loop_close(&loop->uv) == 0)
		free(loop);
	else if (left == 0 && loop->threads == 0)
		left = 1;
	else if (left == 0)
		left = LOOP_AT_WORK; /* say on a look-up that hangs: no bug */
	return left;
}

void loop_run(struct loop *loop, bool block)
{
	loop->running = true;
	uv_run(&loop->uv, block ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	loop->running = false;
}

/* Due timers run before the poll, which must not sleep when one of them made a task ready. */
void loop_hurry(struct loop *loop)
{
	if (loop->running)
		uv_stop(&loop->uv);
}

int loop_pending(const struct loop *loop)
{
	return loop->pending;
}

static double pace = 1;

void loop_hasten(double times)
{
	pace = times;
}

double loop_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((double)now.tv_sec + (double)now.tv_nsec / 1e9) * pace;
}

/* ---- descriptors ---- */

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct loop_watch *watch = handle->data;
	if (watch->events == 0) { /* it rests, and this is its first event since */
		uv_poll_stop(&watch->uv);
		watch->polled = 0;
		return;
	}
	/*
	** Report an error on the descriptor (EBADF, hang-up) as ready: the library then finds the
	** error.
	*/
	int seen = (events & UV_READABLE ? LOOP_READ : 0) | (events & UV_WRITABLE ? LOOP_WRITE : 0);
	watch->callback(watch->arg, status < 0 ? watch->events : seen);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events, loop_watch_cb *callback,
				  void *arg)
{
	struct loop_watch *watch = calloc(1, sizeof *watch);
	if (!watch)
		return NULL;
	int error = uv_poll_init(&loop->uv, &watch->uv, fd);
	if (error) {
		free(watch);
		errno = -error;
		return NULL;
	}
	watch->uv.data = watch;
	watch->loop = loop;
	watch->callback = callback;
	watch->arg = arg;
	error = loop_watch_set(watch, events);
	if (error) {
		loop_watch_free(watch);
		errno = error;
		return NULL;
	}
	return watch;
}

/*
** A watch that rests is polled on: most are soon wanted again, for the same events, and then nothing
** is to be done. The first event that comes meanwhile ends that (on_poll).
*/
int loop_watch_set(struct loop_watch *watch, int events)
{
	int flags =
		(events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0);
	if (events != 0 && events != watch->polled) {
		int error = uv_poll_start(&watch->uv, flags, on_poll);
		if (error)
			return -error;
		watch->polled = events;
	}
	watch->loop->pending += (events != 0) - (watch->events != 0);
	watch->events = events;
	return 0;
}

void loop_watch_free(struct loop_watch *watch)
{
	if (!watch)
		return;
	watch->loop->pending -= watch->events != 0;
	watch->events = 0;
	uv_close((uv_handle_t *)&watch->uv, free_handle);
}

/* ---- timers ---- */

static void on_timer(uv_timer_t *handle)
{
	struct loop_timer *timer = handle->data;
	struct loop *loop = timer->loop; /* the callback may free the timer */
	loop_timer_stop(timer);
	loop->in_timer = true;
	timer->callback(timer->arg);
	loop->in_timer = false;
	if (loop->pending == 0)
		uv_stop(&loop->uv); /* nothing can come: the scheduler is to see that */
}

struct loop_timer *loop_timer_new(struct loop *loop, bool deadline, loop_timer_cb *callback,
				  void *arg)
{
	struct loop_timer *timer = calloc(1, sizeof *timer);
	if (!timer)
		return NULL;
	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = timer;
	timer->loop = loop;
	timer->deadline = deadline;
	timer->callback = callback;
	timer->arg = arg;
	return timer;
}

void loop_timer_start(struct loop_timer *timer, uint64_t milliseconds)
{
	loop_timer_stop(timer);
	uv_update_time(&timer->loop->uv);
	if (timer->loop->in_timer && milliseconds == 0)
		milliseconds = 1; /* due again at once, it would keep libuv busy with timers */
	if (pace > 1)             /* never before loop_now says so */
		milliseconds = (uint64_t)((double)milliseconds / pace) + 1;
	uv_timer_start(&timer->uv, on_timer, milliseconds, 0);
	timer->active = true;
	timer->loop->pending += !timer->deadline;
}

void loop_timer_stop(struct loop_timer *timer)
{
	if (!timer->active)
		return;
	uv_timer_stop(&timer->uv);
	timer->active = false;
	timer->loop->pending -= !timer->deadline;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (!timer)
		return;
	loop_timer_stop(timer);
	uv_close((uv_handle_t *)&timer->uv, free_handle);
}

/* ---- work in a thread ---- */

static void on_work(uv_work_t *request)
{
	struct work *work = request->data;
	work->work(work->arg);
}

static void on_work_done(uv_work_t *request, int status)
{
	struct work *work = request->data;
	(void)status; /* never cancelled */
	work->loop->pending--;
	work->loop->threads--;
	work->done(work->arg);
	free(work);
}

int loop_work(struct loop *loop, void (*function)(void *arg), void (*done)(void *arg), void *arg)
{
	struct work *work = calloc(1, sizeof *work);
	if (!work)
		return ENOMEM;
	*work = (struct work){ .loop = loop, .work = function, .done = done, .arg = arg };
	work->uv.data = work;
	int error = uv_queue_work(&loop->uv, &work->uv, on_work, on_work_done);
	if (error) {
		free(work);
		return -error;
	}
	loop->pending++;
	loop->threads++;
	return 0;
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *handle, int number)
{
	struct loop_signal *signal = handle->data;
	(void)number;
	signal->callback(signal->arg);
}

struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*callback)(void *arg),
				    void *arg)
{
	struct loop_signal *signal = calloc(1, sizeof *signal);
	if (!signal)
		return NULL;
	uv_signal_init(&loop->uv, &signal->uv);
	signal->uv.data = signal;
	signal->callback = callback;
	signal->arg = arg;
	uv_unref((uv_handle_t *)&signal->uv);
	if (uv_signal_start(&signal->uv, on_signal, number) != 0) {
		loop_signal_free(signal);
		return NULL;
	}
	return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
	if (signal)
		uv_close((uv_handle_t *)&signal->uv, free_handle);
}
