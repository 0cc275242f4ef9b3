/* gateway/feed.h - the live feed of the operators' page: samples, and the
 * events made of them, once a second for all who read. Main thread. */
#ifndef GATEWAY_FEED_H
#define GATEWAY_FEED_H

#include "gateway/admin/admin.h"

struct app;
struct feed;
struct sink;

/* NULL without memory. */
struct feed *feed_new(struct app *, usec now);
void feed_free(struct feed **);

/* Begins to answer with it, for as long as it is read. False: the reply says
 * why not. */
bool feed_begin(struct feed *, struct sink *, struct admin_reply *);
/* The sink goes; whoever does not read the feed is fine. */
void feed_forget(struct feed *, const struct sink *);
/* A few times a second. */
void feed_tick(struct feed *, usec now);

#endif
