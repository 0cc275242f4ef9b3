/* gateway/lib/uri.c - parts of a URL, and percent-encoding. */
#include "gateway/lib/uri.h"

#include <string.h>

#include "gateway/lib/hex.h"

bool
uri_after_scheme(struct slice url, struct slice *rest, bool *tls)
{
	bool secure = slice_istarts(url, SLICE("https://"));
	size_t n = secure                          ? sizeof("https://") - 1
	    : slice_istarts(url, SLICE("http://")) ? sizeof("http://") - 1
						   : 0;

	*rest = n > 0 ? slice_make(url.p + n, url.n - n) : url;
	if (tls != NULL)
		*tls = secure;
	return n > 0;
}

struct slice
uri_host(struct slice s)
{
	ptrdiff_t colon = slice_rfind(s, ':');

	if (colon < 0 || s.p[s.n - 1] == ']')
		return s;
	return slice_make(s.p, (size_t)colon);
}

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
