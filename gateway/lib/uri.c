/* gateway/lib/uri.c - percent-encoding, RFC 3986 section 2.1. */
#include "gateway/lib/uri.h"

#include <string.h>

#include "gateway/lib/hex.h"

void
uri_unescape(struct slice s, struct buf *out)
{
	int high, low;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && s.n - i > 2) {
			high = hex_value(s.p[i + 1]);
			low = hex_value(s.p[i + 2]);
			if (high >= 0 && low >= 0) {
				buf_add_char(out, (char)(high * 16 + low));
				i += 2;
				continue;
			}
		}
		buf_add_char(out, s.p[i]);
	}
}

void
uri_escape(struct slice s, struct buf *out)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-_.~";

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\0' && strchr(plain, s.p[i]) != NULL)
			buf_add_char(out, s.p[i]);
		else
			buf_addf(out, "%%%02X", (unsigned char)s.p[i]);
}
