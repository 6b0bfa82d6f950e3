/*
** stall.c: how long another client of Redis waits while a program works. Sends a PING each
** millisecond, runs the program meanwhile, and prints the longest wait.
**
**     stall PORT time PROGRAM [ARGUMENT ...]        the figure is the program's time
**     stall PORT stall PROGRAM [ARGUMENT ...]       the figure is the longest wait
**     stall PORT stall+5 PROGRAM [ARGUMENT ...]     the figure is the longest wait and five milliseconds
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *why)
{
	fprintf(stderr, "stall: %s\n", why);
	exit(1);
}

static double ping(redisContext *redis)
{
	double began = now();
	redisReply *reply = redisCommand(redis, "PING");
	if (!reply)
		die(redis->errstr);
	freeReplyObject(reply);
	return now() - began;
}

static pid_t start(char **words)
{
	pid_t child = fork();
	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO); /* our own output has the figures */
		execvp(words[0], words);
		_exit(127);
	}
	return child;
}

int main(int count, char **words)
{
	if (count < 4)
		die("PORT time|stall|stall+5 PROGRAM [ARGUMENT ...]");
	redisContext *redis = redisConnect("127.0.0.1", atoi(words[1]));
	if (!redis || redis->err)
		die("cannot connect");
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	double longest = 0, total = 0;
	long pings = 0;
	int status = 0;
	double began = now();
	pid_t child = start(words + 3);
	while (waitpid(child, &status, WNOHANG) == 0) {
		double waited = ping(redis);
		longest = waited > longest ? waited : longest;
		total += waited;
		pings++;
		nanosleep(&millisecond, NULL);
	}
	double took = now() - began;
	redisFree(redis);
	if (status != 0)
		die("the program failed");
	if (strcmp(words[2], "time") == 0) {
		printf("also: another client waits %.1f ms at most, %.2f ms on average\n",
		       longest * 1e3, total / (double)pings * 1e3);
		printf("figure: %.6f\n", took);
	} else {
		printf("figure: %.6f\n", longest + (strcmp(words[2], "stall+5") == 0 ? 0.005 : 0));
	}
	return 0;
}
