/*
 * Prints what happens in folders, as the kernel tells it: PATH, a tab and
 * the event a line, in the order in which it happened.
 *
 *     inotify FOLDER ...
 *
 * Each folder is watched with all that is below it, and with what is made there later. Of a folder that is not there
 * yet, its parent is watched for it. "ready" is printed once everything is watched. A look at a file is no event.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MOST = 65536,
	EVENTS = IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE
};

/* By watch: the folder, and the only name in it that counts (of a parent), or NULL. */
static struct {
	char *path;
	char *only;
} watched[MOST];

static int queue;

static void fail(const char *what)
{
	fprintf(stderr, "inotify: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void watch(const char *path, const char *only)
{
	int wd = inotify_add_watch(queue, path, EVENTS | IN_ONLYDIR);

	if (wd < 0 && errno == ENOENT)
		return; /* it is gone again */
	if (wd < 0 || wd >= MOST)
		fail(path);
	if (watched[wd].path)
		return;
	watched[wd].path = strdup(path);
	watched[wd].only = only ? strdup(only) : NULL;
}

static int is_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* `told`: what is in it was made before it was watched, so the kernel says nothing of it. */
static void watch_all(const char *path, int told)
{
	char inner[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	watch(path, NULL);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >=
		    (int)sizeof inner)
			fail(path);
		if (told)
			printf("%s\tcreate\n", inner);
		if (is_folder(inner))
			watch_all(inner, told);
	}
	if (dir)
		closedir(dir);
}

static void watch_parent(char *path)
{
	char *slash = strrchr(path, '/');

	*slash = '\0';
	watch(path, slash + 1);
	*slash = '/';
}

static const char *name_of(unsigned mask)
{
	if (mask & IN_CREATE)
		return "create";
	if (mask & IN_MODIFY)
		return "modify";
	if (mask & IN_ATTRIB)
		return "attributes";
	if (mask & IN_DELETE)
		return "delete";
	if (mask & IN_CLOSE_WRITE)
		return "opened for writing";
	return mask & IN_MOVED_FROM ? "moved away" : "moved here";
}

static void tell(const struct inotify_event *event)
{
	const char *folder, *only, *name = event->len ? event->name : "";
	char path[PATH_MAX];

	if (event->mask & IN_Q_OVERFLOW)
		puts("?\toverflow");
	if (event->wd < 0 || (event->mask & IN_IGNORED))
		return;
	folder = watched[event->wd].path;
	only = watched[event->wd].only;
	if (only && strcmp(only, name) != 0)
		return;
	if (snprintf(path, sizeof path, "%s%s%s", folder, *name ? "/" : "", name) >=
	    (int)sizeof path)
		fail(folder);
	printf("%s\t%s\n", path, name_of(event->mask));
	if ((event->mask & (IN_CREATE | IN_MOVED_TO)) && is_folder(path))
		watch_all(path, 1);
}

int main(int argc, char **argv)
{
	char buffer[65536] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t got;

	setvbuf(stdout, NULL, _IOLBF, 0);
	queue = inotify_init1(IN_CLOEXEC);
	if (queue < 0)
		fail("inotify_init1");
	for (int i = 1; i < argc; i++) {
		if (is_folder(argv[i]))
			watch_all(argv[i], 0);
		else
			watch_parent(argv[i]);
	}
	puts("ready");
	while ((got = read(queue, buffer, sizeof buffer)) > 0) {
		for (char *at = buffer; at < buffer + got;) {
			const struct inotify_event *event = (const void *)at;

			tell(event);
			at += sizeof *event + event->len;
		}
	}
	fail("read");
}
