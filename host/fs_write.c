/*
** fs_write.c: writes files atomically: into a new file in the same folder, synced, then renamed
** over the old one. Readers see either the old or the new content, and a full disk leaves the old
** file untouched.
*/
#include "fs.h"
#include "host.h"
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copies the folder of a path into folder. -> false if the path is too long */
static bool folder_of(const char *path, char folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		slash = path = "."; /* a bare name is in the working directory */
	size_t n = slash == path ? 1 : (size_t)(slash - path);
	if (n + 64 > PATH_MAX)
		return false;
	memcpy(folder, path, n);
	folder[n] = '\0';
	return true;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
** A rename is durable once the folder is synced. Some network file systems cannot sync a folder
** (EINVAL); that is ignored.
*/
static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int error = fsync(fd) && errno != EINVAL ? errno : 0;
	close(fd);
	return error;
}

/* Opens a new file with a unique name next to the target. -> descriptor, or -1 with errno */
static int open_temporary(const char *folder, char path[PATH_MAX])
{
	for (int tries = 0; tries < 16; tries++) {
		unsigned long long tag;
		if (getrandom(&tag, sizeof tag, 0) != sizeof tag)
			return -1;
		if (snprintf(path, PATH_MAX, "%s/.o2x-%016llx", folder, tag) >= PATH_MAX)
			return errno = ENAMETOOLONG, -1;
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* Sets mode and owner of the new file: as given, else as the old file's, else by the umask. */
static int set_attributes(int fd, const char *path, int mode)
{
	struct stat old;
	bool exists = lstat(path, &old) == 0 && S_ISREG(old.st_mode);
	if (exists && fchown(fd, old.st_uid, old.st_gid) && mode < 0)
		mode = (int)(old.st_mode & 0755); /* its group means nothing with our owner */
	if (mode < 0 && exists)
		mode = (int)(old.st_mode & 07777);
	if (mode < 0) {
		mode_t mask = umask(022);
		umask(mask);
		mode = (int)(0666 & ~mask);
	}
	return fchmod(fd, (mode_t)mode) ? errno : 0;
}

/* What must be at the path when a file is put there. */
struct expected {
	enum { ANYTHING, NOTHING, BYTES } what;
	const char *bytes;
	size_t length;
};

/* Does the file hold these bytes? -> 0 or an errno: ESTALE if not */
static int holds(const char *path, const char *bytes, size_t length)
{
	char chunk[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? ESTALE : errno;
	int error = 0;
	ssize_t n = 1;
	while (!error && n > 0) {
		n = read(fd, chunk, sizeof chunk);
		if (n < 0)
			error = errno;
		else if ((size_t)n > length || memcmp(chunk, bytes, (size_t)n) != 0)
			error = ESTALE;
		else
			bytes += n, length -= (size_t)n;
	}
	close(fd);
	return error ? error : length > 0 ? ESTALE : 0;
}

/* Gives a finished file a name that nothing has. -> 0 or an errno: ESTALE if something has it */
static int put_new(const char *temporary, const char *path)
{
	struct stat there;
	if (link(temporary, path) == 0)
		return 0;
	if (errno == EEXIST)
		return ESTALE;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return errno;
	/* No hard links, as on a shared folder: looking first is the best there is. */
	if (lstat(path, &there) == 0)
		return ESTALE;
	return rename(temporary, path) ? errno : 0;
}

/* Gives a finished file its name, if there is what was expected. -> 0 or an errno */
static int put(const char *temporary, const char *path, const struct expected *expected)
{
	if (expected->what == NOTHING)
		return put_new(temporary, path);
	int error = expected->what == BYTES ? holds(path, expected->bytes, expected->length) : 0;
	if (error)
		return error;
	return rename(temporary, path) ? errno : 0;
}

static int write_atomically(const char *path, const char *bytes, size_t len, int mode,
			    const struct expected *expected, bool durable)
{
	char folder[PATH_MAX], temporary[PATH_MAX];
	if (!folder_of(path, folder))
		return ENAMETOOLONG;
	int fd = open_temporary(folder, temporary);
	if (fd < 0)
		return errno;
	int error = set_attributes(fd, path, mode);
	if (!error)
		error = write_all(fd, bytes, len);
	if (!error && durable && fsync(fd))
		error = errno;
	if (close(fd) && !error)
		error = errno;
	if (!error)
		error = put(temporary, path, expected);
	if (error || expected->what == NOTHING)
		unlink(temporary);
	if (error || !durable)
		return error;
	return sync_folder(folder);
}

static int check_mode(lua_State *L, int arg)
{
	return lua_isnoneornil(L, arg) ? -1 : (int)host_checkrange(L, arg, 0, 07777);
}

int fs_finish(lua_State *L, const char *path, int error)
{
	if (error)
		return host_fail_errno(L, path, error);
	lua_pushboolean(L, true);
	return 1;
}

/***
 Writes a file atomically and syncs it, unless it need not be durable. A symbolic link at the path is
 replaced, not followed.
 @function core.fs.write
 @param path string
 @param bytes string or secret
 @param mode integer? exactly this mode; default: the old file's, else by the umask
 @param expected string|false|nil what must be there until now: these bytes; false: nothing
 @param durable boolean? false: nothing is synced; default true
 @return true, or nil, message, code: "ESTALE" if something else is there
*/
int fs_write(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	size_t len;
	const char *bytes = secret_checkbytes(L, 2, &len);
	struct expected expected = { ANYTHING, NULL, 0 };
	if (lua_isboolean(L, 4))
		expected.what = NOTHING;
	else if (!lua_isnoneornil(L, 4)) {
		expected.what = BYTES;
		expected.bytes = luaL_checklstring(L, 4, &expected.length);
	}
	bool durable = lua_isnoneornil(L, 5) || lua_toboolean(L, 5);
	int mode = check_mode(L, 3);
	return fs_finish(L, path, write_atomically(path, bytes, len, mode, &expected, durable));
}

/***
 Appends to a file, which is created if absent. Nothing is synced, so it is not for what must
 survive a power failure.
 @function core.fs.append
 @param path string
 @param bytes string
 @param mode integer? of a new file; default 0644
 @return true, or nil, message, code
*/
int fs_append(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	size_t len;
	const char *bytes = luaL_checklstring(L, 2, &len);
	int mode = check_mode(L, 3);
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
	int fd = open(path, flags, mode < 0 ? 0644 : mode);
	if (fd < 0)
		return host_fail_errno(L, path, errno);
	int error = write_all(fd, bytes, len);
	if (close(fd) && !error)
		error = errno;
	return fs_finish(L, path, error);
}

/***
 Sets the mode of a file.
 @function core.fs.chmod
 @param path string
 @param mode integer
 @return true, or nil, message, code
*/
int fs_chmod(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	mode_t mode = (mode_t)host_checkrange(L, 2, 0, 07777);
	return fs_finish(L, path, chmod(path, mode) ? errno : 0);
}

/***
 Creates a symbolic link.
 @function core.fs.symlink
 @param target string what it points to
 @param path string
 @return true, or nil, message, code
*/
int fs_symlink(lua_State *L)
{
	const char *target = host_checkcstr(L, 1);
	const char *path = host_checkcstr(L, 2);
	return fs_finish(L, path, symlink(target, path) ? errno : 0);
}

/***
 Renames a file or folder. An existing file at the new path is replaced.
 @function core.fs.rename
 @param from string
 @param to string
 @param new boolean? of a file: what is at the new path already stays
 @return true, or nil, message, code: "ESTALE" if something is at the new path that stays
*/
int fs_rename(lua_State *L)
{
	const char *from = host_checkcstr(L, 1);
	const char *to = host_checkcstr(L, 2);
	char folder[PATH_MAX];
	if (!folder_of(to, folder))
		return host_fail_errno(L, to, ENAMETOOLONG);
	if (lua_toboolean(L, 3)) {
		int error = put_new(from, to);
		if (error)
			return host_fail_errno(L, error == ESTALE ? to : from, error);
		unlink(from); /* the second of its two names, if it was linked */
	} else if (rename(from, to)) {
		return host_fail_errno(L, from, errno);
	}
	return fs_finish(L, to, sync_folder(folder));
}
