/* gateway/quoted.h - whether words of one text are strings of another. */
#ifndef GATEWAY_QUOTED_H
#define GATEWAY_QUOTED_H

#include "gateway/lib/slice.h"

/* Whether what a backend said has an id in it that the request's body has, too,
 * as a whole string: a word of 3 to 128 bytes with a letter and something that
 * words of English have not. `but` is none: the model, which may be unknown on
 * one path alone. Reads either once, however many words there are. False
 * without memory. */
bool quoted_id(struct slice said, struct slice body, struct slice but);

#endif
