/*
** encode.c: see encode.h.
*/
#include "encode.h"

#include <string.h>

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- base64 ---- */

size_t encode_base64_size(size_t length)
{
	return (length + 2) / 3 * 4;
}

void encode_base64(const char *bytes, size_t length, char *out)
{
	const unsigned char *at = (const unsigned char *)bytes;
	for (size_t i = 0; i < length; i += 3) {
		unsigned group = (unsigned)at[i] << 16;
		group |= i + 1 < length ? (unsigned)at[i + 1] << 8 : 0;
		group |= i + 2 < length ? (unsigned)at[i + 2] : 0;
		*out++ = base64_digits[group >> 18];
		*out++ = base64_digits[group >> 12 & 63];
		*out++ = i + 1 < length ? base64_digits[group >> 6 & 63] : '=';
		*out++ = i + 2 < length ? base64_digits[group & 63] : '=';
	}
}

static int base64_value(char c)
{
	const char *found = c ? strchr(base64_digits, c) : NULL;
	return found ? (int)(found - base64_digits) : -1;
}

/* Four characters into up to three bytes. -> their number, or -1 */
static int unbase64_group(const char *s, bool last, char *out)
{
	int pad = last && s[3] == '=' ? (s[2] == '=' ? 2 : 1) : 0, value = 0;
	for (int i = 0; i < 4; i++) {
		int v = i < 4 - pad ? base64_value(s[i]) : 0;
		if (v < 0)
			return -1;
		value = value << 6 | v;
	}
	/* The bits that padding cuts off must be 0, or two texts would mean the same bytes. */
	if (pad && value & (pad == 1 ? 0xff : 0xffff))
		return -1;
	out[0] = (char)(value >> 16);
	out[1] = (char)(value >> 8);
	out[2] = (char)value;
	return 3 - pad;
}

long encode_unbase64(const char *text, size_t length, char *out)
{
	long n = 0;
	if (length % 4 != 0)
		return -1;
	for (size_t i = 0; i < length; i += 4) {
		int got = unbase64_group(text + i, i + 4 == length, out + n);
		if (got < 0)
			return -1;
		n += got;
	}
	return n;
}

/* ---- hexadecimal ---- */

void encode_hex(const char *bytes, size_t length, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < length; i++) {
		out[2 * i] = digits[(unsigned char)bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool encode_unhex(const char *text, size_t length, char *out)
{
	if (length % 2 != 0)
		return false;
	for (size_t i = 0; i < length; i += 2) {
		int high = hex_value(text[i]), low = hex_value(text[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (char)(high * 16 + low);
	}
	return true;
}

/* ---- checksums ---- */

/* The table of CRC-32C (Castagnoli), reflected. Computed once for the process, by Lua's thread. */
/* tables[k][b]: the checksum of byte b with k zero bytes behind it */
enum { CRC_STEP = 8 };
static uint32_t crc32c_tables[CRC_STEP][256];

static void fill_crc32c_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
		crc32c_tables[0][i] = crc;
	}
	for (int k = 1; k < CRC_STEP; k++)
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t before = crc32c_tables[k - 1][i];
			crc32c_tables[k][i] = before >> 8 ^ crc32c_tables[0][before & 0xff];
		}
}

uint32_t encode_crc32c(uint32_t before, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;
	uint32_t crc = ~before;
	if (!crc32c_tables[0][255])
		fill_crc32c_tables();
	for (; length >= CRC_STEP; length -= CRC_STEP, at += CRC_STEP) {
		crc ^= at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		crc = crc32c_tables[7][crc & 0xff] ^ crc32c_tables[6][crc >> 8 & 0xff] ^
		      crc32c_tables[5][crc >> 16 & 0xff] ^ crc32c_tables[4][crc >> 24] ^
		      crc32c_tables[3][at[4]] ^ crc32c_tables[2][at[5]] ^ crc32c_tables[1][at[6]] ^
		      crc32c_tables[0][at[7]];
	}
	for (; length > 0; length--)
		crc = crc >> 8 ^ crc32c_tables[0][(crc ^ *at++) & 0xff];
	return ~crc;
}
