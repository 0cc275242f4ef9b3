/* gateway/lib/digits.c - numbers as decimal text. */
#include "gateway/lib/digits.h"

#include <string.h>

size_t
digits_padded(char out[DIGITS_MAX], uint64_t n, size_t width)
{
	char text[DIGITS_MAX];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (sizeof(text) - at < width && at > 0)
		text[--at] = '0';
	memcpy(out, text + at, sizeof(text) - at);
	return sizeof(text) - at;
}

size_t
digits_u64(char out[DIGITS_MAX], uint64_t n)
{
	return digits_padded(out, n, 1);
}

#define BEHIND 12 /* digits */
#define BEHIND_ONE 1e12
#define WHOLE_MAX 1e18

size_t
digits_decimal(char out[DIGITS_MAX], double value)
{
	uint64_t whole = (uint64_t)(value < WHOLE_MAX ? value : WHOLE_MAX);
	double rest = value < WHOLE_MAX ? value - (double)whole : 0;
	uint64_t parts = (uint64_t)(rest * BEHIND_ONE + 0.5);
	char part[DIGITS_MAX];
	size_t n;

	if (parts >= (uint64_t)BEHIND_ONE) {
		parts = 0;
		whole++;
	}
	n = digits_u64(out, whole);
	if (parts == 0)
		return n;
	out[n++] = '.';
	digits_padded(part, parts, BEHIND);
	memcpy(out + n, part, BEHIND);
	n += BEHIND;
	while (out[n - 1] == '0')
		n--;
	return n;
}

size_t
digits_ms(char out[DIGITS_MAX], usec span)
{
	size_t n = digits_padded(out, (uint64_t)span, 4);

	memmove(out + n - 2, out + n - 3, 3);
	out[n - 3] = '.';
	return n + 1;
}
