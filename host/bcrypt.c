/*
** bcrypt.c: password hashes, by libcrypt. Hashing takes almost a tenth of a second, on purpose, so
** it runs in a worker thread and a task waits for it.
*/
#include "bcrypt.h"
#include "host.h"
#include "lazy.h"
#include "loop.h"
#include "secret.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LIBCRYPT(X) \
	X(crypt_r) \
	X(crypt_gensalt_rn)
LAZY(libcrypt, "libcrypt.so.1", LIBCRYPT)

#define TYPE "o2x.bcrypt"
#define MAX_PASSWORD 72 /* bcrypt ignores the rest */

/* Belongs to the thread until done() runs. Outlives an operation that is closed early. */
struct job {
	struct bcrypt *operation;
	struct crypt_data data;
	char password[MAX_PASSWORD + 1];
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	char hash[CRYPT_OUTPUT_SIZE];
};

struct bcrypt {
	struct wait wait; /* first: see host.h */
	struct job *job;
};

static void job_free(struct job *job)
{
	explicit_bzero(job, sizeof *job);
	free(job);
}

static void work(void *arg)
{
	struct job *job = arg;
	const char *hash = libcrypt.crypt_r(job->password, job->setting, &job->data);
	size_t size = hash ? strlen(hash) + 1 : 0;
	if (hash && hash[0] == '$' && size <= sizeof job->hash)
		memcpy(job->hash, hash, size);
}

static void done(void *arg)
{
	struct job *job = arg;
	if (!job->operation) {
		job_free(job);
		return;
	}
	host_wake(&job->operation->wait);
}

static int bcrypt_gc(lua_State *L)
{
	struct bcrypt *operation = luaL_checkudata(L, 1, TYPE);
	struct job *job = operation->job;
	operation->job = NULL;
	if (!job)
		return 0;
	if (operation->wait.ready)
		job_free(job);
	else
		job->operation = NULL; /* the thread cannot be stopped: done() frees the job */
	if (operation->wait.task)
		host_wake(&operation->wait);
	return 0;
}

/***
 Returns the hash once the operation is ready.
 @function bcrypt:result
 @return string such as "$2b$10$…", or nil, message, code
*/
static int bcrypt_result(lua_State *L)
{
	const struct bcrypt *operation = luaL_checkudata(L, 1, TYPE);
	if (!operation->job || !operation->wait.ready)
		return host_fail(L, "unfinished", "the hash is not ready");
	if (!*operation->job->hash)
		return host_fail(L, "setting", "libcrypt does not know this kind of hash");
	lua_pushstring(L, operation->job->hash);
	return 1;
}

static bool make_setting(struct job *job, const char *setting, unsigned long cost)
{
	char salt[16];
	size_t size = setting ? strlen(setting) + 1 : 0;
	if (size > sizeof job->setting)
		return false;
	if (setting)
		return memcpy(job->setting, setting, size);
	return getrandom(salt, sizeof salt, 0) == sizeof salt &&
	       libcrypt.crypt_gensalt_rn("$2b$", cost, salt, sizeof salt, job->setting,
					 sizeof job->setting);
}

/***
 Starts hashing a password with bcrypt.
 @function core.crypto.bcrypt
 @param password string or secret: 1 to 72 bytes, no NUL
 @param cost integer? 4 to 14; default 10
 @param setting string? an existing hash, whose salt and cost are used: to compare with it
 @return operation; or nil, message, code
*/
int bcrypt_start(lua_State *L)
{
	size_t len;
	const char *password = secret_checkbytes(L, 1, &len);
	unsigned long cost =
		lua_isnoneornil(L, 2) ? 10 : (unsigned long)host_checkrange(L, 2, 4, 14);
	const char *setting = lua_isnoneornil(L, 3) ? NULL : host_checkcstr(L, 3);
	bool good = len > 0 && len <= MAX_PASSWORD && !memchr(password, 0, len);
	luaL_argcheck(L, good, 1, "1 to 72 bytes without NUL expected");
	const char *problem = libcrypt_load();
	if (problem)
		return luaL_error(L, "libcrypt cannot be loaded: %s", problem);
	struct bcrypt *operation = host_newuserdata(L, sizeof *operation, TYPE);
	struct job *job = calloc(1, sizeof *job);
	if (!job)
		return luaL_error(L, "not enough memory");
	memcpy(job->password, password, len);
	int error = make_setting(job, setting, cost) ? 0 : EINVAL;
	job->operation = operation;
	if (!error)
		error = loop_work(host_of(L)->loop, work, done, job);
	if (error) {
		job_free(job);
		return host_fail_errno(L, "cannot hash the password", error);
	}
	operation->job = job;
	return 1;
}

void bcrypt_open(lua_State *L)
{
	static const luaL_Reg methods[] = { { "result", bcrypt_result }, { NULL, NULL } };
	host_newop_type(L, TYPE, methods, bcrypt_gc);
}
