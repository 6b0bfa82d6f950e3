#include "libpq.h"

LAZY_DEFINE(libpq, "libpq.so.5", LIBPQ)
