/* gateway/shared/resp.h - Redis' protocol, RESP2, as far as one script needs
 * it.
 *
 * https://redis.io/docs/latest/develop/reference/protocol-spec/ */
#ifndef GATEWAY_SHARED_RESP_H
#define GATEWAY_SHARED_RESP_H

#include "gateway/lib/buf.h"

#define RESP_VALUES_MAX 8

/* What a command came to. Borrowed from the bytes that were read. */
struct resp_answer {
	struct slice error; /* its p is NULL: none */
	struct slice values[RESP_VALUES_MAX]; /* one, or those of an array */
	size_t n;
};

enum resp_state {
	RESP_MORE, /* it is not all here yet */
	RESP_ANSWER, /* *taken bytes are one */
	RESP_BAD, /* they are none that we could have asked for */
};

void resp_add(struct buf *, const struct slice *words, size_t n);
enum resp_state resp_read(
    struct slice bytes, struct resp_answer *, size_t *taken);

#endif
