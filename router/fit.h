/* router/fit.h - a line through the latest points.
 *
 * Least squares over exponentially forgotten samples (a thousandth of a
 * point's weight is left after about 1400 more). Slope and intercept are never
 * negative: a longer prompt does not come back sooner. */
#ifndef ROUTER_FIT_H
#define ROUTER_FIT_H

#include <stdbool.h>

/* All zeros is empty. Sums of weights, and of x, y, xx, xy. */
struct fit {
	double n, x, y, xx, xy;
	unsigned points; /* in all */
};

struct fit_line {
	double base, slope;
};

/* Once the line is settled, a point far above it counts only as far as it
 * could still be the size that did it. */
void fit_add(struct fit *, double x, double y);
/* False: there are no points. */
bool fit_read(const struct fit *, struct fit_line *);
/* The same, pulled towards the shape of another line as if that many points
 * had been seen on it, scaled to where these are: points that are all alike
 * say how high the line is, but not how steep. */
bool fit_shaped(const struct fit *, const struct fit_line *like, double weight,
    struct fit_line *);

#endif
