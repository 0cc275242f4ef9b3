/* gateway/refusals.h - how a failure is worded for the client.
 *
 * From the fault table and the router's reasons to a status, a code and a
 * sentence. Pure. */
#ifndef GATEWAY_REFUSALS_H
#define GATEWAY_REFUSALS_H

#include "gateway/dialects/dialect.h"
#include "router/router.h"

struct exchange_refusal;

extern const struct error_reply refusal_overloaded, refusal_memory;
extern const struct error_reply refusal_deadline;
extern const struct error_reply refusal_loading;
extern const struct error_reply refusal_draining;
extern const struct error_reply refusal_key_reused;

/* In front's own words; its status 0: nothing is wrong. */
void refusal_of_front(const struct exchange_refusal *, struct error_reply *);

/* model_resolve() said no: fills status, type, code, param; the message is
 * the caller's. */
void refusal_of_model(enum err, bool named, struct error_reply *);

/* PLAN_NO before any attempt. */
void refusal_of_plan(const struct plan *, struct error_reply *);

/* A backend's own error, read from whatever shape it has. */
struct upstream_error {
	char *message, *type, *param, *code; /* NULL: not said */
	char *more; /* its other members, as in error_reply */
};
void upstream_error_read(struct upstream_error *, struct slice body,
    const char *otherwise); /* a message where the body has none */
/* A backend that quotes our key does not tell it to the client; members of its
 * own that do are left out altogether. */
void upstream_error_mask(struct upstream_error *, const char *key);
void upstream_error_fini(struct upstream_error *);

/* After the last attempt. plan is the router's PLAN_NO, or NULL. Where the
 * answer is the backend's own (a 4xx about the request), *said is quoted and
 * must outlive *e; else e->message is NULL and the caller words it. */
void refusal_of_fault(const struct fault *, const struct plan *plan,
    bool all_rate_limited, const struct upstream_error *said,
    struct error_reply *e);

#endif
