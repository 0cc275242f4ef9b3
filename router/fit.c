/* router/fit.c - a line through the latest points. */
#include "router/fit.h"

#include <math.h>

#define KEEP 0.995 /* weight left per later point */
#define SETTLED 16 /* points */
#define FAR 3.0 /* times the line */
#define SPREAD 0.1 /* of x, relative, that a slope needs */
#define BASE_SHARE 0.02 /* of the mean: the intercept is never less */

bool
fit_read(const struct fit *f, struct fit_line *line)
{
	double mean_x, mean_y, var, slope = 0;

	if (f->n <= 0)
		return false;
	mean_x = f->x / f->n;
	mean_y = f->y / f->n;
	var = f->xx / f->n - mean_x * mean_x;
	if (f->n >= SETTLED / 2.0 && var > pow(SPREAD * mean_x, 2))
		slope = (f->xy / f->n - mean_x * mean_y) / var;
	slope = fmax(slope, 0);
	if (mean_x > 0)
		slope = fmin(slope, (1 - BASE_SHARE) * mean_y / mean_x);
	line->slope = slope;
	line->base = mean_y - slope * mean_x;
	return true;
}

void
fit_add(struct fit *f, double x, double y)
{
	struct fit_line line;
	double far = 0;

	if (f->n >= SETTLED && fit_read(f, &line))
		far = FAR * (line.base + line.slope * x);
	/* nothing is far from nought: else it could never be left */
	if (far > 0)
		y = fmin(y, far);
	f->points++;
	f->n = KEEP * f->n + 1;
	f->x = KEEP * f->x + x;
	f->y = KEEP * f->y + y;
	f->xx = KEEP * f->xx + x * x;
	f->xy = KEEP * f->xy + x * y;
}

static void
add_weighted(struct fit *f, double x, double y, double weight)
{
	f->n += weight;
	f->x += weight * x;
	f->y += weight * y;
	f->xx += weight * x * x;
	f->xy += weight * x * y;
}

bool
fit_shaped(const struct fit *f, const struct fit_line *like, double weight,
    struct fit_line *out)
{
	struct fit with = *f;
	double mean_x, mean_y, there;

	if (f->n <= 0)
		return false;
	mean_x = f->x / f->n;
	mean_y = f->y / f->n;
	there = like->base + like->slope * mean_x;
	if (there > 0) {
		double scale = mean_y / there;

		add_weighted(&with, 0, scale * like->base, weight / 2);
		add_weighted(&with, 2 * mean_x,
		    scale * (like->base + like->slope * 2 * mean_x),
		    weight / 2);
	}
	return fit_read(&with, out);
}
