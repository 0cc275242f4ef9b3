/* gateway/lib/digits.h - numbers as decimal text.
 *
 * For what is written with every request: a tenth of what printf() takes. */
#ifndef GATEWAY_LIB_DIGITS_H
#define GATEWAY_LIB_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/lib/clock.h"

#define DIGITS_MAX 40 /* room for whatever these write; there is no NUL */

/* How many bytes were written. */
size_t digits_u64(char out[DIGITS_MAX], uint64_t);
/* The same, filled with zeros from the left up to `width`. */
size_t digits_padded(char out[DIGITS_MAX], uint64_t, size_t width);
/* A span as milliseconds: "1.250". It must not be negative. */
size_t digits_ms(char out[DIGITS_MAX], usec);
/* Up to twelve digits behind the point, without zeros at the end: "0.25". It
 * must not be negative; what has more than 18 before the point is cut there. */
size_t digits_decimal(char out[DIGITS_MAX], double);

#endif
