/*
** reads.c: the floor of bench/plan.lua: reads that an unchanged plan needs, all requests at once by
** curl_multi, then the statements of each database in one pipeline. Answers are received, not read.
**
**     reads REQUESTS STATEMENTS
**
** A line of REQUESTS is a request, its fields apart by tabs: url=, head=1, body=, header=, token=
** (Bearer), user=NAME:PASSWORD, sigv4=AREA, cacert=, connect=HOST:PORT. A line of STATEMENTS is a
** database, a tab, and a statement.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <libpq-fe.h>

enum { LINE = 16384, REQUESTS = 512, CONNECTIONS = 4 };

static void die(const char *what, const char *why)
{
	fprintf(stderr, "reads: %s: %s\n", what, why);
	exit(1);
}

static size_t ignore(char *bytes, size_t size, size_t count, void *unused)
{
	(void)bytes, (void)unused;
	return size * count;
}

/* Sets one field of a request; lists live until the end. */
static void set(CURL *curl, char *field, struct curl_slist **headers, struct curl_slist **connect)
{
	char *value = strchr(field, '=');
	if (!value)
		die("a field without a value", field);
	*value++ = '\0';
	if (strcmp(field, "url") == 0)
		curl_easy_setopt(curl, CURLOPT_URL, value);
	else if (strcmp(field, "head") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if (strcmp(field, "body") == 0)
		curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, value);
	else if (strcmp(field, "header") == 0)
		*headers = curl_slist_append(*headers, value);
	else if (strcmp(field, "token") == 0) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, value);
	} else if (strcmp(field, "user") == 0)
		curl_easy_setopt(curl, CURLOPT_USERPWD, value);
	else if (strcmp(field, "sigv4") == 0)
		curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, value);
	else if (strcmp(field, "cacert") == 0)
		curl_easy_setopt(curl, CURLOPT_CAINFO, value);
	else if (strcmp(field, "connect") == 0)
		*connect = curl_slist_append(*connect, value);
	else
		die("an unknown field", field);
}

static CURL *request(char *line)
{
	struct curl_slist *headers = NULL, *connect = NULL;
	CURL *curl = curl_easy_init();
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	for (char *at = strtok(line, "\t"); at; at = strtok(NULL, "\t"))
		set(curl, at, &headers, &connect);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect);
	return curl;
}

/* A 404 is an answer: some things must not be there. */
static void check(CURLMsg *message)
{
	char *url;
	long status;
	curl_easy_getinfo(message->easy_handle, CURLINFO_EFFECTIVE_URL, &url);
	curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
	if (message->data.result != CURLE_OK)
		die(url, curl_easy_strerror(message->data.result));
	if (status >= 500 || status == 400 || status == 401 || status == 403)
		die(url, "refused");
}

static int ask_all(FILE *file)
{
	char line[LINE];
	int count = 0, running = 1, left;
	CURLMsg *message;
	CURLM *multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS);
	while (fgets(line, sizeof line, file) && count < REQUESTS) {
		line[strcspn(line, "\n")] = '\0';
		curl_multi_add_handle(multi, request(line));
		count++;
	}
	while (running) {
		if (curl_multi_perform(multi, &running) ||
		    (running && curl_multi_poll(multi, NULL, 0, 1000, NULL)))
			die("curl", "it cannot go on");
		while ((message = curl_multi_info_read(multi, &left)))
			if (message->msg == CURLMSG_DONE)
				check(message);
	}
	return count;
}

static PGconn *connect_to(const char *database)
{
	const char *names[] = { "dbname", NULL }, *values[] = { database, NULL };
	PGconn *pg = PQconnectdbParams(names, values, 0);
	if (PQstatus(pg) != CONNECTION_OK || !PQenterPipelineMode(pg))
		die(database, PQerrorMessage(pg));
	return pg;
}

/* Receives what was asked in the pipeline. */
static void finish(PGconn *pg)
{
	PGresult *result;
	if (!pg)
		return;
	if (!PQpipelineSync(pg))
		die("PostgreSQL", PQerrorMessage(pg));
	for (;;) {
		result = PQgetResult(pg);
		ExecStatusType status = PQresultStatus(result);
		if (result && status == PGRES_FATAL_ERROR)
			die("PostgreSQL", PQresultErrorMessage(result));
		PQclear(result);
		if (status == PGRES_PIPELINE_SYNC)
			break;
	}
	PQfinish(pg);
}

static int read_all(FILE *file)
{
	char line[LINE], last[LINE] = "";
	int count = 0;
	PGconn *pg = NULL;
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		char *statement = strchr(line, '\t');
		if (!statement)
			die("a line without a statement", line);
		*statement++ = '\0';
		if (strcmp(line, last) != 0) {
			finish(pg);
			pg = connect_to(line);
			snprintf(last, sizeof last, "%s", line);
		}
		if (!PQsendQueryParams(pg, statement, 0, NULL, NULL, NULL, NULL, 0))
			die(line, PQerrorMessage(pg));
		count++;
	}
	finish(pg);
	return count;
}

int main(int count, char **words)
{
	FILE *requests = count == 3 ? fopen(words[1], "r") : NULL;
	FILE *statements = requests ? fopen(words[2], "r") : NULL;
	if (!statements)
		die("usage", "reads REQUESTS STATEMENTS");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int asked = ask_all(requests);
	printf("%d requests, %d statements\n", asked, read_all(statements));
	return 0;
}
