/* gateway/attempt_parts.h - what the files of an answer's bytes share. Private
 * to attempt_bytes.c and attempt_events.c. */
#ifndef GATEWAY_ATTEMPT_PARTS_H
#define GATEWAY_ATTEMPT_PARTS_H

#include "gateway/attempt.h"

/* --- attempt_bytes.c --- */

/* To the client, or, before COMMIT, to what is held for it. */
void attempt_forward(struct attempt *, struct slice bytes);
/* The client reads more slowly than bytes come. */
void attempt_pause(struct attempt *);
void attempt_note_usage(struct attempt *, const struct usage *);
void attempt_note_bits(struct attempt *, const struct event *);
/* Of what passes: the first of it that is more than a promise. */
void attempt_note_first(struct attempt *);
/* An error inside a 200, as JSON, and what it says to people. */
void attempt_fail_inside(
    struct attempt *, struct slice error, struct slice message);

/* --- attempt_events.c --- */

void attempt_take_events(struct attempt *, struct slice bytes);
/* The last of them has come. */
void attempt_judge_events(struct attempt *);
/* Nothing follows the end. */
bool attempt_is_over(const struct attempt *);

#endif
