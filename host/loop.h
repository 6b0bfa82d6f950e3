/*
** loop.h: the event loop as the rest of the host sees it. Only loop.c knows libuv. Handles are heap
** objects with a *_free function. Callbacks run inside loop_run and must not touch Lua.
*/
#ifndef O2X_LOOP_H
#define O2X_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct host;
struct loop;
struct loop_watch;
struct loop_timer;
struct loop_signal;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
enum { LOOP_AT_WORK = -1 };

struct loop *loop_new(void); /* NULL: no memory or no kernel support */
/* -> number of open handles (a bug if above 0), or LOOP_AT_WORK: a thread still uses the loop */
int loop_free(struct loop *loop);

/* Makes the loop usable in a process that was forked while nothing was in it. */
void loop_forked(struct loop *loop);

/*
** Lets time pass so many times as fast, for timers and loop_now: waits that take long become short,
** in the same order.
*/
void loop_hasten(double times);

/*
** Waits for at least one event and runs its callbacks. With block = false it does not wait.
*/
void loop_run(struct loop *loop, bool block);

/* Something is to be done outside of the loop: it does not wait in this turn. For callbacks. */
void loop_hurry(struct loop *loop);

/*
** Number of events that may still come: watches, timers, work. Deadlines of waits do not count.
*/
int loop_pending(const struct loop *loop);

/* Seconds of the monotonic clock. */
double loop_now(void);

/*
** Calls back whenever fd is ready. One watch per descriptor; events may be 0 (it rests). -> NULL with
** errno set on failure
*/
typedef void loop_watch_cb(void *arg, int events);
struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events, loop_watch_cb *callback,
				  void *arg);
int loop_watch_set(struct loop_watch *watch, int events); /* -> 0 or an errno */
void loop_watch_free(struct loop_watch *watch); /* may be NULL; before the descriptor is closed */

/* One-shot timer. A deadline does not keep the program alive by itself (see loop_pending). */
typedef void loop_timer_cb(void *arg);
struct loop_timer *loop_timer_new(struct loop *loop, bool deadline, loop_timer_cb *callback,
				  void *arg);
void loop_timer_start(struct loop_timer *timer, uint64_t milliseconds);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

/*
** Runs work(arg) in a thread, then done(arg) in the loop. work must not touch the host. -> 0 or an
** errno
*/
int loop_work(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg);

struct loop_signal *loop_signal_new(struct loop *loop, int signal, void (*callback)(void *arg),
				    void *arg);
void loop_signal_free(struct loop_signal *signal);

#endif
