/*
** secret_memory.h: memory for secrets. It is locked where the system permits (never in swap), left
** out of core files, and wiped when it is freed. No Lua here.
*/
#ifndef O2X_SECRET_MEMORY_H
#define O2X_SECRET_MEMORY_H

#include <stddef.h>

/* Zeroed memory of at least size bytes, or NULL. */
char *secret_memory_new(size_t size);

/* Wipes and frees. size is the one of secret_memory_new; NULL is fine. */
void secret_memory_free(char *bytes, size_t size);

#endif
