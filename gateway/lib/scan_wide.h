/* gateway/lib/scan_wide.h - the way through long JSON strings, 64 a step.
 *
 * Private to the scanner, and a shortcut: on a CPU without AVX2, which is found
 * out at run time, all functions stay where they are, and the byte-wise ways of
 * scan.c, scan_text.c and scan_cursor.c say the same of the same bytes. None
 * reads beyond `end`. UTF-8 is validated after Keiser and Lemire, "Validating
 * UTF-8 in less than one instruction per byte", Software: Practice and
 * Experience 51 (5), 2021. */
#ifndef GATEWAY_LIB_SCAN_WIDE_H
#define GATEWAY_LIB_SCAN_WIDE_H

#include <stddef.h>

#define SCAN_WIDE 64 /* bytes: of less than that nothing is passed */

/* p is inside a string, at the beginning of a character. Passes well-formed
 * characters and escapes of two bytes, up to the closing quote, to what has to
 * be looked at (another escape, a control character, a malformed sequence or
 * the character before it), or to where fewer than SCAN_WIDE bytes are left. */
const unsigned char *scan_wide(
    const unsigned char *p, const unsigned char *end);

/* The same of a string that has been validated: only the closing quote and
 * escapes of more than two bytes stop it. Adds the number of those of two bytes
 * to *escapes. */
const unsigned char *scan_wide_text(
    const unsigned char *p, const unsigned char *end, size_t *escapes);
/* Of one that has been validated, too: only the closing quote stops it. */
const unsigned char *scan_wide_quote(
    const unsigned char *p, const unsigned char *end);

#endif
