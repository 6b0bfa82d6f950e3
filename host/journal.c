/*
** journal.c: an append-only file that guarantees what has reached the disk. A failed write or
** fdatasync is final: nobody knows what is on the disk after it, so every later call fails. One
** process has the file at a time: the kernel holds its lock, and releases it with the process.
*/
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPE "o2x.journal"

struct journal {
	int fd;     /* -1: closed */
	off_t size; /* that we left it with */
	off_t synced;
	bool broken;
};

/***
 Closes the journal. Idempotent.
 @function journal:close
*/
static int journal_gc(lua_State *L)
{
	struct journal *journal = lua_touserdata(L, 1);
	struct stat status;
	if (journal->fd > 0) {
		/* Releases the space reserved beyond the end. It does not matter if that fails. */
		if (fstat(journal->fd, &status) != 0 || ftruncate(journal->fd, status.st_size) != 0)
			journal->broken = true;
		close(journal->fd);
	}
	journal->fd = -1;
	return 0;
}

static struct journal *check(lua_State *L)
{
	struct journal *journal = luaL_checkudata(L, 1, TYPE);
	luaL_argcheck(L, journal->fd > 0, 1, "the journal is closed");
	luaL_argcheck(L, !journal->broken, 1, "the journal is broken: an earlier write failed");
	return journal;
}

static int broken(lua_State *L, struct journal *journal, const char *what)
{
	int error = errno;
	journal->broken = true;
	return host_fail_errno(L, what, error);
}

static bool lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	return fcntl(fd, F_OFD_SETLK, &whole) == 0;
}

/***
 Opens a journal for appending. Never follows a symbolic link. Only its owner can read it.
 @function core.journal.open
 @param path string
 @param create boolean? the file must not be there yet
 @return userdata, or nil, message, code: "locked" while another process has it open
*/
static int journal_open(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
	flags |= lua_toboolean(L, 2) ? O_CREAT | O_EXCL : 0;
	struct journal *journal = host_newuserdata(L, sizeof *journal, TYPE);
	journal->fd = open(path, flags, 0600);
	if (journal->fd < 0)
		return host_fail_errno(L, path, errno);
	if (!lock(journal->fd) && (errno == EAGAIN || errno == EACCES))
		return host_fail(L, "locked", "%s: another process has it open", path);
	struct stat status;
	if (fstat(journal->fd, &status) != 0)
		return host_fail_errno(L, path, errno);
	journal->size = journal->synced = status.st_size;
	return 1;
}

/***
 Has a process opened the journal?
 @function core.journal.held
 @param path string
 @return boolean
*/
static int journal_held(lua_State *L)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(host_checkcstr(L, 1), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
	if (fd >= 0)
		close(fd);
	lua_pushboolean(L, held);
	return 1;
}

/***
 Is it still the file at its path, as we left it? What is written to a file that was deleted is lost
 when the process ends.
 @function journal:stands
 @param path string where it should be
 @return true, or nil, message, "lost"
*/
static int journal_stands(lua_State *L)
{
	struct journal *journal = check(L);
	const char *path = host_checkcstr(L, 2);
	struct stat ours, there;
	if (fstat(journal->fd, &ours) != 0)
		return broken(L, journal, "cannot get the size of the journal");
	bool named = lstat(path, &there) == 0;
	const char *what = NULL;
	if (ours.st_nlink == 0 && !named)
		what = "was deleted";
	else if (!named)
		what = "was moved, or its folder was";
	else if (ours.st_dev != there.st_dev || ours.st_ino != there.st_ino)
		what = "was replaced by another file";
	else if (ours.st_size != journal->size)
		what = "was changed by somebody else";
	journal->broken = what != NULL;
	if (what)
		return host_fail(L, "lost", "the journal %s", what);
	lua_pushboolean(L, true);
	return 1;
}

/***
 Appends bytes; they are on the disk only after sync().
 @function journal:append
 @param bytes string
 @return true, or nil, message, code
*/
static int journal_append(lua_State *L)
{
	struct journal *journal = check(L);
	size_t length;
	const char *bytes = luaL_checklstring(L, 2, &length);
	while (length > 0) {
		ssize_t written = write(journal->fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return broken(L, journal, "cannot write the journal");
		bytes += written;
		length -= (size_t)written;
		journal->size += written;
	}
	lua_pushboolean(L, true);
	return 1;
}

/***
 Waits until everything appended is on the disk. A failure is final, because the kernel may have
 dropped the pages. What may not be there is taken back, so that a later reader does not find it.
 @function journal:sync
 @return true, or nil, message, code
*/
static int journal_sync(lua_State *L)
{
	struct journal *journal = check(L);
	if (fdatasync(journal->fd) != 0) {
		int error = errno;
		if (ftruncate(journal->fd, journal->synced) != 0)
			error = errno;
		errno = error;
		return broken(L, journal, "cannot sync the journal");
	}
	journal->synced = journal->size;
	lua_pushboolean(L, true);
	return 1;
}

/***
 Reserves space for that many more bytes, so that a full disk is noticed before an effect and not
 after it.
 @function journal:reserve
 @param bytes integer
 @return true, or nil, message, code (ENOSPC)
*/
static int journal_reserve(lua_State *L)
{
	struct journal *journal = check(L);
	off_t bytes = (off_t)host_checkrange(L, 2, 1, 1 << 30);
	if (fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, journal->size, bytes) != 0 &&
	    errno != EOPNOTSUPP && errno != ENOSYS)
		return host_fail_errno(L, "no room for the journal", errno);
	lua_pushboolean(L, true);
	return 1;
}

/***
 Truncates the file, to drop a torn last line.
 @function journal:cut
 @param size integer
 @return true, or nil, message, code
*/
static int journal_cut(lua_State *L)
{
	struct journal *journal = check(L);
	off_t size = (off_t)host_checkrange(L, 2, 0, INT64_MAX);
	if (ftruncate(journal->fd, size) != 0 || fdatasync(journal->fd) != 0)
		return broken(L, journal, "cannot truncate the journal");
	journal->size = journal->synced = size;
	lua_pushboolean(L, true);
	return 1;
}

/***
 Syncs a folder. A new file is durable only once its folder is.
 @function core.journal.sync_folder
 @param path string
 @return true, or nil, message, code
*/
static int sync_folder(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return host_fail_errno(L, path, errno);
	int error = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	if (error)
		return host_fail_errno(L, path, error);
	lua_pushboolean(L, true);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "append", journal_append },
	{ "sync", journal_sync },
	{ "stands", journal_stands },
	{ "reserve", journal_reserve },
	{ "cut", journal_cut },
	{ "close", journal_gc },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "open", journal_open },
	{ "held", journal_held },
	{ "sync_folder", sync_folder },
	{ NULL, NULL },
};

int luaopen_o2x_core_journal(lua_State *L)
{
	host_newtype(L, TYPE, methods, journal_gc);
	luaL_newlib(L, functions);
	return 1;
}
