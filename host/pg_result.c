/*
** pg_result.c: results as Lua values. A userdata owns the PGresult before any table is built.
*/
#include "pg_result.h"
#include "host.h"
#include "pg_array.h"
#include "pg_conn.h"
#include "pg_value.h"

#include <stdlib.h>
#include <string.h>

#define RESULT_TYPE "o2x.pg.result"

struct result {
	PGresult *result;
};

static PGresult *check(lua_State *L)
{
	const struct result *box = luaL_checkudata(L, 1, RESULT_TYPE);
	luaL_argcheck(L, box->result, 1, "the result is closed");
	return box->result;
}

/***
 Frees the result. Idempotent.
 @function result:close
*/
static int result_close(lua_State *L)
{
	struct result *box = luaL_checkudata(L, 1, RESULT_TYPE);
	if (box->result)
		libpq.PQclear(box->result);
	box->result = NULL;
	return 0;
}

/***
 Returns the next result. Blocks if busy() is true, so check that first.
 @function conn:result
 @return userdata a result, or nil if the statement has no more
*/
int pg_result(lua_State *L)
{
	PGconn *conn = pg_check(L);
	struct result *box = host_newuserdata(L, sizeof *box, RESULT_TYPE);
	box->result = libpq.PQgetResult(conn);
	if (!box->result)
		lua_pushnil(L);
	return 1;
}

/***
 Returns the kind of result.
 @function result:status
 @return string "rows", "done", "empty", "error", "copy_in", "copy_out", "sync" or "skipped"
*/
static int result_status(lua_State *L)
{
	switch (libpq.PQresultStatus(check(L))) {
	case PGRES_TUPLES_OK: lua_pushliteral(L, "rows"); break;
	case PGRES_COMMAND_OK: lua_pushliteral(L, "done"); break;
	case PGRES_EMPTY_QUERY: lua_pushliteral(L, "empty"); break;
	case PGRES_COPY_IN: lua_pushliteral(L, "copy_in"); break;
	case PGRES_COPY_OUT: lua_pushliteral(L, "copy_out"); break;
	case PGRES_PIPELINE_SYNC: lua_pushliteral(L, "sync"); break;
	case PGRES_PIPELINE_ABORTED: lua_pushliteral(L, "skipped"); break;
	default: lua_pushliteral(L, "error"); break;
	}
	return 1;
}

/***
 Returns the fields of an error, without DETAIL, which quotes values of rows.
 @function result:error
 @return table code (SQLSTATE), message, hint, schema, table, column, constraint, position
*/
static int result_error(lua_State *L)
{
	static const struct {
		const char *name;
		int field;
	} fields[] = {
		{ "code", PG_DIAG_SQLSTATE },
		{ "message", PG_DIAG_MESSAGE_PRIMARY },
		{ "hint", PG_DIAG_MESSAGE_HINT },
		{ "schema", PG_DIAG_SCHEMA_NAME },
		{ "table", PG_DIAG_TABLE_NAME },
		{ "column", PG_DIAG_COLUMN_NAME },
		{ "constraint", PG_DIAG_CONSTRAINT_NAME },
		{ "position", PG_DIAG_STATEMENT_POSITION },
	};
	PGresult *result = check(L);
	lua_newtable(L);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		const char *value = libpq.PQresultErrorField(result, fields[i].field);
		if (!value && fields[i].field == PG_DIAG_MESSAGE_PRIMARY)
			value = libpq.PQresultErrorMessage(result); /* libpq's own */
		if (value) {
			lua_pushstring(L, value);
			lua_setfield(L, -2, fields[i].name);
		}
	}
	return 1;
}

/***
 Returns the number of rows that the statement affected.
 @function result:affected
 @return integer 0 for a statement that affects none
*/
static int result_affected(lua_State *L)
{
	lua_pushinteger(L, strtoll(libpq.PQcmdTuples(check(L)), NULL, 10));
	return 1;
}

/* ---- rows ---- */

/***
 Returns the number of rows.
 @function result:count
 @return integer
*/
static int result_count(lua_State *L)
{
	lua_pushinteger(L, libpq.PQntuples(check(L)));
	return 1;
}

/* [-0, +1, m] */
static void push_value(lua_State *L, const char *text, size_t length, Oid type)
{
	Oid element = pg_array_element(type);
	if (!element || !pg_array_push(L, text, element))
		pg_value_push(L, text, length, type);
}

/* Pushes the names of the columns, to create each string once. -> their number [-0, +n, m] */
static int push_names(lua_State *L, const PGresult *result)
{
	int columns = libpq.PQnfields(result);
	luaL_checkstack(L, columns + 10, "too many columns");
	for (int c = 0; c < columns; c++)
		lua_pushstring(L, libpq.PQfname(result, c));
	return columns;
}

/***
 Returns the rows as tables column → value. NULL is absent. Integers, floats, booleans, bytea and
 arrays become Lua values; all other types stay PostgreSQL's text (numeric would lose digits as a
 float).
 @function result:rows
 @return table list of rows; of two columns with the same name the last one wins
*/
static int result_rows(lua_State *L)
{
	PGresult *result = check(L);
	lua_settop(L, 1);
	int first = 2, columns = push_names(L, result), rows = libpq.PQntuples(result);
	lua_createtable(L, rows, 0);
	for (int r = 0; r < rows; r++) {
		lua_createtable(L, 0, columns);
		for (int c = 0; c < columns; c++) {
			if (libpq.PQgetisnull(result, r, c))
				continue;
			lua_pushvalue(L, first + c);
			const char *text = libpq.PQgetvalue(result, r, c);
			size_t length = (size_t)libpq.PQgetlength(result, r, c);
			push_value(L, text, length, libpq.PQftype(result, c));
			lua_rawset(L, -3);
		}
		lua_rawseti(L, -2, r + 1);
	}
	return 1;
}

/***
 Returns the names of the columns.
 @function result:columns
 @return table list of strings
*/
static int result_columns(lua_State *L)
{
	PGresult *result = check(L);
	int columns = libpq.PQnfields(result);
	lua_createtable(L, columns, 0);
	for (int c = 0; c < columns; c++) {
		lua_pushstring(L, libpq.PQfname(result, c));
		lua_rawseti(L, -2, c + 1);
	}
	return 1;
}

/***
 Returns the names of the columns with JSON, for the caller to decode.
 @function result:json_columns
 @return table list of strings, or nil if there are none
*/
static int result_json_columns(lua_State *L)
{
	PGresult *result = check(L);
	lua_settop(L, 1);
	for (int c = 0; c < libpq.PQnfields(result); c++) {
		Oid type = libpq.PQftype(result, c);
		if (type != PG_JSON && type != PG_JSONB)
			continue;
		if (lua_gettop(L) == 1)
			lua_newtable(L);
		lua_pushstring(L, libpq.PQfname(result, c));
		lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
	}
	return lua_gettop(L) - 1;
}

static const luaL_Reg methods[] = {
	{ "status", result_status },
	{ "error", result_error },
	{ "affected", result_affected },
	{ "count", result_count },
	{ "rows", result_rows },
	{ "columns", result_columns },
	{ "close", result_close },
	{ "json_columns", result_json_columns },
	{ NULL, NULL },
};

void pg_result_open(lua_State *L)
{
	host_newtype(L, RESULT_TYPE, methods, result_close);
}
