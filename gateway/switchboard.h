/* gateway/switchboard.h - the router under its one lock, and who to wake.
 *
 * The only place where router calls are made. Each call takes the mutex for
 * the length of that one call, then wakes the workers whose waiting requests
 * became ready. */
#ifndef GATEWAY_SWITCHBOARD_H
#define GATEWAY_SWITCHBOARD_H

#include "router/router.h"

struct switchboard;

/* Called outside the lock, from the thread that freed the capacity. */
typedef void (*wake_fn)(void *arg, unsigned worker);

struct switchboard *switchboard_new(unsigned workers, wake_fn, void *arg);
void switchboard_free(struct switchboard **);

/* As the router calls of the same name. Main thread only:
 * switchboard_configure(), which holds the lock to adopt what it has prepared,
 * and switchboard_tick(). */
enum err switchboard_configure(
    struct switchboard *, struct conf *, usec now) MUST_USE;
void switchboard_submit(struct switchboard *, const struct route_request *,
    usec now, struct ticket *, struct plan *);
bool switchboard_next(struct switchboard *, unsigned worker, usec now,
    void **owner, struct ticket *, struct plan *);
void switchboard_retry(struct switchboard *, struct ticket,
    const struct fault *, usec now, struct plan *);
void switchboard_hedge(struct switchboard *, struct ticket first, usec now,
    struct ticket *second, struct plan *);
void switchboard_cancel(struct switchboard *, struct ticket, usec now);
void switchboard_first_token(
    struct switchboard *, struct ticket, usec now, usec ttft);
void switchboard_progress(
    struct switchboard *, struct ticket, usec now, unsigned tokens, usec span);
void switchboard_finished(
    struct switchboard *, struct ticket, const struct route_result *, usec now);
bool switchboard_probe(struct switchboard *, usec now, struct route_request *,
    struct ticket *, struct plan *);
void switchboard_load(struct switchboard *, uint32_t backend,
    const struct load *, const struct fault *, usec now);
/* The same, of a certificate: for upstream_on_certificate(). */
void switchboard_certified(void *board, uint32_t peer, usec until);
void switchboard_limits(
    struct switchboard *, uint32_t serving, const struct load *, usec now);
void switchboard_restrain(struct switchboard *, uint32_t backend,
    uint32_t serving, const struct restraint *, usec now);
void switchboard_drill_over(struct switchboard *, usec now);
void switchboard_tick(struct switchboard *, usec now);
/* A copy of the request's trace as of now. */
void switchboard_trace(struct switchboard *, const struct route_request *,
    struct route_trace *copy);
bool switchboard_view(
    struct switchboard *, uint32_t serving, usec now, struct serving_view *);
unsigned switchboard_queue_length(struct switchboard *);

#endif
