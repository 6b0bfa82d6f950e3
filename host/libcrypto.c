/*
** libcrypto.c: see libcrypto.h.
*/
#include "libcrypto.h"

LAZY_DEFINE(libcrypto, "libcrypto.so.3", LIBCRYPTO)

bool libcrypto_sha256(const char *bytes, size_t length, unsigned char digest[SHA256_DIGEST_LENGTH])
{
	static EVP_MD *algorithm;
	static EVP_MD_CTX *context;
	if (!algorithm)
		algorithm = libcrypto.EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!context)
		context = libcrypto.EVP_MD_CTX_new();
	return algorithm && context &&
	       libcrypto.EVP_DigestInit_ex2(context, algorithm, NULL) == 1 &&
	       libcrypto.EVP_DigestUpdate(context, bytes, length) == 1 &&
	       libcrypto.EVP_DigestFinal_ex(context, digest, NULL) == 1;
}
