/* gateway/steps.h - what the files of the request's steps share.
 *
 * steps.c has one function per state; retry.c, what a failed attempt leads
 * to; outcome.c, what is told of a request once it is over. */
#ifndef GATEWAY_STEPS_H
#define GATEWAY_STEPS_H

#include "gateway/request.h"

/* steps.c: the last transition; the answer has been given. `reason` must
 * outlive the request: a name from a table. */
enum step request_finish(
    struct request *, enum result, enum fault_kind, const char *reason);
/* What the router said, now or after a wait. */
enum step request_follow_plan(struct request *);

/* retry.c: the attempt has failed before COMMIT. */
enum step request_retry(struct request *);
/* The ticket ends here, if it is still alive: with nobody to blame, or with
 * the attempt's result. */
void request_drop_ticket(struct request *);
/* The same where an attempt has been silent for long: it is to blame. */
void request_give_up(struct request *);
void request_settle_ticket(struct request *);
/* Cancels the attempt, if there is one, and keeps its report. */
void request_drop_attempt(struct request *);
/* Rate limits that came with an answer are capacity, whatever it said. */
void request_tell_limits(struct request *);

/* outcome.c: for the headers that go out now. */
void outcome_note_commit(struct request *);
void outcome_note_attempt(struct request *);
/* Once, at FINISH: fills what is left of r->outcome and hands it on. */
void outcome_emit(struct request *);

#endif
