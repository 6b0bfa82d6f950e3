/*
** journal.c: the floor of bench/journal.lua: append and fdatasync, one record after the other.
**
**     journal FILE RECORDS BYTES
*/
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int main(int count, char **words)
{
	if (count != 4)
		return 2;
	int records = atoi(words[2]);
	size_t length = (size_t)atol(words[3]);
	char *record = malloc(length);
	int fd = open(words[1], O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (!record || fd < 0)
		return 1;
	memset(record, 'x', length);
	record[length - 1] = '\n';
	double start = now();
	for (int i = 0; i < records; i++)
		if (write(fd, record, length) != (ssize_t)length || fdatasync(fd) != 0)
			return 1;
	printf("figure: %.9f\n", (now() - start) / records);
	return 0;
}
