/*
** http_url.c: the URLs of requests. libcurl takes a URL apart and puts it together again for each
** request, which is a sixth of its work on a small one. So a handle keeps the parts of its URL:
** as long as the server stays the same, only path and query are new. No Lua here.
*/
#include "http.h"

#include <ctype.h>
#include <string.h>

/* How libcurl reads the URL of a handle with the options of http_options.c. */
#define READING \
	(CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER | CURLU_PATH_AS_IS)

size_t url_site(const char *url)
{
	const char *mark = strstr(url, "://");
	if (!mark)
		return 0;
	const char *authority = mark + 3;
	return (size_t)(authority - url) + strcspn(authority, "/?#");
}

/*
** Is it a path, perhaps with a query, of characters that every parser of URLs leaves as they are?
** "%41" is none: setting a part changes its case.
*/
static bool is_plain(const char *target)
{
	const char *at = target;
	while (isalnum((unsigned char)*at) || (*at && strchr("-._~/!$&'()*+,;=:@?", *at)))
		at++;
	return *target == '/' && !*at;
}

/* Sets path and query. The address is of the same server already. */
static bool set_target(struct address *address, const char *target)
{
	char path[512];
	size_t length = strcspn(target, "?");
	if (length >= sizeof path)
		return false;
	memcpy(path, target, length);
	path[length] = '\0';
	const char *query = target[length] ? target + length + 1 : NULL;
	return curl.curl_url_set(address->parts, CURLUPART_PATH, path, 0) == CURLUE_OK &&
	       curl.curl_url_set(address->parts, CURLUPART_QUERY, query, 0) == CURLUE_OK;
}

static bool set_whole(struct address *address, const char *url)
{
	address->site.length = 0;
	if (!address->parts)
		address->parts = curl.curl_url();
	if (!address->parts ||
	    curl.curl_url_set(address->parts, CURLUPART_URL, url, READING) != CURLUE_OK)
		return false;
	/* Nothing is made of a URL with a fragment: the next one has none. */
	if (!strchr(url, '#'))
		buffer_append(&address->site, url, url_site(url));
	return true;
}

/* The part of the URL behind the site that the address has, or NULL if it has another one. */
static const char *target_of(const struct address *address, const char *url)
{
	size_t site = address->site.length;
	return site && strncmp(url, address->site.bytes, site) == 0 ? url + site : NULL;
}

void address_set(struct address *address, CURL *easy, const char *url)
{
	const char *target = target_of(address, url);
	bool known = target && is_plain(target) && set_target(address, target);
	bool read = known || set_whole(address, url);
	/* The text too: libcurl sends a request again by it, and says what is wrong with it. */
	curl.curl_easy_setopt(easy, CURLOPT_URL, url);
	if (read != address->is_used)
		curl.curl_easy_setopt(easy, CURLOPT_CURLU, read ? address->parts : NULL);
	address->is_used = read;
}

void address_free(struct address *address)
{
	if (address->parts)
		curl.curl_url_cleanup(address->parts);
	address->parts = NULL;
	buffer_free(&address->site);
}
