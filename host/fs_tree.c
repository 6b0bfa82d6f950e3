/*
** fs_tree.c: creates folders, and removes them with their contents. The removal works on
** descriptors and never follows a symbolic link, so a link planted meanwhile cannot lead it
** elsewhere. It stays on one file system.
*/
#include "fs.h"
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/***
 Creates one folder.
 @function core.fs.mkdir
 @param path string
 @param mode integer? default 0755
 @return true, or nil, message, code
*/
int fs_mkdir(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	mode_t mode = lua_isnoneornil(L, 2) ? 0755 : (mode_t)host_checkrange(L, 2, 0, 07777);
	return fs_finish(L, path, mkdir(path, mode) ? errno : 0);
}

/***
 Creates a folder with a unique name and mode 0700.
 @function core.fs.mkdtemp
 @param prefix string what its path starts with
 @return string its path, or nil, message, code
*/
int fs_mkdtemp(lua_State *L)
{
	const char *prefix = host_checkcstr(L, 1);
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%sXXXXXX", prefix) >= (int)sizeof path)
		return host_fail_errno(L, prefix, ENAMETOOLONG);
	if (!mkdtemp(path))
		return host_fail_errno(L, prefix, errno);
	lua_pushstring(L, path);
	return 1;
}

/***
 Removes a file, a symbolic link or an empty folder.
 @function core.fs.remove
 @param path string
 @return true, or nil, message, code
*/
int fs_remove(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	return fs_finish(L, path, remove(path) ? errno : 0);
}

static int empty_folder(int fd, dev_t device, int depth);

static int remove_entry(int parent, const char *name, dev_t device, int depth)
{
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return errno;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int error = empty_folder(fd, device, depth + 1);
	if (error)
		return error;
	return unlinkat(parent, name, AT_REMOVEDIR) ? errno : 0;
}

/* Removes the contents of the folder; closes fd. */
static int empty_folder(int fd, dev_t device, int depth)
{
	struct stat st;
	int error = fstat(fd, &st) ? errno : st.st_dev != device ? EXDEV : depth > 256 ? ELOOP : 0;
	DIR *dir = error ? NULL : fdopendir(fd);
	if (!dir) {
		error = error ? error : errno;
		close(fd);
		return error;
	}
	const struct dirent *entry;
	while (!error && (errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			error = remove_entry(fd, entry->d_name, device, depth);
	}
	if (!error)
		error = errno;
	closedir(dir);
	return error;
}

static int remove_tree(const char *path)
{
	struct stat st;
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : errno;
	if (!S_ISDIR(st.st_mode))
		return unlink(path) ? errno : 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int error = empty_folder(fd, st.st_dev, 0);
	if (error)
		return error;
	return rmdir(path) ? errno : 0;
}

/* A typo or an empty variable must not remove /, /usr or a home directory. */
static bool is_deep(const char *path)
{
	const char *second = path[0] == '/' ? strchr(path + 1, '/') : NULL;
	if (!second || second == path + 1 || !second[1] || second[1] == '/')
		return false;
	return !strstr(path, "/../") && !strstr(path, "/./") && path[strlen(path) - 1] != '.';
}

/***
 Removes a folder and its contents. A path that does not exist is no error.
 @function core.fs.remove_tree
 @param path string absolute, at least two levels deep
 @return true, or nil, message, code
*/
int fs_remove_tree(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	luaL_argcheck(L, is_deep(path), 1, "an absolute path, at least two levels deep, expected");
	return fs_finish(L, path, remove_tree(path));
}
