/*
** fs_walk.c: all that is below a folder, each with a stamp, in one call. Lua compares two walks to
** find what changed in a tree of thousands of files.
*/
#include "fs.h"
#include "host.h"
#include "luabuffer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEEPEST 64

struct walk {
	struct buffer *found; /* stamp, path, NUL; stamp, path, NUL … */
	lua_Integer count;
	char path[PATH_MAX];
};

/* Since 1970; wraps around in the year 2262, where two times still differ. */
static int64_t nanoseconds(struct timespec time)
{
	return (int64_t)((uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec);
}

/* The times and the size of a folder tell only what came and went in it, and that is found anyway. */
static bool note(struct walk *walk, const struct stat *st)
{
	bool folder = S_ISDIR(st->st_mode);
	int64_t stamp[] = { st->st_mode,
			    st->st_uid,
			    st->st_gid,
			    folder ? 0 : nanoseconds(st->st_ctim),
			    folder ? 0 : nanoseconds(st->st_mtim),
			    folder ? 0 : st->st_size,
			    folder ? 0 : (int64_t)st->st_ino };
	walk->count++;
	return buffer_append(walk->found, stamp, sizeof stamp) &&
	       buffer_append(walk->found, walk->path, strlen(walk->path) + 1);
}

static int walk_folder(struct walk *walk, int fd, size_t length, int depth);

/* -> 0, or an errno. What is gone by now is left out. */
static int walk_entry(struct walk *walk, int parent, const char *name, size_t length, int depth)
{
	struct stat st;
	size_t size = strlen(name);
	if (length + size + 2 > sizeof walk->path)
		return ENAMETOOLONG;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : errno;
	if (length)
		walk->path[length++] = '/';
	memcpy(walk->path + length, name, size + 1);
	if (!note(walk, &st))
		return ENOMEM;
	if (!S_ISDIR(st.st_mode))
		return 0;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	return walk_folder(walk, fd, length + size, depth + 1);
}

/* Closes fd. */
static int walk_folder(struct walk *walk, int fd, size_t length, int depth)
{
	int error = depth > DEEPEST ? ELOOP : 0;
	DIR *dir = error ? NULL : fdopendir(fd);
	if (!dir) {
		error = error ? error : errno;
		close(fd);
		return error;
	}
	const struct dirent *entry;
	while (!error && (errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			error = walk_entry(walk, fd, entry->d_name, length, depth);
		walk->path[length] = 0;
	}
	if (!error)
		error = errno;
	closedir(dir);
	return error;
}

/***
 Lists all that is below a folder, folders before what is in them; links are not followed. A stamp
 differs when the content, the type, the mode or the owner does: of a folder it has type, mode and
 owner, of anything else also the times of the last changes, the size and the inode.
 @function core.fs.walk
 @param folder string
 @return string[] paths relative to the folder, or nil, message, code
 @return string[] stamps
*/
int fs_walk(lua_State *L)
{
	const char *folder = host_checkcstr(L, 1);
	struct walk *walk = lua_newuserdatauv(L, sizeof *walk, 0);
	*walk = (struct walk){ .found = luabuffer_new(L) };
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = fd < 0 ? errno : walk_folder(walk, fd, 0, 0);
	if (error)
		return host_fail_errno(L, folder, error);
	size_t stamp = 7 * sizeof(int64_t);
	lua_createtable(L, (int)walk->count, 0);
	lua_createtable(L, (int)walk->count, 0);
	const char *at = walk->found->bytes;
	for (lua_Integer i = 1; i <= walk->count; i++) {
		lua_pushlstring(L, at, stamp);
		lua_rawseti(L, -2, i);
		lua_pushstring(L, at + stamp);
		lua_rawseti(L, -3, i);
		at += stamp + strlen(at + stamp) + 1;
	}
	return 2;
}
