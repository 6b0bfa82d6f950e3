/*
** spawn.h: starting and ending child processes, for proc.c.
*/
#ifndef O2X_SPAWN_H
#define O2X_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

enum { SPAWN_IN, SPAWN_OUT, SPAWN_ERR, SPAWN_STREAMS };

/* A child process. Our own ends of its streams; -1 where closed. */
struct child {
	pid_t pid;   /* 0: none, or reaped */
	pid_t shown; /* the same, kept for messages */
	int pidfd;   /* readable when it has ended */
	int fd[SPAWN_STREAMS];
	bool detached;
	bool reaped;
	int code;   /* when reaped: exit code, or -1 */
	int signal; /* when reaped: signal, or 0 */
};

#define CHILD_EMPTY { .pidfd = -1, .fd = { -1, -1, -1 } }

struct spawn_options {
	const char *path, *cwd; /* cwd may be NULL */
	char **argv, **env;
	const char *log; /* file that takes both outputs; NULL: pipes */
	bool feed;       /* its input is a pipe; else empty */
	bool detached;   /* a session of its own, outlives us */
};

/* Starts it into an empty child. -> NULL, or what could not be done (errno says why) */
const char *child_spawn(struct child *c, const struct spawn_options *o);

/* Notes its end, if it has ended, and kills what is left of its group. */
void child_reap(struct child *c);

/* Lets go of it: one that is not detached is killed with its group. Idempotent. */
void child_release(struct child *c);

/* Closes a descriptor and marks it closed. */
void child_shut(int *fd);

#endif
