/*
** lazy.h: libraries that are loaded on first use. Linking libcurl and libpq costs every start about
** five milliseconds, so their headers are used at build time and their functions looked up when
** first needed:
**
**     #define PQ(X) X(PQfinish) X(PQstatus)
**     LAZY(pq, "libpq.so.5", PQ)             // in one C file; gives struct pq_functions pq
**                                            // and const char *pq_load(void)
**     … if ((problem = pq_load())) …         // NULL, or why the library cannot be had
**     pq.PQfinish(conn);
**
** The table of a library is one for the process, because the library is.
*/
#ifndef O2X_LAZY_H
#define O2X_LAZY_H

#include <dlfcn.h>
#include <stddef.h>

#define LAZY_MEMBER(function) __typeof__(function) *function;
#define LAZY_NAME(function) #function,
#define LAZY_DECLARE(library, FUNCTIONS) \
	struct library##_functions { \
		FUNCTIONS(LAZY_MEMBER) \
	}; \
	extern struct library##_functions library; \
	const char *library##_load(void);

/*
** Fills table[i] with the address of names[i]. -> NULL or the loader's error message
*/
const char *lazy_load(const char *soname, const char *const *names, size_t count, void *table);

#define LAZY_DEFINE(library, soname, FUNCTIONS) \
	struct library##_functions library; \
	const char *library##_load(void) \
	{ \
		static const char *const names[] = { FUNCTIONS(LAZY_NAME) }; \
		static int loaded; \
		_Static_assert(sizeof library == sizeof names, "one pointer a function"); \
		if (loaded) \
			return NULL; \
		const char *problem = \
			lazy_load(soname, names, sizeof names / sizeof *names, &library); \
		loaded = !problem; \
		return problem; \
	}

#define LAZY(library, soname, FUNCTIONS) \
	LAZY_DECLARE(library, FUNCTIONS) LAZY_DEFINE(library, soname, FUNCTIONS)

#endif
