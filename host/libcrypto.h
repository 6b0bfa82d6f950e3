/* libcrypto.h: the functions of OpenSSL's libcrypto that are used, loaded on first use. */
#ifndef O2X_LIBCRYPTO_H
#define O2X_LIBCRYPTO_H

#include <stdbool.h>

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
	X(SHA1)

LAZY_DECLARE(libcrypto, LIBCRYPTO)

/*
** SHA-256 with an algorithm that is looked up once: OpenSSL's one call for all takes longer to find
** it than to hash a short text. Only for the thread that runs Lua, after libcrypto_load. -> false: no
** memory
*/
bool libcrypto_sha256(const char *bytes, size_t length, unsigned char digest[SHA256_DIGEST_LENGTH]);

#endif
