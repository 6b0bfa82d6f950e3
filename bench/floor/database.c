/*
** database.c: the floor of bench/database.lua: three connections of libpq, and on each of them all that needs no
** answer in between is one pipeline.
**
**     database CONTROL ADMIN TENANT FILE …    three connection strings, and a file of statements for each of the five
**                                             parts; each statement ends with a NUL
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

static void fail(PGconn *conn)
{
	fprintf(stderr, "database: %s", PQerrorMessage(conn));
	exit(1);
}

static PGconn *connect_to(const char *info)
{
	PGconn *conn = PQconnectdb(info);
	if (PQstatus(conn) != CONNECTION_OK)
		fail(conn);
	return conn;
}

static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	fseek(file, 0, SEEK_END);
	*size = (size_t)ftell(file);
	rewind(file);
	char *text = malloc(*size + 1);
	if (fread(text, 1, *size, file) != *size)
		exit(1);
	fclose(file);
	return text;
}

/* Reads all results up to that of the sync. */
static void finish(PGconn *conn)
{
	for (;;) {
		PGresult *result = PQgetResult(conn);
		ExecStatusType status = result ? PQresultStatus(result) : PGRES_COMMAND_OK;
		PQclear(result);
		if (status == PGRES_PIPELINE_SYNC)
			return;
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
			fail(conn);
	}
}

/* Sends the statements of a file; `each` has a sync of its own, because it cannot be in a transaction. */
static void send_file(PGconn *conn, const char *path, int each)
{
	size_t size;
	int syncs = 0;
	char *text = read_file(path, &size);
	PQenterPipelineMode(conn);
	for (char *at = text; at < text + size; at += strlen(at) + 1) {
		if (!PQsendQueryParams(conn, at, 0, NULL, NULL, NULL, NULL, 0))
			fail(conn);
		if (each && ++syncs && !PQpipelineSync(conn))
			fail(conn);
	}
	if (!each && ++syncs && !PQpipelineSync(conn))
		fail(conn);
	while (syncs-- > 0)
		finish(conn);
	PQexitPipelineMode(conn);
	free(text);
}

int main(int count, char **words)
{
	if (count != 9) {
		fputs("usage: database CONTROL ADMIN TENANT IDS CONTROL-ROWS CREATE DDL ROWS\n",
		      stderr);
		return 2;
	}
	PGconn *control = connect_to(words[1]);
	send_file(control, words[4], 0);
	send_file(control, words[5], 0);
	PGconn *admin = connect_to(words[2]);
	send_file(admin, words[6], 1);
	PGconn *tenant = connect_to(words[3]);
	send_file(tenant, words[7], 0);
	send_file(tenant, words[8], 0);
	PQfinish(control);
	PQfinish(admin);
	PQfinish(tenant);
	return 0;
}
