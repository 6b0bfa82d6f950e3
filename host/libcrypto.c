#include "libcrypto.h"

LAZY_DEFINE(libcrypto, "libcrypto.so.3", LIBCRYPTO)
