/*
** child.h: one child process: fork, exec, its pipes, its end. No Lua: subprocess.c is what Lua
** sees.
**
** A child has a process group of its own, so that it can be ended with everything it started. Its
** environment is exactly what it was given. It inherits no descriptor but its three, and it dies
** with this process: a helm that outlives a killed run would go on changing the release that the
** resumed run repairs. Its end is seen through a pidfd, which is waited for like any other
** descriptor: no signal handler, no handle of the loop.
*/
#ifndef O2X_CHILD_H
#define O2X_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

enum { CHILD_IN, CHILD_OUT, CHILD_ERR, CHILD_STREAMS };

/* A child process. Our own ends of its streams; -1 where closed. */
struct child {
	pid_t pid;   /* 0: none, or reaped */
	pid_t shown; /* the same, kept for messages */
	int pidfd;   /* readable when it has ended */
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
	const char *log; /* file that takes both outputs; NULL: pipes */
	bool feed;       /* its input is a pipe; else empty */
	bool detached;   /* a session of its own, outlives us */
};

/* Starts it into an empty child. -> NULL, or what could not be done (errno says why) */
const char *child_spawn(struct child *c, const struct child_options *o);

/* Notes its end, if it has ended, and kills what is left of its group. */
void child_reap(struct child *c);

/* Lets go of it: one that is not detached is killed with its group. Idempotent. */
void child_release(struct child *c);

/* Closes a descriptor and marks it closed. */
void child_shut(int *fd);

#endif
