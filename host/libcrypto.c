/*
** libcrypto.c: the table of functions that libcrypto.h declares.
*/
#include "libcrypto.h"

LAZY_DEFINE(libcrypto, "libcrypto.so.3", LIBCRYPTO)
