/* gateway/admin/live.h - what the operators' page shows: what is, and what has
 * been since half an hour ago, as JSON.
 *
 * Every step a sample is taken, whoever watches or does not. Nothing is
 * measured here: counts are telemetry's, as /metrics tells them. Fixed in
 * memory: 64 servings of 14 KB, 128 objectives and 16 SLO classes of 6 KB each,
 * made when they are first seen, and 0.4 KB for each combination of model,
 * tenant and SLO class: 5 MB where there are 4,000 of those and more servings
 * than places. Main thread. */
#ifndef GATEWAY_ADMIN_LIVE_H
#define GATEWAY_ADMIN_LIVE_H

#include "gateway/admin/admin.h"

struct live;

/* NULL without memory. */
struct live *live_new(usec now, usec wall);
void live_free(struct live **);

/* Once a second: who misses, and since when. */
void live_watch(struct live *, struct telemetry *, usec now);
/* A step has ended: a sample is to be taken, which the step gets. */
bool live_due(const struct live *, usec now);
void live_sample(struct live *, const struct admin_picture *);

/* The data of the feed's three events. */
void live_render_history(
    const struct live *, const struct admin_picture *, struct buf *out);
void live_render_step(const struct live *, struct buf *out);
/* *filed: how many receipts had been filed when it was last asked; then, how
 * many there are. */
void live_render_now(struct live *, const struct admin_picture *,
    uint64_t *filed, struct buf *out);

#endif
