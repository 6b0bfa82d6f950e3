/*
** flush.c: the floor of bench/flush.lua: SCAN of a thousand keys at a time, and UNLINK of what a page
** had in one write with the SCAN of the next.
**
**     flush PORT PREFIX
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

static redisReply *next(redisContext *redis)
{
	void *reply = NULL;
	if (redisGetReply(redis, &reply) != REDIS_OK ||
	    ((redisReply *)reply)->type == REDIS_REPLY_ERROR) {
		fprintf(stderr, "flush: %s\n", reply ? ((redisReply *)reply)->str : redis->errstr);
		exit(1);
	}
	return reply;
}

static void append_unlink(redisContext *redis, const redisReply *keys)
{
	const char **words = malloc((keys->elements + 1) * sizeof *words);
	size_t *lengths = malloc((keys->elements + 1) * sizeof *lengths);
	words[0] = "UNLINK";
	lengths[0] = strlen("UNLINK");
	for (size_t i = 0; i < keys->elements; i++) {
		words[i + 1] = keys->element[i]->str;
		lengths[i + 1] = (size_t)keys->element[i]->len;
	}
	redisAppendCommandArgv(redis, (int)keys->elements + 1, words, lengths);
	free(words);
	free(lengths);
}

int main(int count, char **words)
{
	if (count != 3) {
		fprintf(stderr, "flush PORT PREFIX\n");
		return 2;
	}
	redisContext *redis = redisConnect("127.0.0.1", atoi(words[1]));
	if (!redis || redis->err) {
		fprintf(stderr, "flush: cannot connect\n");
		return 1;
	}
	char cursor[32] = "0";
	long long removed = 0;
	redisReply *page = NULL;
	do {
		size_t keys = page ? page->element[1]->elements : 0;
		if (keys > 0)
			append_unlink(redis, page->element[1]);
		redisAppendCommand(redis, "SCAN %s MATCH %s* COUNT 1000", cursor, words[2]);
		if (page)
			freeReplyObject(page);
		if (keys > 0) {
			redisReply *reply = next(redis);
			removed += reply->integer;
			freeReplyObject(reply);
		}
		page = next(redis);
		snprintf(cursor, sizeof cursor, "%s", page->element[0]->str);
	} while (strcmp(cursor, "0") != 0);
	if (page->element[1]->elements > 0) {
		append_unlink(redis, page->element[1]);
		redisReply *reply = next(redis);
		removed += reply->integer;
		freeReplyObject(reply);
	}
	freeReplyObject(page);
	redisFree(redis);
	printf("%lld\n", removed);
	return 0;
}
