/* gateway/realtime/testing.h - frames, written for tests. */
#ifndef GATEWAY_REALTIME_TESTING_H
#define GATEWAY_REALTIME_TESTING_H

#include "gateway/lib/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define TEXT 0x81 /* a message in one frame */
#define BEGINS 0x01 /* and the first of several, */
#define CONTINUES 0x00
#define ENDS 0x80
#define PING 0x89
#define CLOSES 0x88
#define BINARY 0x82

/* mask 0: none. */
static inline void
put_frame(struct buf *b, int first, struct slice payload, uint32_t mask)
{
	int masked = mask != 0 ? 0x80 : 0;

	buf_add_char(b, (char)first);
	if (payload.n < 126) {
		buf_add_char(b, (char)(masked | (int)payload.n));
	} else if (payload.n <= UINT16_MAX) {
		buf_add_char(b, (char)(masked | 126));
		buf_add_char(b, (char)(payload.n >> 8));
		buf_add_char(b, (char)payload.n);
	} else {
		buf_add_char(b, (char)(masked | 127));
		for (int shift = 56; shift >= 0; shift -= 8)
			buf_add_char(b, (char)(payload.n >> shift));
	}
	for (int i = 0; mask != 0 && i < 4; i++)
		buf_add_char(b, (char)(mask >> 8 * i));
	for (size_t i = 0; i < payload.n; i++)
		buf_add_char(
		    b, (char)(payload.p[i] ^ (char)(mask >> 8 * (i & 3))));
}

#endif
