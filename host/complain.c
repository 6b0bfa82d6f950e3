/*
** complain.c: see complain.h. The only place of the host that prints.
*/
#include "complain.h"
#include "scrub.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void print(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((text[i] >= 0 && text[i] < ' ' && text[i] != '\n' && text[i] != '\t') ||
		    text[i] == 0x7f)
			text[i] = '?';
	fwrite(text, 1, length, stderr);
	fputc('\n', stderr);
}

void complain(const char *format, ...)
{
	char *text = NULL;
	size_t clean = SCRUB_FAILED;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	char *masked = length >= 0 ? scrub_text(text, (size_t)length, &clean) : NULL;
	if (clean == SCRUB_FAILED)
		fputs("o2x: not enough memory to say what failed\n", stderr);
	else
		print(masked ? masked : text, masked ? clean : (size_t)length);
	free(masked);
	if (length >= 0)
		free(text);
}
