/* gateway/upstream/result.h - how a transfer ended, in our words. */
#ifndef GATEWAY_UPSTREAM_RESULT_H
#define GATEWAY_UPSTREAM_RESULT_H

#include "gateway/upstream/inner.h"

/* Adds fault, message, spans and reuse to what the callbacks noted. The easy
 * handle must still be in its multi. */
void result_fill(struct transfer_result *, const struct transfer *, CURLcode);
/* So many more bytes of its body: whether they come of far fewer. */
bool result_is_bomb(struct transfer *, size_t more);

#endif
