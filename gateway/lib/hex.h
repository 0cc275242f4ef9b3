/* gateway/lib/hex.h - bytes as hexadecimal digits, and back.
 *
 * Four bytes at a time, as eight digits in a word: ids are written and read
 * with every request. */
#ifndef GATEWAY_LIB_HEX_H
#define GATEWAY_LIB_HEX_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HEX_EACH UINT64_C(0x0101010101010101)

/* The digits of eight values below 16, a byte each. */
static inline uint64_t
hex_digits(uint64_t values)
{
	uint64_t letters = (values + HEX_EACH * (128 - 10)) >> 7 & HEX_EACH;

	return values + HEX_EACH * '0' + letters * ('a' - '9' - 1);
}

static inline void
hex_write_four(const unsigned char *bytes, char *out)
{
	uint32_t four;
	uint64_t x;

	memcpy(&four, bytes, sizeof(four));
	x = le32toh(four);
	x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
	x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
	x = htole64(hex_digits((x >> 4 | x << 8) & HEX_EACH * 15));
	memcpy(out, &x, sizeof(x));
}

/* Two digits for each of n bytes, and a NUL: 2 * n + 1 in all. */
static inline void
hex_write(const unsigned char *bytes, size_t n, char *out)
{
	unsigned char last[4] = { 0 };
	char digits[8];
	size_t i;

	for (i = 0; i + 4 <= n; i += 4)
		hex_write_four(bytes + i, out + 2 * i);
	if (i < n) {
		memcpy(last, bytes + i, n - i);
		hex_write_four(last, digits);
		memcpy(out + 2 * i, digits, 2 * (n - i));
	}
	out[2 * n] = '\0';
}

/* Four bytes of eight digits, lower case only; false where one is none. */
static inline bool
hex_read_four(const char *digits, unsigned char *out)
{
	uint64_t text, x;
	uint32_t four;

	memcpy(&text, digits, sizeof(text));
	text = le64toh(text);
	x = (text & HEX_EACH * 15) + (text >> 6 & HEX_EACH) * 9;
	if (hex_digits(x & HEX_EACH * 15) != text)
		return false;
	x = (x << 4 | x >> 8) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
	four = htole32((uint32_t)(x | x >> 16));
	memcpy(out, &four, sizeof(four));
	return true;
}

/* What one digit means, of either case; -1: it is none. */
static inline int
hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
