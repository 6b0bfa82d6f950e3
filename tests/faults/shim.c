/*
** shim.c: lets a call of the C library fail, for tests. Loaded with LD_PRELOAD.
**
** O2X_FAULT=CALL:N:ERRNO lets the Nth call of that name fail from the program's start; with ":on"
** at its end, all later ones too. A program can also set a fault while it runs, by asking for a
** variable of the environment whose name is a fault: getenv("FAULT:malloc:3:12");
** getenv("FAULT:off") takes it back, and getenv("FAULT:hit") answers "1" if it struck. O2X_FAULT_HIT
** names a file that is created then.
**
** O2X_CLOCK=at:SECONDS lets the time of day begin there; O2X_CLOCK=jump:SECONDS sets it forward and
** back by so much, at every other reading.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct {
	char call[16];
	long left; /* calls until it strikes; 0: none is set */
	int error;
	bool on, hit;
} fault;

static struct {
	long at, jump, start;
	bool forward;
} wound;

static void set_clock(const char *text)
{
	struct timespec now;
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
	wound.start = now.tv_sec;
	wound.at = -1;
	if (sscanf(text, "at:%ld", &wound.at) != 1)
		sscanf(text, "jump:%ld", &wound.jump);
}

static void set(const char *text)
{
	char rest[8] = "";
	fault.left = 0;
	fault.on = fault.hit = false;
	if (sscanf(text, "%15[a-z]:%ld:%d:%7s", fault.call, &fault.left, &fault.error, rest) < 3)
		fault.left = 0;
	fault.on = strcmp(rest, "on") == 0;
}

static void note_hit(void)
{
	extern char **environ;
	for (char **at = environ; *at; at++)
		if (strncmp(*at, "O2X_FAULT_HIT=", 14) == 0)
			syscall(SYS_close,
				(int)syscall(SYS_open, *at + 14, O_CREAT | O_WRONLY, 0600));
}

/* Is it this call's turn to fail? Sets errno then. */
static bool strikes(const char *call)
{
	if (fault.left == 0 || strcmp(call, fault.call) != 0)
		return false;
	if (fault.left > 1) {
		fault.left--;
		return false;
	}
	if (!fault.hit)
		note_hit();
	fault.hit = true;
	if (!fault.on)
		fault.left = 0;
	errno = fault.error;
	return true;
}

__attribute__((constructor)) static void start(void)
{
	extern char **environ;
	for (char **at = environ; *at; at++) {
		if (strncmp(*at, "O2X_FAULT=", 10) == 0)
			set(*at + 10);
		if (strncmp(*at, "O2X_CLOCK=", 10) == 0)
			set_clock(*at + 10);
	}
}

char *getenv(const char *name)
{
	extern char **environ;
	if (strcmp(name, "FAULT:hit") == 0)
		return fault.hit ? "1" : NULL;
	if (strcmp(name, "FAULT:off") == 0) {
		fault.left = 0;
		return NULL;
	}
	if (strncmp(name, "FAULT:", 6) == 0) {
		set(name + 6);
		return NULL;
	}
	size_t length = strlen(name);
	for (char **at = environ; at && *at; at++)
		if (strncmp(*at, name, length) == 0 && (*at)[length] == '=')
			return *at + length + 1;
	return NULL;
}

/* ---- memory: glibc's own functions have other names, so nothing need be looked up ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

void *malloc(size_t size)
{
	return strikes("malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return strikes("malloc") ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	return strikes("malloc") ? NULL : __libc_realloc(block, size);
}

/* ---- the time of day ---- */

static long wind(long seconds)
{
	if (wound.start == 0)
		return seconds;
	if (wound.at >= 0)
		return wound.at + seconds - wound.start;
	wound.forward = !wound.forward;
	return wound.forward ? seconds + wound.jump : seconds - wound.jump;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, id, now);
	if (result == 0 && id == CLOCK_REALTIME)
		now->tv_sec = wind(now->tv_sec);
	return result;
}

time_t time(time_t *copy)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (copy)
		*copy = now.tv_sec;
	return now.tv_sec;
}

/* ---- calls of the system ---- */

/* Disks get full; the pipes by which libraries wake themselves do not. */
static bool is_file(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	return is_file(fd) && strikes("write") ? -1 : syscall(SYS_write, fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	return is_file(fd) && strikes("write") ? -1 : syscall(SYS_writev, fd, parts, count);
}

int fsync(int fd)
{
	return strikes("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return strikes("fsync") ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int link(const char *from, const char *to)
{
	return strikes("link") ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int rename(const char *from, const char *to)
{
	return strikes("rename") ? -1 : (int)syscall(SYS_rename, from, to);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	return strikes("connect") ? -1 : (int)syscall(SYS_connect, fd, address, size);
}

/* A connection that is reset is gone: libraries wait for its end after a failed send. */
static bool breaks(int fd, const char *call)
{
	if (!strikes(call))
		return false;
	int error = errno;
	if (error == ECONNRESET)
		syscall(SYS_shutdown, fd, SHUT_RDWR);
	errno = error;
	return true;
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
	return breaks(fd, "send") ? -1 : syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}

ssize_t sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to,
	       socklen_t length)
{
	return breaks(fd, "send") ? -1 : syscall(SYS_sendto, fd, bytes, size, flags, to, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return breaks(fd, "send") ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
	return breaks(fd, "recv") ? -1 : syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL);
}

ssize_t recvfrom(int fd, void *restrict bytes, size_t size, int flags,
		 struct sockaddr *restrict from, socklen_t *restrict length)
{
	return breaks(fd, "recv") ? -1
				  : syscall(SYS_recvfrom, fd, bytes, size, flags, from, length);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return breaks(fd, "recv") ? -1 : syscall(SYS_recvmsg, fd, message, flags);
}
