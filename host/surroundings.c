/*
** surroundings.c: see surroundings.h. The parent may be a shell, cron, a supervisor or a program
** that left its own state behind.
*/
#include "surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_WANTED = 1024, FILES_NEEDED = 16 };

/*
** Otherwise the next file that is opened gets the number, and what is meant for the terminal is
** written into it. Each is opened the other way round, so that its use still fails (EBADF).
*/
static bool open_standard(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* The lowest free number is fd. */
		if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0 &&
		    open("/", O_RDONLY | O_DIRECTORY) < 0)
			return false;
	}
	return true;
}

/*
** HUP stays ignored if it was: that is what nohup does. A write that cannot be is an error (EPIPE,
** EFBIG) and no signal; children have an exit code.
*/
static void reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool allow_files(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return true;
	if (files.rlim_cur < FILES_WANTED && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return files.rlim_cur >= FILES_NEEDED;
}

const char *surroundings_prepare(void)
{
	if (!open_standard())
		return "descriptors 0 to 2 are closed, and there is no /dev/null";
	reset_signals();
	umask(umask(0) & 077); /* of what we make, we can use all */
	if (!allow_files())
		return "too few files may be open: ulimit -n 256";
	return NULL;
}
