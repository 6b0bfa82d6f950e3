/*
** lock.c: locks that cannot outlive their holder: the kernel releases them when the process ends,
** however it ends. One is an open file description (OFD) lock; the text in its file only says who
** holds it. The other is a name on this machine, an abstract Unix socket: nobody can remove it.
*/
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TYPE "o2x.lock"

enum { WORDS_MAX = 4096 };

struct lock {
	int fd; /* 0 or -1: not held */
};

/***
 Releases the lock. Idempotent.
 @function lock:close
*/
static int lock_gc(lua_State *L)
{
	struct lock *lock = lua_touserdata(L, 1);
	if (lock->fd > 0)
		close(lock->fd);
	lock->fd = -1;
	return 0;
}

static void push_words(lua_State *L, int fd)
{
	char words[WORDS_MAX];
	ssize_t length = pread(fd, words, sizeof words, 0);
	lua_pushlstring(L, words, length > 0 ? (size_t)length : 0);
}

/***
 Takes the lock, or says who holds it. Never waits.
 @function core.lock.take
 @param path string the file; created if absent, never removed
 @param words string who takes it, to be shown to others
 @return userdata the lock, held until close() or the end of the process; or nil, the holder's
   words, "locked"; or nil, message, code
*/
static int lock_take(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	size_t length;
	const char *words = luaL_checklstring(L, 2, &length);
	luaL_argcheck(L, length < WORDS_MAX, 2, "too long");
	struct lock *lock = host_newuserdata(L, sizeof *lock, TYPE);
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock->fd < 0)
		return host_fail_errno(L, path, errno);
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fcntl(lock->fd, F_OFD_SETLK, &whole) != 0) {
		if (errno != EAGAIN && errno != EACCES)
			return host_fail_errno(L, path, errno);
		lua_pushnil(L);
		push_words(L, lock->fd);
		lua_pushliteral(L, "locked");
		return 3;
	}
	if (ftruncate(lock->fd, 0) != 0 || pwrite(lock->fd, words, length, 0) != (ssize_t)length)
		return host_fail_errno(L, path, errno);
	return 1;
}

/***
 Who holds the lock?
 @function core.lock.holder
 @param path string
 @return string the holder's text, or nil if the lock is free
*/
static int lock_holder(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	struct lock *lock = host_newuserdata(L, sizeof *lock, TYPE);
	lock->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	lua_toclose(L, -1); /* close it now, not at some garbage collection */
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (lock->fd < 0 || fcntl(lock->fd, F_OFD_GETLK, &whole) != 0 || whole.l_type == F_UNLCK)
		return 0;
	push_words(L, lock->fd);
	return 1;
}

/* The process that has the name, as far as it can be asked; else 0. */
static lua_Integer owner(const struct sockaddr_un *address, socklen_t length)
{
	struct ucred who = { 0 };
	socklen_t size = sizeof who;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return 0;
	bool known = connect(fd, (const struct sockaddr *)address, length) == 0 &&
		     getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
	close(fd);
	return known ? who.pid : 0;
}

/***
 Claims a name on this machine. Never waits.
 @function core.lock.claim
 @param name string at most 100 bytes
 @return userdata the claim, held until close() or the end of the process; or nil, the process that
   has the name (0: unknown), "locked"; or nil, message, code
*/
static int lock_claim(lua_State *L)
{
	size_t length;
	const char *name = luaL_checklstring(L, 1, &length);
	struct sockaddr_un address = { .sun_family = AF_UNIX }; /* sun_path[0] = 0: abstract */
	luaL_argcheck(L, length > 0 && length <= 100, 1, "1 to 100 bytes expected");
	memcpy(address.sun_path + 1, name, length);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
	struct lock *lock = host_newuserdata(L, sizeof *lock, TYPE);
	lock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (lock->fd < 0)
		return host_fail_errno(L, "the lock's socket", errno);
	/* It listens so that others can learn whose it is; nobody answers. */
	if (bind(lock->fd, (struct sockaddr *)&address, size) == 0 && listen(lock->fd, 64) == 0)
		return 1;
	if (errno != EADDRINUSE)
		return host_fail_errno(L, "the lock's socket", errno);
	lua_pushnil(L);
	lua_pushinteger(L, owner(&address, size));
	lua_pushliteral(L, "locked");
	return 3;
}

/***
 Takes the lock of a folder, for a moment in which files in it are changed. Nothing is left in it.
 Never waits.
 @function core.lock.folder
 @param path string
 @return userdata the lock; or nil, message, code: "EWOULDBLOCK" while another program has it
*/
static int lock_folder(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	struct lock *lock = host_newuserdata(L, sizeof *lock, TYPE);
	lock->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock->fd < 0 || flock(lock->fd, LOCK_EX | LOCK_NB) != 0)
		return host_fail_errno(L, path, errno);
	return 1;
}

static const luaL_Reg methods[] = { { "close", lock_gc }, { NULL, NULL } };
static const luaL_Reg functions[] = {
	{ "take", lock_take },     { "claim", lock_claim }, { "holder", lock_holder },
	{ "folder", lock_folder }, { NULL, NULL },
};

int luaopen_o2x_core_lock(lua_State *L)
{
	host_newtype(L, TYPE, methods, lock_gc);
	luaL_newlib(L, functions);
	return 1;
}
