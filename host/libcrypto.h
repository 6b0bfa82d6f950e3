/* libcrypto.h: the functions of OpenSSL's libcrypto that are used, loaded on first use. */
#ifndef O2X_LIBCRYPTO_H
#define O2X_LIBCRYPTO_H

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "lazy.h"

#define LIBCRYPTO(X) \
	X(HMAC) \
	X(EVP_sha256) \
	X(SHA1) \
	X(SHA256)

LAZY_DECLARE(libcrypto, LIBCRYPTO)

#endif
