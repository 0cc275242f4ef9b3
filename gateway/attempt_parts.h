/* gateway/attempt_parts.h - what the files of an attempt share. Private to
 * attempt*.c. */
#ifndef GATEWAY_ATTEMPT_PARTS_H
#define GATEWAY_ATTEMPT_PARTS_H

#include "gateway/attempt.h"

/* --- attempt_bytes.c --- */

/* To the client, or, before COMMIT, to what is held for it. */
void attempt_forward(struct attempt *, struct slice bytes);
/* What came does not fit there: it is too much, or there is no memory, which is
 * no backend's fault. */
void attempt_fail_to_hold(struct attempt *, const struct buf *);
/* The client reads more slowly than bytes come. */
void attempt_pause(struct attempt *);
void attempt_note_usage(struct attempt *, const struct usage *);
void attempt_note_bits(struct attempt *, const struct event *);
/* Of what passes: the first of it that is more than a promise. */
void attempt_note_first(struct attempt *);
/* An error inside a 200, as JSON, and what it says to people. */
void attempt_fail_inside(
    struct attempt *, struct slice error, struct slice message);

/* --- attempt_translation.c --- */

/* Makes *in, of the client's body, one of chat with these members; or fails
 * the attempt. */
enum err attempt_translate(struct attempt *, struct encode_in *in,
    struct scan_member *members, size_t cap, struct errmsg *why) MUST_USE;
/* One event's data, that its client is to see. */
void attempt_translate_event(struct attempt *, struct slice data);

/* --- attempt_events.c --- */

void attempt_take_events(struct attempt *, struct slice bytes);
/* What is left of the next bytes of a body without the mark that it may begin
 * with: some clients stumble over it. */
struct slice attempt_without_bom(struct attempt *, struct slice bytes);
/* The last of them has come. */
void attempt_judge_events(struct attempt *);
/* Nothing follows the end. */
bool attempt_is_over(const struct attempt *);

#endif
