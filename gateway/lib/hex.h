/* gateway/lib/hex.h - bytes as hexadecimal digits. */
#ifndef GATEWAY_LIB_HEX_H
#define GATEWAY_LIB_HEX_H

#include <stddef.h>

/* Two digits for each of n bytes, and a NUL: 2 * n + 1 in all. */
static inline void
hex_write(const unsigned char *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

#endif
