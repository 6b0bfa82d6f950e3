/*
** fs_tree.c: folders: made, and removed with all that is in them. The removal walks by descriptors
** and never follows a symbolic link, so that a link put in its way cannot lead it elsewhere; it
** stays on the file system it began on.
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
 Makes one folder.
 @function core.fs.mkdir
 @param path string
 @param mode integer? 0755 if absent
 @return true, or nil, message, code
*/
int fs_mkdir(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	mode_t mode = lua_isnoneornil(L, 2) ? 0755 : (mode_t)host_checkrange(L, 2, 0, 07777);
	return fs_finish(L, path, mkdir(path, mode) ? errno : 0);
}

/***
 Makes a folder of mode 0700 with a name of its own.
 @function core.fs.mkdtemp
 @param prefix string the beginning of its path
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

/* Removes what is in the folder; owns fd. */
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

/* No typing error and no empty variable may turn into the removal of /, /usr or a home folder. */
static bool is_deep(const char *path)
{
	const char *second = path[0] == '/' ? strchr(path + 1, '/') : NULL;
	if (!second || second == path + 1 || !second[1] || second[1] == '/')
		return false;
	return !strstr(path, "/../") && !strstr(path, "/./") && path[strlen(path) - 1] != '.';
}

/***
 Removes a folder and all that is in it. What is not there is gone already.
 @function core.fs.remove_tree
 @param path string absolute, and at least two names deep
 @return true, or nil, message, code
*/
int fs_remove_tree(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	luaL_argcheck(L, is_deep(path), 1, "an absolute path, two names deep or more");
	return fs_finish(L, path, remove_tree(path));
}
