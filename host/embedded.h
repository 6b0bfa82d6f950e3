/*
** embedded.h: the Lua of lua/o2x as bytecode, generated into build/embedded_data.c by
** host/tool/embed.c.
*/
#ifndef O2X_EMBEDDED_H
#define O2X_EMBEDDED_H

#include <stddef.h>

struct embedded {
	const char *name; /* "o2x.effect" */
	const unsigned char *bytes;
	size_t size;
};

extern const struct embedded embedded_modules[]; /* sorted by name */
extern const size_t embedded_count;

#endif
