/* libcrypto.h: the functions of OpenSSL's libcrypto that are used, loaded on first use. */
#ifndef O2X_LIBCRYPTO_H
#define O2X_LIBCRYPTO_H

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "lazy.h"

#define LIBCRYPTO(X) \
	X(EVP_MD_CTX_new) \
	X(EVP_MD_fetch) \
	X(EVP_DigestInit_ex2) \
	X(EVP_DigestUpdate) \
	X(EVP_DigestFinal_ex) \
	X(HMAC) \
	X(EVP_sha256) \
	X(SHA1) \
	X(SHA256)

LAZY_DECLARE(libcrypto, LIBCRYPTO)

#endif
