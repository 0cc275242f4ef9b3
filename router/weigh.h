/* router/weigh.h - what speaks for each of several servings, and against it.
 *
 * For: the chance to meet the SLO. Against: the price, weighed up by how full
 * the backend is, what a probable miss is worth, and the toll for what it does
 * to others (router/stake.h). The verdict says whether it is out, and why. */
#ifndef ROUTER_WEIGH_H
#define ROUTER_WEIGH_H

#include "router/predict.h"

struct candidate {
	struct cell *cell;
	unsigned at; /* in the model's servings */
	double price; /* of the request, USD; INFINITY: unknown */
	double toll; /* USD, predict_toll() */
	double score; /* INFINITY: not weighed */
	double full; /* share of the backend's slots that are taken */
	enum verdict verdict;
	struct outlook outlook;
};

/* Fills the candidates in: all but cell and at. `spare`: there is another
 * serving to use, so that an ailing one is out. */
void weigh(struct candidate *, unsigned n, const struct demand *, bool spare,
    usec now);

/* What a miss of that request would be worth, in USD; after weigh(). */
double weigh_stake(const struct candidate *, unsigned n, const struct demand *);

/* Such a request goes to `to`; what that costs it more than where it would have
 * gone but for premium is put down to premium there. */
void weigh_displaced(const struct candidate *, unsigned n,
    const struct candidate *to, const struct demand *);

/* Whether it is to be left alone by that one (fleet.h, suspect.h). */
static inline bool
weigh_is_ailing(const struct cell *c, const struct demand *d, usec now)
{
	return cell_is_ailing(c) ||
	    (d->author != NULL &&
		(suspects_avoid(&c->suspects, d->author, now) ||
		    hush_avoid(&c->hush, d->author, now)));
}

/* How long it has waited, as a share of its tightest target; 1 without one,
 * since nobody then waits. */
double weigh_waited(const struct demand *);

#endif
