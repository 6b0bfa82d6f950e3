/*
** child.h: one child process: vfork, exec, pipes, reaping. No Lua here; subprocess.c is what Lua
** sees.
**
** A child has a process group of its own, so that it can be ended with everything it started. Its
** environment is exactly what it was given. It inherits no descriptors but stdin, stdout and
** stderr, and it dies with this process: a helm that outlives a killed run would keep changing the
** release that the resumed run repairs. A pidfd reports its end and is waited for like any other
** descriptor, so no signal handler is needed.
*/
#ifndef O2X_CHILD_H
#define O2X_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

enum { CHILD_IN, CHILD_OUT, CHILD_ERR, CHILD_STREAMS };

/* A child process. Its descriptors are our ends of its streams; -1 when closed. */
struct child {
	pid_t pid;   /* 0: none, or reaped */
	pid_t shown; /* the same, kept for messages */
	int pidfd;   /* readable once it has ended */
	int fd[CHILD_STREAMS];
	bool detached;
	bool reaped;
	int code;   /* when reaped: exit code, or -1 */
	int signal; /* when reaped: signal, or 0 */
};

#define CHILD_EMPTY ((struct child){ .pidfd = -1, .fd = { -1, -1, -1 } })

struct child_options {
	const char *path, *cwd; /* cwd may be NULL */
	char **argv, **env;
	const char *log; /* file for stdout and stderr; NULL: pipes */
	bool feed;       /* stdin is a pipe; otherwise /dev/null */
	bool detached;   /* runs in its own session and outlives us */
};

/* Starts a process and fills c, which is empty. -> NULL, or what failed (errno says why) */
const char *child_spawn(struct child *c, const struct child_options *o);

/* Lets the children that are started from now on live on when this process is killed. */
void child_outlive(void);

/* If it has ended, records how, and kills the rest of its group. */
void child_reap(struct child *c);

/* Releases it. A child that is not detached is killed with its group. Idempotent. */
void child_release(struct child *c);

/* Closes a descriptor and marks it closed. */
void child_shut(int *fd);

#endif
