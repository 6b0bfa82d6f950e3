/*
** libpq.c: the table of functions that libpq.h declares.
*/
#include "libpq.h"

LAZY_DEFINE(libpq, "libpq.so.5", LIBPQ)
