/*
** scrub.c: masks secrets in text that leaves the program. Finds each live secret raw and in its
** usual encodings: base64 in its three alignments, hexadecimal, URL-escaped and JSON-escaped.
** Secrets shorter than MINIMUM bytes are skipped, because they would mask half of every text.
*/
#include "scrub.h"
#include "encode.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINIMUM = 6 };

/*
** All live secrets. The list belongs to secret.c, whose userdata add and remove themselves. It is
** one for the process, not for the host: no secret of anybody may leave the process, and text must
** be masked where no Lua state is at hand.
*/
static struct scrub_entry *entries;

void scrub_add(struct scrub_entry *entry)
{
	entry->next = entries;
	entry->link = &entries;
	if (entries)
		entries->link = &entry->next;
	entries = entry;
}

void scrub_remove(struct scrub_entry *entry)
{
	if (!entry->link)
		return;
	*entry->link = entry->next;
	if (entry->next)
		entry->next->link = entry->link;
	entry->link = NULL;
}

/* ---- the forms of one secret ---- */

struct form {
	char *bytes;
	size_t length;
};

static struct form raw_form(const struct scrub_entry *entry)
{
	struct form form = { malloc(entry->length), entry->length };
	if (form.bytes)
		memcpy(form.bytes, entry->bytes, entry->length);
	return form;
}

static struct form hex_form(const struct scrub_entry *entry)
{
	struct form form = { malloc(2 * entry->length), 2 * entry->length };
	if (form.bytes)
		encode_hex(entry->bytes, entry->length, form.bytes);
	return form;
}

/* Only those characters that depend on the secret alone when shift other bytes precede it. */
static struct form base64_form(const struct scrub_entry *entry, size_t shift)
{
	size_t total = shift + entry->length, first = (8 * shift + 5) / 6, last = 8 * total / 6;
	char *padded = calloc(1, total), *coded = malloc(encode_base64_size(total));
	struct form form = { NULL, last - first };
	if (padded && coded && (form.bytes = malloc(form.length))) {
		memcpy(padded + shift, entry->bytes, entry->length);
		encode_base64(padded, total, coded);
		memcpy(form.bytes, coded + first, form.length);
	}
	free(padded);
	free(coded);
	return form;
}

static bool unreserved(char c)
{
	return c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", c);
}

static struct form url_form(const struct scrub_entry *entry)
{
	struct form form = { malloc(3 * entry->length + 1), 0 };
	for (size_t i = 0; form.bytes && i < entry->length; i++) {
		if (unreserved(entry->bytes[i]))
			form.bytes[form.length++] = entry->bytes[i];
		else
			form.length += (size_t)snprintf(form.bytes + form.length, 4, "%%%02X",
							(unsigned char)entry->bytes[i]);
	}
	return form;
}

static struct form json_form(const struct scrub_entry *entry)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	struct form form = { malloc(6 * entry->length + 1), 0 };
	for (size_t i = 0; form.bytes && i < entry->length; i++) {
		char c = entry->bytes[i];
		const char *at = c ? strchr(plain, c) : NULL;
		if (at) {
			form.bytes[form.length++] = '\\';
			form.bytes[form.length++] = letter[at - plain];
		} else if ((unsigned char)c < 0x20) {
			form.length += (size_t)snprintf(form.bytes + form.length, 7, "\\u%04x",
							(unsigned)c);
		} else {
			form.bytes[form.length++] = c;
		}
	}
	return form;
}

/* ---- masking ---- */

/*
** Overwrites each occurrence with asterisks, which keeps the length of lines. -> number of
** occurrences
*/
static size_t mask(char *text, size_t length, struct form form)
{
	size_t count = 0;
	char *at = text;
	while (form.bytes && form.length >= MINIMUM &&
	       (at = memmem(at, length - (size_t)(at - text), form.bytes, form.length))) {
		memset(at, '*', form.length);
		count++;
	}
	if (form.bytes)
		explicit_bzero(form.bytes, form.length);
	free(form.bytes);
	return count;
}

static size_t mask_entry(char *text, size_t length, const struct scrub_entry *entry)
{
	return mask(text, length, raw_form(entry)) + mask(text, length, json_form(entry)) +
	       mask(text, length, url_form(entry)) + mask(text, length, hex_form(entry)) +
	       mask(text, length, base64_form(entry, 0)) +
	       mask(text, length, base64_form(entry, 1)) +
	       mask(text, length, base64_form(entry, 2));
}

char *scrub_text(const char *text, size_t length, size_t *found)
{
	char *copy = malloc(length + 1);
	*found = copy ? 0 : SCRUB_FAILED;
	if (!copy)
		return NULL;
	for (size_t i = 0; i < length; i++)
		copy[i] = text[i] ? text[i] : '?';
	copy[length] = '\0';
	for (const struct scrub_entry *entry = entries; entry; entry = entry->next)
		if (entry->length >= MINIMUM)
			*found += mask_entry(copy, length, entry);
	if (*found == 0) {
		free(copy);
		return NULL;
	}
	return copy;
}
