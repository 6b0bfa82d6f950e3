/*
** http.c: the floor of bench/http.lua: requests in sequence with one easy handle of libcurl, which
** keeps the body and the headers and looks at the status.
**
**     http URL COUNT
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

struct text {
	char *bytes;
	size_t length;
};

static size_t keep(char *bytes, size_t size, size_t count, void *arg)
{
	struct text *text = arg;
	size_t length = size * count;
	text->bytes = realloc(text->bytes, text->length + length);
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	return length;
}

int main(int count, char **words)
{
	if (count != 3)
		return 2;
	int requests = atoi(words[2]);
	struct text head = { 0 }, body = { 0 };
	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURL *easy = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer 0123456789");
	headers = curl_slist_append(headers, "Accept: application/json");
	curl_easy_setopt(easy, CURLOPT_URL, words[1]);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &head);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "o2x/1.0.0");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 60000L);
	size_t bytes = 0;
	for (int i = 0; i < requests; i++) {
		long status = 0;
		head.length = body.length = 0;
		if (curl_easy_perform(easy) != CURLE_OK)
			return 1;
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (status != 200)
			return 1;
		bytes += body.length;
	}
	printf("%d answers, %zu bytes\n", requests, bytes);
	curl_slist_free_all(headers);
	curl_easy_cleanup(easy);
	free(head.bytes);
	free(body.bytes);
}
