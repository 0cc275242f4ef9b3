/* gateway/conf/text.c - which strings gateway.conf may hold. */
#include <string.h>

#include "gateway/conf/loader.h"
#include "gateway/lib/utf8.h"

#define NAME_MAX_BYTES 64
#define MODEL_NAME_MAX_BYTES 255

bool
text_ok(const char *s)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + strlen(s);
	size_t n;

	for (; p < end; p += n) {
		n = utf8_length(p, (size_t)(end - p));
		if (n == 0 || *p < ' ' || *p == 0x7f ||
		    (*p == 0xc2 && p[1] < 0xa0))
			return false;
	}
	return true;
}

bool
name_ok(const char *s)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char others[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strlen(s);

	return n > 0 && n <= NAME_MAX_BYTES && strspn(s, letters) > 0 &&
	    strspn(s, others) == n;
}

bool
model_name_ok(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > MODEL_NAME_MAX_BYTES)
		return false;
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '"' ||
		    (*p == '*' && p[1] != '\0'))
			return false;
	return true;
}
