/* gateway/lib/hex.h - bytes as hexadecimal digits. */
#ifndef GATEWAY_LIB_HEX_H
#define GATEWAY_LIB_HEX_H

#include <stddef.h>

static inline char
hex_digit(unsigned v)
{
	return (char)(v + '0' + (v > 9 ? 'a' - '9' - 1 : 0));
}

/* Two digits for each of n bytes, and a NUL: 2 * n + 1 in all. No table, so
 * that the compiler can do many at a time. */
static inline void
hex_write(const unsigned char *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digit(bytes[i] >> 4);
		out[2 * i + 1] = hex_digit(bytes[i] & 15u);
	}
	out[2 * n] = '\0';
}

#endif
