/* Runs a program and tells what it took: measure REPORT PROGRAM [ARGUMENT ...]. The program's output goes where ours
 * goes; the file REPORT gets "WALL USER SYSTEM PEAK CODE": seconds, seconds, seconds, kilobytes, exit code. The clock
 * runs from before the fork until the program has been waited for; its own children that it waited for are included. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOT_RUN 127

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "measure REPORT PROGRAM [ARGUMENT ...]\n");
		return 2;
	}
	double began = now();
	pid_t child = vfork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		_exit(NOT_RUN);
	}
	int status = 0;
	struct rusage used;
	while (wait4(child, &status, 0, &used) < 0) {
		if (errno != EINTR) {
			perror("measure: wait4");
			return 2;
		}
	}
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	double wall = now() - began;
	FILE *report = fopen(argv[1], "w");
	if (!report) {
		perror(argv[1]);
		return 2;
	}
	fprintf(report, "%.6f %.6f %.6f %ld %d\n", wall, seconds(used.ru_utime),
		seconds(used.ru_stime), used.ru_maxrss, code);
	return fclose(report) == 0 ? code : 2;
}
