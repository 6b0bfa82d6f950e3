/*
** journal.c: an append-only file that guarantees what has reached the disk (durable.c). One process
** has the file at a time: the kernel holds its lock, and releases it with the process.
*/
#include "durable.h"
#include "frame.h"
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPE "o2x.journal"
#define COMMIT_TYPE "o2x.journal.commit"

struct journal {
	struct durable *file; /* NULL: closed */
	struct buffer line;   /* that is being appended */
};

/***
 Closes the journal. Idempotent. What was appended without a commit may be lost.
 @function journal:close
*/
static int journal_gc(lua_State *L)
{
	struct journal *journal = lua_touserdata(L, 1);
	if (journal->file)
		durable_free(journal->file);
	journal->file = NULL;
	buffer_free(&journal->line);
	return 0;
}

/* Raises when the journal is closed, or broken and not `anyway`. */
static struct durable *check(lua_State *L, bool anyway)
{
	struct journal *journal = luaL_checkudata(L, 1, TYPE);
	luaL_argcheck(L, journal->file, 1, "the journal is closed");
	luaL_argcheck(L, anyway || !durable_problem(journal->file)->what, 1,
		      "the journal is broken: an earlier write failed");
	return journal->file;
}

static int failed(lua_State *L, struct durable *file)
{
	const struct durable_problem *problem = durable_problem(file);
	if (!problem->error)
		return host_fail(L, "lost", "the journal %s", problem->what);
	return host_fail_errno(L, problem->what, problem->error);
}

/* true, or nil, message, code */
static int answer(lua_State *L, struct durable *file, bool done)
{
	if (!done)
		return failed(L, file);
	lua_pushboolean(L, true);
	return 1;
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
	int fd = open(path, flags, 0600);
	if (fd < 0)
		return host_fail_errno(L, path, errno);
	if (!lock(fd) && (errno == EAGAIN || errno == EACCES)) {
		close(fd);
		return host_fail(L, "locked", "%s: another process has it open", path);
	}
	journal->file = durable_new(host_of(L), fd);
	if (!journal->file || !durable_place(journal->file, path))
		return host_fail_errno(L, path, errno);
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
 Says where the file is from now on: its folder was renamed.
 @function journal:move
 @param path string
*/
static int journal_move(lua_State *L)
{
	if (!durable_place(check(L, true), host_checkcstr(L, 2)))
		return luaL_error(L, "not enough memory");
	return 0;
}

/***
 Is it still the file at its path, as we left it? What is written to a file that was deleted is lost
 when the process ends. Each flush and each commit asks that, too.
 @function journal:stands
 @return true, or nil, message, "lost"
*/
static int journal_stands(lua_State *L)
{
	struct durable *file = check(L, false);
	return answer(L, file, durable_stands(file));
}

/***
 Appends a record as a line, to memory. It is in the file after flush(), on the disk after commit().
 @function journal:append
 @param number integer its position in the journal, from 0
 @param previous string hash of the previous line; 16 zeros for the first
 @param record string a JSON object with at least one member
 @return integer bytes of the line
 @return string its hash
*/
static int journal_append(lua_State *L)
{
	struct durable *file = check(L, false);
	struct buffer *line = &((struct journal *)lua_touserdata(L, 1))->line;
	char hash[FRAME_HASH_DIGITS + 1];
	line->length = 0;
	frame_checkappend(L, line, 2, hash);
	if (!durable_append(file, line->bytes, line->length))
		return luaL_error(L, "not enough memory");
	lua_pushinteger(L, (lua_Integer)line->length);
	lua_pushlstring(L, hash, FRAME_HASH_DIGITS);
	return 2;
}

/***
 Writes what was appended to the file, where other processes see it.
 @function journal:flush
 @return true, or nil, message, code: "lost" if it is no longer the file at its path, as we left it
*/
static int journal_flush(lua_State *L)
{
	struct durable *file = check(L, false);
	return answer(L, file, durable_stands(file) && durable_flush(file));
}

static int commit_gc(lua_State *L)
{
	struct durable_wait *commit = lua_touserdata(L, 1);
	durable_leave(commit);
	return 0;
}

/***
 Starts to make durable what was appended up to now. All who wait at the same time share one sync.
 Where the task cannot wait, it is done when this returns.
 @function journal:commit
 @return userdata an operation; result() gives true, or nil, message, code. A failure is final.
*/
static int journal_commit(lua_State *L)
{
	struct durable *file = check(L, true);
	struct durable_wait *commit = host_newuserdata(L, sizeof *commit, COMMIT_TYPE);
	lua_pushvalue(L, 1); /* the journal stays as long as somebody waits for it */
	lua_setiuservalue(L, -2, 1);
	if (!lua_isyieldable(L))
		durable_commit_now(file);
	durable_commit(file, commit);
	return 1;
}

/***
 Says how a commit went.
 @function commit:result
 @return true, or nil, message, code: "lost" if it is no longer the file at its path, as we left it
*/
static int commit_result(lua_State *L)
{
	struct durable_wait *commit = luaL_checkudata(L, 1, COMMIT_TYPE);
	lua_getiuservalue(L, 1, 1);
	struct journal *journal = lua_touserdata(L, -1);
	if (!journal->file)
		return host_fail(L, "closed", "the journal was closed");
	luaL_argcheck(L, commit->wait.ready, 1, "there is no result");
	return answer(L, journal->file, !durable_problem(journal->file)->what);
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
	struct durable *file = check(L, false);
	int error = durable_reserve(file, (off_t)host_checkrange(L, 2, 1, 1 << 30));
	if (error)
		return host_fail_errno(L, "no room for the journal", error);
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
	struct durable *file = check(L, false);
	return answer(L, file, durable_cut(file, (off_t)host_checkrange(L, 2, 0, INT64_MAX)));
}

/***
 Leaves the file as a power failure would: without what no sync has covered. The process must end then.
 @function journal:lose
 @return integer bytes that are left
*/
static int journal_lose(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)durable_lose(check(L, true)));
	return 1;
}

/***
 Syncs a folder, or a file that was written elsewhere. A new file is durable only once its folder is.
 @function core.journal.sync_path
 @param path string
 @return true, or nil, message, code
*/
static int sync_path(lua_State *L)
{
	const char *path = host_checkcstr(L, 1);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
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
	{ "move", journal_move },     { "append", journal_append },
	{ "flush", journal_flush },   { "commit", journal_commit },
	{ "stands", journal_stands }, { "reserve", journal_reserve },
	{ "cut", journal_cut },       { "lose", journal_lose },
	{ "close", journal_gc },      { NULL, NULL },
};

static const luaL_Reg commit_methods[] = {
	{ "result", commit_result },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "open", journal_open },
	{ "held", journal_held },
	{ "sync_path", sync_path },
	{ NULL, NULL },
};

int luaopen_o2x_core_journal(lua_State *L)
{
	host_newtype(L, TYPE, methods, journal_gc);
	host_newop_type(L, COMMIT_TYPE, commit_methods, commit_gc);
	luaL_newlib(L, functions);
	return 1;
}
