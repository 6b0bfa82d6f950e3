/*
** fs.c: reading files and folders. Functions fail with nil, "path: reason", "ENAME".
*/
#include "fs.h"
#include "host.h"
#include "luabuffer.h"
#include "secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_TYPE "o2x.fs.dir"
#define READ_LIMIT ((lua_Integer)64 << 20)

/*
** Reads up to the end of fd; more than limit bytes are an error. Does not raise, because the caller
** has to close fd. -> 0 or an errno
*/
static int read_all(int fd, struct buffer *b, size_t limit)
{
	char chunk[16384];
	int error = 0;
	size_t most = 0; /* bytes that were in the chunk at a time */
	while (b->length <= limit && !error) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		most = n > 0 && (size_t)n > most ? (size_t)n : most;
		if (n == 0)
			break;
		if (n < 0)
			error = errno == EINTR ? 0 : errno;
		else if (!buffer_append(b, chunk, (size_t)n))
			error = ENOMEM;
	}
	explicit_bzero(chunk, most);
	return error ? error : b->length > limit ? EFBIG : 0;
}

/* May only its owner read the file? -> 0 or an errno: EACCES if not, EINVAL if it is no file */
static int check_private(int fd)
{
	struct stat st;
	if (fstat(fd, &st))
		return errno;
	if (!S_ISREG(st.st_mode))
		return EINVAL;
	bool ours = st.st_uid == geteuid() || st.st_uid == 0;
	return ours && !(st.st_mode & 077) ? 0 : EACCES;
}

/* -> 0 or an errno */
static int read_private(const char *path, struct buffer *b, size_t limit)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno;
	int error = check_private(fd); /* of what was opened: the path may lead elsewhere by now */
	if (!error)
		error = read_all(fd, b, limit);
	close(fd);
	return error;
}

/* -> 0 or an errno */
static int read_file(const char *path, struct buffer *b, size_t limit)
{
	/* O_NONBLOCK: opening a named pipe must not wait for its other end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno;
	int error = read_all(fd, b, limit);
	close(fd);
	return error;
}

/***
 Reads a whole file.
 @function core.fs.read
 @param path string
 @param limit integer? largest size in bytes; default 64 MB
 @return string, or nil, message, code
*/
static int fs_read(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	lua_Integer limit = READ_LIMIT;
	if (!lua_isnoneornil(L, 2))
		limit = host_checkrange(L, 2, 0, (lua_Integer)1 << 32);
	struct buffer *b = luabuffer_new(L);
	int error = read_file(path, b, (size_t)limit);
	if (error)
		return host_fail_errno(L, path, error);
	lua_pushlstring(L, b->bytes ? b->bytes : "", b->length);
	return 1;
}

/***
 Reads a whole file into a secret (1 MB at most).
 @function core.fs.read_secret
 @param path string
 @param label string
 @return secret, or nil, message, code
*/
static int fs_read_secret(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	const char *label = luaL_checkstring(L, 2);
	struct buffer *b = luabuffer_new(L);
	int error = read_file(path, b, 1 << 20);
	if (error)
		return host_fail_errno(L, path, error);
	secret_push(L, b->bytes ? b->bytes : "", b->length, label);
	return 1;
}

/***
 Reads a whole file (1 MB at most) that only its owner can access into a secret.
 @function core.fs.read_private
 @param path string
 @param label string
 @return secret, or nil, message, code: "EACCES" if others can access it, "EINVAL" if it is no file
*/
static int fs_read_private(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	const char *label = luaL_checkstring(L, 2);
	struct buffer *b = luabuffer_new(L);
	int error = read_private(path, b, 1 << 20);
	if (error)
		return host_fail_errno(L, path, error);
	secret_push_message(L, b->bytes ? b->bytes : "", b->length, label);
	return 1;
}

static const char *type_name(mode_t mode)
{
	return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "folder" : S_ISLNK(mode) ? "link" : "other";
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, name);
}

/***
 Returns what a path is.
 @function core.fs.stat
 @param path string
 @param follow boolean? whether to follow a symbolic link; default true
 @return table type ("file", "folder", "link", "other"), mode, size, mtime (seconds, a float),
   uid, gid, device and inode (which tell one file from another); or nil, message, code
*/
static int fs_stat(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	bool follow = lua_isnoneornil(L, 2) || lua_toboolean(L, 2);
	struct stat st;
	if (fstatat(AT_FDCWD, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW))
		return host_fail_errno(L, path, errno);
	lua_createtable(L, 0, 8);
	lua_pushstring(L, type_name(st.st_mode));
	lua_setfield(L, -2, "type");
	lua_pushnumber(L, (lua_Number)st.st_mtim.tv_sec + (lua_Number)st.st_mtim.tv_nsec / 1e9);
	lua_setfield(L, -2, "mtime");
	set_integer(L, "mode", st.st_mode & 07777);
	set_integer(L, "size", st.st_size);
	set_integer(L, "uid", st.st_uid);
	set_integer(L, "gid", st.st_gid);
	set_integer(L, "device", (lua_Integer)st.st_dev);
	set_integer(L, "inode", (lua_Integer)st.st_ino);
	return 1;
}

struct dir {
	DIR *handle;
};

static int dir_gc(lua_State *L)
{
	struct dir *dir = luaL_checkudata(L, 1, DIR_TYPE);
	if (dir->handle)
		closedir(dir->handle);
	dir->handle = NULL;
	return 0;
}

/***
 Lists the names in a folder, without "." and "..", in no particular order.
 @function core.fs.list
 @param path string
 @return table, or nil, message, code
*/
static int fs_list(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	struct dir *dir = host_newuserdata(L, sizeof *dir, DIR_TYPE);
	lua_toclose(L, -1);
	dir->handle = opendir(path);
	if (!dir->handle)
		return host_fail_errno(L, path, errno);
	lua_newtable(L);
	const struct dirent *entry;
	lua_Integer n = 0;
	while (errno = 0, (entry = readdir(dir->handle))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		lua_pushstring(L, entry->d_name);
		lua_rawseti(L, -2, ++n);
	}
	return errno ? host_fail_errno(L, path, errno) : 1;
}

/***
 Returns the absolute path without symbolic links, "." and "..". The path must exist.
 @function core.fs.realpath
 @param path string
 @return string, or nil, message, code
*/
static int fs_realpath(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	char real[PATH_MAX];
	if (!realpath(path, real))
		return host_fail_errno(L, path, errno);
	lua_pushstring(L, real);
	return 1;
}

/***
 Returns what a symbolic link points to.
 @function core.fs.readlink
 @param path string
 @return string, or nil, message, code
*/
static int fs_readlink(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target);
	if (n < 0)
		return host_fail_errno(L, path, errno);
	lua_pushlstring(L, target, (size_t)n);
	return 1;
}

/***
 Returns the effective user id of the program.
 @function core.fs.user
 @return integer
*/
static int fs_user(lua_State *L)
{
	lua_pushinteger(L, geteuid());
	return 1;
}

/***
 Returns the name that the system has for a user, from wherever it knows its users (passwd, LDAP).
 @function core.fs.user_name
 @param uid integer? the user who started the program, if absent
 @return string, or nil if it has none
*/
static int fs_user_name(lua_State *L)
{
	uid_t uid = lua_isnoneornil(L, 1) ? getuid() : (uid_t)luaL_checkinteger(L, 1);
	struct passwd entry, *found = NULL;
	char text[4096];
	if (getpwuid_r(uid, &entry, text, sizeof text, &found) || !found)
		return 0;
	lua_pushstring(L, found->pw_name);
	return 1;
}

/***
 Returns the working directory.
 @function core.fs.cwd
 @return string, or nil, message, code
*/
static int fs_cwd(lua_State *L)
{
	char path[PATH_MAX];
	if (!getcwd(path, sizeof path))
		return host_fail_errno(L, "the current folder", errno);
	lua_pushstring(L, path);
	return 1;
}

static const luaL_Reg no_methods[] = { { NULL, NULL } };

static const luaL_Reg functions[] = {
	{ "read", fs_read },
	{ "read_secret", fs_read_secret },
	{ "read_private", fs_read_private },
	{ "stat", fs_stat },
	{ "list", fs_list },
	{ "realpath", fs_realpath },
	{ "readlink", fs_readlink },
	{ "user", fs_user },
	{ "user_name", fs_user_name },
	{ "cwd", fs_cwd },
	{ "write", fs_write },
	{ "append", fs_append },
	{ "chmod", fs_chmod },
	{ "symlink", fs_symlink },
	{ "rename", fs_rename },
	{ "mkdir", fs_mkdir },
	{ "mkdtemp", fs_mkdtemp },
	{ "remove", fs_remove },
	{ "remove_tree", fs_remove_tree },
	{ "stamps", fs_stamps },
	{ "walk", fs_walk },
	{ NULL, NULL },
};

int luaopen_o2x_core_fs(lua_State *L)
{
	host_newtype(L, DIR_TYPE, no_methods, dir_gc);
	fs_stamps_open(L);
	luaL_newlib(L, functions);
	return 1;
}
