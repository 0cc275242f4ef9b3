/* gateway/steps.h - what the files of the request's steps share.
 *
 * steps.c has one function per state, but for BODY in body.c, COMMIT and RELAY
 * in relay.c and HOLD in replay.c; hedge.c, two attempts at a time; retry.c,
 * what a failed attempt leads to and how tickets end; outcome.c, what is told
 * of a request once it is over. */
#ifndef GATEWAY_STEPS_H
#define GATEWAY_STEPS_H

#include "gateway/request.h"

/* steps.c: the last transition; the answer has been given. `reason` must
 * outlive the request: a name from a table, or NULL. */
enum step request_finish(
    struct request *, enum result, enum fault_kind, const char *reason);
/* What the router said, now or after a wait. */
enum step request_follow_plan(struct request *);

/* body.c: the step of that state. */
enum step step_body(struct request *);

/* relay.c: the steps of these two states. */
enum step step_commit(struct request *);
enum step step_relay(struct request *);

/* replay.c: whether the request has a key that counts: then it enters HOLD. */
bool replay_wanted(const struct request *);
enum step step_hold(struct request *);
/* The key that the attempt's backend is sent for it; false: none. */
bool replay_key(const struct request *, const struct attempt *,
    char hex[2 * IDEMPOTENCY_DIGEST + 1]);
/* The whole body of a good answer, as it goes out. */
void replay_keep(struct request *, struct slice body);
/* The request is over: another with its key may be the first. */
void replay_release(struct request *);

/* hedge.c: sets hedge_at for an attempt that begins now. */
void request_expect_hedge(struct request *);
/* The attempt is late: begins a second one, if the router has one. */
void request_hedge(struct request *);
/* One of two has failed: lets the other, then `attempt`, go on alone. */
void request_unpair(struct request *);
/* True: `attempt` is ready, and the only one now. */
bool request_settle_race(struct request *);
/* Nobody waits for it any more: what it has read is to be paid for, as much as
 * is known of it. */
void request_note_outrun(struct request *, const struct attempt *);

/* retry.c: the only attempt has failed before COMMIT. */
enum step request_retry(struct request *);
/* One of two attempts has failed. What the router is to hear of it: a key that
 * another can stand in for is no fault of its backend. */
struct fault request_note_dropped(struct request *, const struct attempt *);
/* Every ticket ends here that is still alive: with nobody to blame. */
void request_drop_tickets(struct request *);
/* The same, but the router hears of an attempt that has been silent for long.
 * Says how the attempts ended. */
void request_give_up(struct request *, enum fault_kind);
/* The answering attempt's ticket ends with its result. */
void request_settle_ticket(struct request *);
/* Stops the attempt, if there is one, and keeps its report. */
void request_drop_attempt(struct request *, struct attempt **);
/* The same and ends its ticket; nobody is to blame. */
void request_cancel_attempt(
    struct request *, struct attempt **, enum fault_kind);
/* Rate limits that came with an answer are capacity, whatever it said. */
void request_tell_limits(struct request *, const struct attempt *);

/* outcome.c: for the headers that go out now. */
void outcome_note_commit(struct request *);
void outcome_note_attempt(struct request *, const struct attempt *);
/* Before an attempt begins: its report may take the place of another's. */
void outcome_make_room(struct request *);
/* Of the attempt that nobody waited for, beside an answer to the same prompt;
 * 0: there was none; negative: not known. */
double outcome_hedge_cost(const struct request *, const struct usage *answer);
/* Once, at FINISH: fills what is left of r->outcome, tells the limits. */
void outcome_close(struct request *);
/* Once, later in the same turn: hands it on to all who count or write. */
void outcome_tell(struct request *, struct instant);

#endif
