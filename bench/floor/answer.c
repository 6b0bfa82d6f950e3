/*
** answer.c: an HTTP server that is faster than its clients: a fixed answer, after a fixed number of
** milliseconds, on loopback. It prints its port. Requests have no body.
**
**     answer [MILLISECONDS]
*/
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
#define ANSWER \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: 0123456789abcdef\r\n" \
	"Content-Length: 27\r\n\r\n{\"name\":\"x\",\"value\":12345}\n"

/* What is known of a connection: how much of the blank line that ends a request was seen. */
static unsigned char ending[MOST];

/* Answers that wait for their time, in the order in which they are due. */
static struct {
	int fd;
	double at;
} due[MOST];
static unsigned first, last;
static double delay;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void give(int fd)
{
	if (write(fd, ANSWER, sizeof ANSWER - 1) < 0 && errno != EPIPE && errno != ECONNRESET)
		perror("answer");
}

static void answer(int fd)
{
	if (delay <= 0) {
		give(fd);
		return;
	}
	due[last % MOST].fd = fd;
	due[last++ % MOST].at = now() + delay;
}

static void serve(int fd)
{
	char bytes[16384];
	ssize_t n = read(fd, bytes, sizeof bytes);
	if (n <= 0) {
		close(fd);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		unsigned char seen = ending[fd];
		ending[fd] = bytes[i] == "\r\n\r\n"[seen] ? seen + 1 : bytes[i] == '\r';
		if (ending[fd] == 4) {
			ending[fd] = 0;
			answer(fd);
		}
	}
}

static void welcome(int epoll, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
	if (fd < 0 || fd >= MOST)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	ending[fd] = 0;
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
		  &(struct epoll_event){ .events = EPOLLIN, .data.fd = fd });
}

static int open_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096) ||
	    getsockname(listener, (struct sockaddr *)&address, &size)) {
		perror("answer");
		exit(1);
	}
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

int main(int count, char **words)
{
	struct rlimit files;
	delay = count > 1 ? atof(words[1]) / 1000 : 0;
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener = open_port();
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener,
		  &(struct epoll_event){ .events = EPOLLIN, .data.fd = listener });
	for (;;) {
		struct epoll_event events[256];
		double wait = first == last ? -1 : (due[first % MOST].at - now()) * 1000 + 0.5;
		int n = epoll_wait(epoll, events, 256,
				   first == last ? -1
				   : wait > 0    ? (int)wait
						 : 0);
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				welcome(epoll, listener);
			else
				serve(events[i].data.fd);
		}
		for (; first != last && due[first % MOST].at <= now(); first++)
			give(due[first % MOST].fd);
	}
}
