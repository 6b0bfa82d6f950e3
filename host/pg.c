/*
** pg.c: PostgreSQL connections as non-blocking steps, by libpq. lua/o2x/client/pg loops over them:
** poll until connected; send, flush until done, consume until not busy, result until nil.
*/
#include "host.h"
#include "pg_conn.h"
#include "pg_copy.h"
#include "pg_result.h"
#include "pg_send.h"
#include "secret.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { MAX_KEYWORDS = 40 };

/* ---- connecting ---- */

/* Notices are not results. libpq's own receiver would print them on stderr. */
static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

/*
** libpq takes missing keywords from PG* variables and service files. Only the configuration decides
** what a connection uses, and it has read the variables already, so they are removed.
*/
static void forget_environment(void)
{
	PQconninfoOption *options = libpq.PQconndefaults();
	for (const PQconninfoOption *option = options; option && option->keyword; option++)
		if (option->envvar)
			unsetenv(option->envvar);
	libpq.PQconninfoFree(options);
	unsetenv("PGSERVICE");
	unsetenv("PGSERVICEFILE");
	unsetenv("PGSYSCONFDIR");
}

static const char *load(void)
{
	static bool loaded; /* for the process: so are its environment and the library */
	const char *problem = libpq_load();
	if (!problem && !loaded) {
		forget_environment();
		loaded = true;
	}
	return problem;
}

/* A database name must be a plain name, not a connection string. */
static bool plain_name(const char *name)
{
	size_t length = strlen(name);
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.$";
	return length > 0 && length < 64 && name[0] != '-' && strspn(name, allowed) == length;
}

/* The value of the keyword, on top of the stack; the table keeps it alive. [-0, +0, v] */
static const char *keyword_value(lua_State *L, const char *keyword)
{
	size_t length;
	const char *value = secret_bytes(L, -1, &length);
	if (value && strcmp(keyword, "password") != 0)
		luaL_error(L, "only the password may be a secret, not %s", keyword);
	if (!value && lua_type(L, -1) == LUA_TSTRING)
		value = lua_tolstring(L, -1, &length);
	if (!value || strlen(value) != length)
		luaL_error(L, "%s must be a string without NUL", keyword);
	if (strcmp(keyword, "dbname") == 0 && !plain_name(value))
		luaL_error(L, "not a plain database name: %s", value);
	return value;
}

/***
 Starts to connect. No keyword is taken from the environment, a service file or the value of
 another keyword.
 @function core.pg.start
 @param keywords table libpq's keywords: strings; `password` may be a secret, `dbname` must be a
  plain name
 @return userdata a connection to poll, or nil, message, code
*/
static int pg_start(lua_State *L)
{
	const char *keywords[MAX_KEYWORDS + 1] = { NULL }, *values[MAX_KEYWORDS + 1] = { NULL };
	int count = 0;
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	struct pg *pg = host_newuserdata(L, sizeof *pg, PG_TYPE);
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
		luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING, 1, "keywords expected");
		luaL_argcheck(L, count < MAX_KEYWORDS, 1, "too many keywords");
		keywords[count] = lua_tostring(L, -2);
		values[count] = keyword_value(L, keywords[count]);
		count++;
	}
	const char *problem = load();
	if (problem)
		return host_fail(L, "library", "libpq cannot be loaded: %s", problem);
	pg->conn = libpq.PQconnectStartParams(keywords, values, 0);
	if (!pg->conn)
		return luaL_error(L, "not enough memory");
	if (libpq.PQstatus(pg->conn) == CONNECTION_BAD)
		return pg_fail(L, pg->conn);
	libpq.PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
	lua_settop(L, 2);
	return 1;
}

/***
 Does one step of connecting. The descriptor may change with each step.
 @function conn:poll
 @return string "r" or "w" (wait for it, then poll again) or "ok", or nil, message, code
*/
static int pg_poll(lua_State *L)
{
	PGconn *conn = pg_check(L);
	switch (libpq.PQconnectPoll(conn)) {
	case PGRES_POLLING_READING: lua_pushliteral(L, "r"); return 1;
	case PGRES_POLLING_WRITING: lua_pushliteral(L, "w"); return 1;
	case PGRES_POLLING_OK:
		if (libpq.PQsetnonblocking(conn, 1) != 0)
			return pg_fail(L, conn);
		lua_pushliteral(L, "ok");
		return 1;
	default: return pg_fail(L, conn);
	}
}

/***
 Returns the descriptor to wait for.
 @function conn:fd
 @return integer, or nil, message, code when the connection is broken
*/
static int pg_fd(lua_State *L)
{
	PGconn *conn = pg_check(L);
	int fd = libpq.PQsocket(conn);
	if (fd < 0)
		return pg_fail(L, conn);
	lua_pushinteger(L, fd);
	return 1;
}

/***
 Closes the connection and abandons what runs on it. Idempotent.
 @function conn:close
*/
static int pg_close(lua_State *L)
{
	struct pg *pg = luaL_checkudata(L, 1, PG_TYPE);
	if (pg->conn)
		libpq.PQfinish(pg->conn);
	pg->conn = NULL;
	return 0;
}

/***
 Is the connection alive, as far as is known without asking the server?
 @function conn:alive
 @return boolean
*/
static int pg_alive(lua_State *L)
{
	const struct pg *pg = luaL_checkudata(L, 1, PG_TYPE);
	lua_pushboolean(L, pg->conn && libpq.PQstatus(pg->conn) == CONNECTION_OK);
	return 1;
}

/* ---- steps ---- */

/***
 Sends what is queued.
 @function conn:flush
 @return boolean true: all is sent; false: wait for "rw", consume when readable, flush again; or
  nil,
  message, code
*/
static int pg_flush(lua_State *L)
{
	PGconn *conn = pg_check(L);
	int left = libpq.PQflush(conn);
	if (left < 0)
		return pg_fail(L, conn);
	lua_pushboolean(L, left == 0);
	return 1;
}

/***
 Reads what the server has sent.
 @function conn:consume
 @return boolean true, or nil, message, code
*/
static int pg_consume(lua_State *L)
{
	PGconn *conn = pg_check(L);
	struct pg *pg = lua_touserdata(L, 1);
	int waiting = 0, fd = libpq.PQsocket(conn);
	if (fd >= 0 && ioctl(fd, FIONREAD, &waiting) == 0)
		pg->seen += waiting;
	if (!libpq.PQconsumeInput(conn))
		return pg_fail(L, conn);
	lua_pushboolean(L, true);
	return 1;
}

/***
 Returns how much the server has sent since the connection began. libpq keeps a whole result in
 memory and does not tell its size, but the kernel counts for TCP. Of a Unix socket, what waited
 before each read is counted.
 @function conn:received
 @return integer bytes
*/
static int pg_received(lua_State *L)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof info;
	int fd = libpq.PQsocket(pg_check(L));
	const struct pg *pg = lua_touserdata(L, 1);
	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
	    size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
		info.tcpi_bytes_received = (unsigned long long)pg->seen;
	lua_pushinteger(L, (lua_Integer)info.tcpi_bytes_received);
	return 1;
}

/***
 Would result() have to wait?
 @function conn:busy
 @return boolean
*/
static int pg_busy(lua_State *L)
{
	lua_pushboolean(L, libpq.PQisBusy(pg_check(L)));
	return 1;
}

/***
 Returns the transaction status of the session.
 @function conn:transaction
 @return string "idle", "active", "open", "failed" or "unknown"
*/
static int pg_transaction(lua_State *L)
{
	switch (libpq.PQtransactionStatus(pg_check(L))) {
	case PQTRANS_IDLE: lua_pushliteral(L, "idle"); break;
	case PQTRANS_ACTIVE: lua_pushliteral(L, "active"); break;
	case PQTRANS_INTRANS: lua_pushliteral(L, "open"); break;
	case PQTRANS_INERROR: lua_pushliteral(L, "failed"); break;
	default: lua_pushliteral(L, "unknown"); break;
	}
	return 1;
}

/***
 Returns a setting of the session that the server reports by itself, such as client_encoding.
 @function conn:reported
 @param name string
 @return string? nil: the server does not report it
*/
static int pg_reported(lua_State *L)
{
	lua_pushstring(L, libpq.PQparameterStatus(pg_check(L), luaL_checkstring(L, 2)));
	return 1;
}

/***
 Returns the process that the server named when the connection began. A pooler names one that is
 none.
 @function conn:backend_pid
 @return integer
*/
static int pg_backend_pid(lua_State *L)
{
	lua_pushinteger(L, libpq.PQbackendPID(pg_check(L)));
	return 1;
}

/***
 Returns the server's version.
 @function conn:version
 @return integer such as 150004
*/
static int pg_version(lua_State *L)
{
	lua_pushinteger(L, libpq.PQserverVersion(pg_check(L)));
	return 1;
}

/***
 Returns what to put after PASSWORD in CREATE ROLE, so that the password itself is in no server
 log.
 @function conn:scram
 @param user string
 @param password string|secret
 @return string a SCRAM-SHA-256 verifier, or nil, message, code
*/
static int pg_scram(lua_State *L)
{
	PGconn *conn = pg_check(L);
	const char *user = host_checkcstr(L, 2);
	size_t length;
	const char *password = secret_checkbytes(L, 3, &length);
	luaL_argcheck(L, strlen(password) == length, 3, "has a NUL byte inside");
	/*
	** Pushing may raise; then the memory of the verifier leaks, but not the password.
	*/
	char *verifier = libpq.PQencryptPasswordConn(conn, password, user, "scram-sha-256");
	if (!verifier)
		return pg_fail(L, conn);
	lua_pushstring(L, verifier);
	libpq.PQfreemem(verifier);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "poll", pg_poll },
	{ "fd", pg_fd },
	{ "close", pg_close },
	{ "alive", pg_alive },
	{ "flush", pg_flush },
	{ "consume", pg_consume },
	{ "received", pg_received },
	{ "busy", pg_busy },
	{ "transaction", pg_transaction },
	{ "reported", pg_reported },
	{ "backend_pid", pg_backend_pid },
	{ "version", pg_version },
	{ "scram", pg_scram },
	{ "send", pg_send },
	{ "script", pg_script },
	{ "pipeline", pg_pipeline },
	{ "sync", pg_sync },
	{ "result", pg_result },
	{ "copy_put", pg_copy_put },
	{ "copy_end", pg_copy_end },
	{ "copy_get", pg_copy_get },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = { { "start", pg_start }, { NULL, NULL } };

int luaopen_o2x_core_pg(lua_State *L)
{
	host_newtype(L, PG_TYPE, methods, pg_close);
	pg_result_open(L);
	pg_copy_open(L);
	luaL_newlib(L, functions);
	return 1;
}
