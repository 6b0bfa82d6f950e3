/*
** tls.c: TLS by OpenSSL, which is loaded on first use. The server's certificate is always verified;
** there is no way to turn that off.
*/
#include "tls.h"
#include "lazy.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LIBSSL(X) \
	X(ERR_clear_error) \
	X(ERR_get_error) \
	X(ERR_reason_error_string) \
	X(SSL_CTX_ctrl) \
	X(SSL_CTX_free) \
	X(SSL_CTX_load_verify_locations) \
	X(SSL_CTX_new) \
	X(SSL_CTX_set_default_verify_paths) \
	X(SSL_CTX_set_verify) \
	X(SSL_connect) \
	X(SSL_ctrl) \
	X(SSL_free) \
	X(SSL_get0_param) \
	X(SSL_get_error) \
	X(SSL_get_verify_result) \
	X(SSL_new) \
	X(SSL_read) \
	X(SSL_set1_host) \
	X(SSL_set_fd) \
	X(SSL_write) \
	X(TLS_client_method) \
	X(X509_VERIFY_PARAM_set1_ip_asc) \
	X(X509_verify_cert_error_string)

LAZY(libssl, "libssl.so.3", LIBSSL)

struct tls {
	SSL_CTX *context;
	SSL *ssl;
	struct io_failure *failure; /* that of the connection */
};

void tls_free(struct tls *tls)
{
	if (tls->ssl)
		libssl.SSL_free(tls->ssl);
	if (tls->context)
		libssl.SSL_CTX_free(tls->context);
	free(tls);
}

static const char *reason(void)
{
	unsigned long error = libssl.ERR_get_error();
	const char *text = error ? libssl.ERR_reason_error_string(error) : NULL;
	return text ? text : "unknown reason";
}

static SSL_CTX *new_context(const char *ca_file)
{
	SSL_CTX *context = libssl.SSL_CTX_new(libssl.TLS_client_method());
	if (!context)
		return NULL;
	libssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
	long modes = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
	libssl.SSL_CTX_ctrl(context, SSL_CTRL_MODE, modes, NULL);
	libssl.SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	int trusted = ca_file ? libssl.SSL_CTX_load_verify_locations(context, ca_file, NULL)
			      : libssl.SSL_CTX_set_default_verify_paths(context);
	if (trusted == 1)
		return context;
	libssl.SSL_CTX_free(context);
	return NULL;
}

/* Sets whom the certificate must name, and the name sent to the server (SNI). */
static int expect(SSL *ssl, const char *host)
{
	unsigned char address[16];
	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return libssl.X509_VERIFY_PARAM_set1_ip_asc(libssl.SSL_get0_param(ssl), host);
	if (!libssl.SSL_set1_host(ssl, host))
		return 0;
	char *name = strdup(host); /* OpenSSL takes a pointer to non-const */
	long set = 0;
	if (name)
		set = libssl.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
				      name);
	free(name);
	return set == 1;
}

/* -> false: see the failure */
static bool set_up(struct tls *tls, int fd, const char *host, const char *ca_file)
{
	tls->context = new_context(ca_file);
	if (!tls->context) {
		io_fail(tls->failure, "ETLS", "cannot use the authorities of %s: %s",
			ca_file ? ca_file : "the system", reason());
		return false;
	}
	tls->ssl = libssl.SSL_new(tls->context);
	if (tls->ssl && expect(tls->ssl, host) && libssl.SSL_set_fd(tls->ssl, fd))
		return true;
	io_fail(tls->failure, "ETLS", "TLS cannot be set up for %s: %s", host, reason());
	return false;
}

struct tls *tls_new(int fd, const char *host, const char *ca_file, struct io_failure *failure)
{
	const char *problem = libssl_load();
	if (problem) {
		io_fail(failure, "library", "libssl cannot be loaded: %s", problem);
		return NULL;
	}
	struct tls *tls = calloc(1, sizeof *tls);
	if (!tls) {
		io_fail(failure, "ENOMEM", "not enough memory");
		return NULL;
	}
	tls->failure = failure;
	if (set_up(tls, fd, host, ca_file))
		return tls;
	tls_free(tls);
	return NULL;
}

/* Translates the result of an OpenSSL call. -> one of IO_*, or 0 if the peer has closed */
static long judge(struct tls *tls, int result)
{
	int saved = errno;
	long verified;
	switch (libssl.SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ: return IO_WANT_READ;
	case SSL_ERROR_WANT_WRITE: return IO_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN: return 0;
	case SSL_ERROR_SYSCALL:
		return io_fail(tls->failure, "ECONNRESET", "%s",
			       saved ? strerror(saved) : "the connection was lost");
	default:
		verified = libssl.SSL_get_verify_result(tls->ssl);
		if (verified != X509_V_OK)
			return io_fail(tls->failure, "ECERT", "the certificate was rejected: %s",
				       libssl.X509_verify_cert_error_string(verified));
		return io_fail(tls->failure, "ETLS", "TLS failed: %s", reason());
	}
}

static int limited(size_t size)
{
	return size > INT_MAX ? INT_MAX : (int)size;
}

long tls_handshake(struct tls *tls)
{
	libssl.ERR_clear_error();
	errno = 0;
	int result = libssl.SSL_connect(tls->ssl);
	if (result == 1)
		return 0;
	long want = judge(tls, result);
	return want == 0 ? io_fail(tls->failure, "ECONNRESET", "the server ended the TLS handshake")
			 : want;
}

long tls_read(struct tls *tls, char *bytes, size_t size)
{
	libssl.ERR_clear_error();
	errno = 0;
	int got = libssl.SSL_read(tls->ssl, bytes, limited(size));
	return got > 0 ? got : judge(tls, got);
}

long tls_write(struct tls *tls, const char *bytes, size_t length)
{
	libssl.ERR_clear_error();
	errno = 0;
	int put = libssl.SSL_write(tls->ssl, bytes, limited(length));
	if (put > 0)
		return put;
	long want = judge(tls, put);
	return want ? want
		    : io_fail(tls->failure, "ECONNRESET", "the server has closed the connection");
}
