/* gateway/viewers.h - those who read the live feed: the same bytes to all.
 *
 * What is sent is made once for all of them. One who does not keep up is left
 * out, and catches up with a fresh beginning once it reads again; one who reads
 * nothing for VIEWER_PATIENCE is cut off: so none holds more than one round of
 * events and what its socket holds. Main thread. */
#ifndef GATEWAY_VIEWERS_H
#define GATEWAY_VIEWERS_H

#include "gateway/lib/clock.h"
#include "gateway/lib/sink.h"

#define VIEWERS_MAX 16
#define VIEWER_PATIENCE (10 * USEC_SEC)

struct viewer {
	struct sink *sink; /* NULL: a free place */
	usec choked; /* since when it takes no more; 0: it does */
	bool behind; /* something was not sent to it */
};

/* All zeros: nobody. Stays where it is: sinks point into it. */
struct viewers {
	unsigned n;
	struct viewer list[VIEWERS_MAX];
};

/* Its headers have been sent. The sink's callbacks are ours from now on.
 * False: there are VIEWERS_MAX. */
bool viewers_add(struct viewers *, struct sink *);
/* It has gone: nothing is sent to it any more. Whoever is none is fine. */
void viewers_forget(struct viewers *, const struct sink *);

/* To all that keep up; who has no patience left is cut off. */
void viewers_send(struct viewers *, struct slice, usec now);
/* To one of them, whatever it has missed: from here on it keeps up. */
void viewers_begin(struct viewers *, struct sink *, struct slice, usec now);
/* What it is to be sent cannot be made: cuts it off. */
void viewers_cut(struct viewers *, struct sink *);
/* One that has missed something and reads again; NULL: there is none. */
struct sink *viewers_behind(const struct viewers *);
/* Ends all answers, cleanly. */
void viewers_end(struct viewers *);

#endif
