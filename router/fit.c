/* router/fit.c - a line through the latest points. */
#include "router/fit.h"

#include <math.h>

#define KEEP 0.995 /* weight left per later point */
#define SETTLED 16 /* points */
#define FAR 3.0 /* times the line */
#define SPREAD 0.1 /* of x, relative, that a slope needs */
#define BASE_SHARE 0.02 /* of the mean: the intercept is never less */

bool
fit_line(const struct fit *f, struct sizing *line)
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
	line->per_token = slope;
	line->base = mean_y - slope * mean_x;
	return true;
}

void
fit_add(struct fit *f, double x, double y)
{
	struct sizing line;

	if (f->n >= SETTLED && fit_line(f, &line))
		y = fmin(y, FAR * sizing_at(&line, x));
	f->n = KEEP * f->n + 1;
	f->x = KEEP * f->x + x;
	f->y = KEEP * f->y + y;
	f->xx = KEEP * f->xx + x * x;
	f->xy = KEEP * f->xy + x * y;
}
