/*
** child.c: the floor of bench/child.lua: posix_spawn with pipes for both outputs, which are read to
** their ends, and the exit code.
**
**     child COUNT PROGRAM [ARGUMENT ...]
*/
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Reads both until both have ended. */
static size_t drain(int out, int err)
{
	struct pollfd ends[] = { { .fd = out, .events = POLLIN }, { .fd = err, .events = POLLIN } };
	char bytes[65536];
	size_t size = 0;
	for (int open = 2; open > 0;) {
		poll(ends, 2, -1);
		for (int i = 0; i < 2; i++) {
			ssize_t n = ends[i].revents ? read(ends[i].fd, bytes, sizeof bytes) : -1;
			if (n > 0)
				size += (size_t)n;
			if (n != 0)
				continue;
			close(ends[i].fd);
			ends[i].fd = -1;
			open--;
		}
	}
	return size;
}

static int run(char **argv)
{
	int out[2], err[2], status;
	pid_t pid;
	posix_spawn_file_actions_t actions;
	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, err[1], 2);
	int error = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(out[1]);
	close(err[1]);
	drain(out[0], err[0]);
	if (error || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int main(int words, char **word)
{
	if (words < 3)
		return 2;
	int count = atoi(word[1]);
	for (int i = 0; i < count; i++)
		if (run(word + 2) != 0)
			return 1;
	printf("%d children\n", count);
}
