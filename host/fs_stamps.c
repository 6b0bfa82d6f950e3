/*
** fs_stamps.c: lists the folders that hold a file, each with a stamp of that file: what the file
** system says of it that changes with its content. One call for all of them, because there may be
** very many.
*/
#include "fs.h"
#include "host.h"
#include "luabuffer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DIR_TYPE "o2x.fs.stamps.dir"

static int dir_gc(lua_State *L)
{
	DIR **dir = lua_touserdata(L, 1);
	if (*dir)
		closedir(*dir);
	*dir = NULL;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
** Reads the names that start with a prefix, each with its NUL, into a buffer. -> their number, or -1
** with errno
*/
static long read_names(DIR *dir, const char *prefix, struct buffer *names)
{
	const struct dirent *entry;
	size_t length = strlen(prefix);
	long count = 0;
	while (errno = 0, (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, length) != 0)
			continue;
		if (!buffer_append(names, entry->d_name, strlen(entry->d_name) + 1)) {
			errno = ENOMEM;
			return -1;
		}
		count++;
	}
	return errno ? -1 : count;
}

/* Since 1970; wraps around in the year 2262, where two times still differ. */
static int64_t nanoseconds(struct timespec time)
{
	return (int64_t)((uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec);
}

/* The stamp of a file: "" if it is not there. [-0, +1, m] */
static void push_stamp(lua_State *L, int folder, const char *name, const char *file)
{
	char path[NAME_MAX + 64];
	struct stat st;
	size_t length = strlen(name), file_size = strlen(file) + 1;
	bool fits = length + 1 + file_size <= sizeof path;
	if (fits) {
		memcpy(path, name, length);
		path[length] = '/';
		memcpy(path + length + 1, file, file_size);
	}
	if (!fits || fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		lua_pushliteral(L, "");
		return;
	}
	int64_t stamp[] = { nanoseconds(st.st_ctim), nanoseconds(st.st_mtim), st.st_size,
			    (int64_t)st.st_ino };
	lua_pushlstring(L, (const char *)stamp, sizeof stamp);
}

/***
 Lists the names in a folder that start with a prefix, sorted, each with the stamp of a file in it.
 A stamp has four integers of 64 bits: the times of the last change of attributes and of content, in
 nanoseconds since 1970, the size, and the inode.
 @function core.fs.stamps
 @param folder string
 @param prefix string of the names
 @param file string the name of the file in each
 @return string[] names, or nil, message, code
 @return string[] stamps, "" where the file is not there
*/
int fs_stamps(lua_State *L)
{
	const char *folder = host_checkcstr(L, 1);
	const char *prefix = host_checkcstr(L, 2);
	const char *file = host_checkcstr(L, 3);
	DIR **dir = host_newuserdata(L, sizeof *dir, DIR_TYPE);
	lua_toclose(L, -1);
	struct buffer *names = luabuffer_new(L);
	*dir = opendir(folder);
	long count = *dir ? read_names(*dir, prefix, names) : -1;
	if (count < 0)
		return host_fail_errno(L, folder, errno);
	char **sorted = lua_newuserdatauv(L, (size_t)count * sizeof *sorted + 1, 0);
	char *at = names->bytes;
	for (long i = 0; i < count; i++, at += strlen(at) + 1)
		sorted[i] = at;
	if (count)
		qsort(sorted, (size_t)count, sizeof *sorted, by_name);
	lua_createtable(L, (int)count, 0);
	lua_createtable(L, (int)count, 0);
	for (long i = 0; i < count; i++) {
		lua_pushstring(L, sorted[i]);
		lua_rawseti(L, -3, i + 1);
		push_stamp(L, dirfd(*dir), sorted[i], file);
		lua_rawseti(L, -2, i + 1);
	}
	return 2;
}

void fs_stamps_open(lua_State *L)
{
	static const luaL_Reg no_methods[] = { { NULL, NULL } };
	host_newtype(L, DIR_TYPE, no_methods, dir_gc);
}
