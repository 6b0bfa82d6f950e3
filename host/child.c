/*
** child.c: see child.h.
*/
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
** What the new process needs. Prepared before the fork, because only system calls are allowed after
** it.
*/
struct plan {
	const struct child_options *o;
	int fd[CHILD_STREAMS];
	int report; /* write end of the pipe that reports why exec failed */
	pid_t parent;
};

/* What the child reports when it cannot start: whether chdir failed, and errno. */
struct failure {
	bool cwd;
	int error;
};

void child_shut(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static bool outlive;

void child_outlive(void)
{
	outlive = true;
}

/* ---- the new process ---- */

static _Noreturn void give_up(int report, bool cwd)
{
	struct failure f = { cwd, errno };

	(void)!write(report, &f, sizeof f);
	_exit(127);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const struct plan *p)
{
	reset_signals();
	if (p->o->detached) {
		setsid();
	} else {
		setpgid(0, 0);
		if (!outlive)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != p->parent)
			_exit(127);
	}
	if (p->o->cwd && chdir(p->o->cwd) < 0)
		give_up(p->report, true);
	for (int i = CHILD_IN; i < CHILD_STREAMS; i++)
		if (dup2(p->fd[i], i) < 0)
			give_up(p->report, false);
	/*
	** Our descriptors are close-on-exec. This closes those that a library opened without the
	** flag.
	*/
	if (dup3(p->report, CHILD_STREAMS, O_CLOEXEC) < 0)
		give_up(p->report, false);
	syscall(SYS_close_range, CHILD_STREAMS + 1, UINT_MAX, 0);
	execve(p->o->path, p->o->argv, p->o->env);
	give_up(CHILD_STREAMS, false);
}

/* ---- starting it ---- */

/* The child moves these descriptors to 0..3, so they must not be there already. */
static int above_standard(int fd)
{
	int moved;

	if (fd < 0 || fd > CHILD_STREAMS)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_STREAMS + 1);
	child_shut(&fd);
	return moved;
}

static bool open_pipe(int *reader, int *writer)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return false;
	*reader = above_standard(p[0]);
	*writer = above_standard(p[1]);
	return *reader >= 0 && *writer >= 0;
}

static bool nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0;
}

static bool open_input(struct child *c, struct plan *p)
{
	if (p->o->feed)
		return open_pipe(&p->fd[CHILD_IN], &c->fd[CHILD_IN]) &&
		       nonblocking(c->fd[CHILD_IN]);
	p->fd[CHILD_IN] = above_standard(open("/dev/null", O_RDONLY | O_CLOEXEC));
	return p->fd[CHILD_IN] >= 0;
}

static bool open_output(struct child *c, struct plan *p, int i)
{
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;

	if (!p->o->log)
		return open_pipe(&c->fd[i], &p->fd[i]) && nonblocking(c->fd[i]);
	p->fd[i] = above_standard(open(p->o->log, flags, 0600));
	return p->fd[i] >= 0;
}

/*
** fork copies the tables of all our memory, which takes the longer the more a run holds. vfork
** shares it until exec, as posix_spawn does; the signals stay blocked until the child has no handler
** of ours.
*/
static pid_t fork_into(const struct plan *p)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = vfork();
	if (pid == 0)
		become(p);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Waits for exec only, as posix_spawn does. -> true, or false with *f filled */
static bool launch(struct child *c, struct plan *p, struct failure *f)
{
	int report = -1;
	pid_t pid;
	ssize_t n;

	if (!open_pipe(&report, &p->report) || (pid = fork_into(p)) < 0) {
		f->error = errno;
		child_shut(&report);
		child_shut(&p->report);
		return false;
	}
	child_shut(&p->report);
	do
		n = read(report, f, sizeof *f);
	while (n < 0 && errno == EINTR);
	child_shut(&report);
	if (n != (ssize_t)sizeof *f) {
		c->pid = c->shown = pid;
		c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (c->pidfd >= 0)
			return true;
		f->error = errno;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	c->pid = 0;
	return false;
}

const char *child_spawn(struct child *c, const struct child_options *o)
{
	struct plan p = { .o = o, .fd = { -1, -1, -1 }, .report = -1, .parent = getpid() };
	struct failure f = { false, 0 };
	const char *wrong = NULL;

	c->detached = o->detached;
	if (!open_input(c, &p) || !open_output(c, &p, CHILD_OUT) || !open_output(c, &p, CHILD_ERR))
		wrong = o->log ? o->log : "pipe", f.error = errno;
	else if (!launch(c, &p, &f))
		wrong = f.cwd ? o->cwd : o->path;
	for (int i = CHILD_IN; i < CHILD_STREAMS; i++)
		child_shut(&p.fd[i]);
	errno = f.error;
	return wrong;
}

/* ---- ending it ---- */

/*
** Kills the group before reaping its leader. Processes left behind would keep our pipes open, and
** while the leader is a zombie its process id cannot be reused.
*/
void child_reap(struct child *c)
{
	siginfo_t si = { 0 };

	if (!c->pid)
		return;
	if (waitid(P_PID, (id_t)c->pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || !si.si_pid)
		return;
	if (!c->detached)
		kill(-c->pid, SIGKILL);
	waitid(P_PID, (id_t)c->pid, &si, WEXITED | WNOHANG);
	c->code = si.si_code == CLD_EXITED ? si.si_status : -1;
	c->signal = si.si_code == CLD_EXITED ? 0 : si.si_status;
	c->reaped = true;
	c->pid = 0;
}

/*
** A killed process normally ends within microseconds, so this waits for it and leaves no zombie.
** One in uninterruptible sleep is abandoned after 20 ms.
*/
void child_release(struct child *c)
{
	for (int i = CHILD_IN; i < CHILD_STREAMS; i++)
		child_shut(&c->fd[i]);
	child_reap(c);
	if (c->pid && !c->detached) {
		kill(-c->pid, SIGKILL);
		for (useconds_t i = 0; i < 20 && c->pid; i++) {
			usleep(i * 100);
			child_reap(c);
		}
	}
	child_shut(&c->pidfd);
	c->pid = 0;
}
