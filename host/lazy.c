/*
** lazy.c: looks up the functions of a shared library: all or none.
*/
#include "lazy.h"

#include <string.h>

const char *lazy_load(const char *soname, const char *const *names, size_t count, void *table)
{
	void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
	if (!library)
		return dlerror();
	for (size_t i = 0; i < count; i++) {
		void *function = dlsym(library, names[i]);
		if (!function)
			return dlerror();
		memcpy((char *)table + i * sizeof function, &function, sizeof function);
	}
	return NULL;
}
