/*
** encode.h: bytes as text and back (base64, hexadecimal) and checksums. Plain C: no Lua, no secrets
** kept.
*/
#ifndef O2X_ENCODE_H
#define O2X_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the base64 text of that many bytes, with padding. */
size_t encode_base64_size(size_t length);

/* Base64 with padding into out, which holds encode_base64_size(length) bytes. */
void encode_base64(const char *bytes, size_t length, char *out);

/*
** Bytes from base64 with padding into out, which holds length / 4 * 3 + 3 bytes. -> their number,
** or -1 when the text is not base64
*/
long encode_unbase64(const char *text, size_t length, char *out);

/* Lower-case hexadecimal digits into out, which holds 2 * length bytes. */
void encode_hex(const char *bytes, size_t length, char *out);

/* Bytes from hexadecimal digits into out, which holds length / 2. -> false: not hexadecimal */
bool encode_unhex(const char *text, size_t length, char *out);

/*
** CRC-32C (Castagnoli) of the bytes. before is the checksum of the bytes that came before these; 0
** at the start.
*/
uint32_t encode_crc32c(uint32_t before, const char *bytes, size_t length);

#endif
