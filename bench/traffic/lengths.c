/* bench/traffic/lengths.c - how long prompts and answers are. */
#include "bench/traffic/lengths.h"

#include <math.h>

#define OUTPUT_MEAN 211.0 /* tokens */
#define OUTPUT_MAX 8192.0 /* where a real one is cut off */

struct point {
	double share, tokens;
};

static const struct point prompts[] = { { 0, 2 }, { .01, 29 }, { .02, 91 },
	{ .05, 181 }, { .1, 207 }, { .15, 372 }, { .2, 387 }, { .25, 396 },
	{ .3, 403 }, { .4, 703 }, { .5, 1020 }, { .6, 1071 }, { .7, 1130 },
	{ .75, 1189 }, { .8, 1315 }, { .85, 1877 }, { .9, 2735 }, { .93, 4076 },
	{ .95, 4083 }, { .97, 4090 }, { .98, 4098 }, { .99, 4142 },
	{ .995, 4831 }, { .999, 6212 }, { 1, 14050 } };
static const struct point outputs[] = { { 0, 7 }, { .01, 16 }, { .02, 24 },
	{ .05, 41 }, { .1, 54 }, { .15, 67 }, { .2, 77 }, { .25, 85 },
	{ .3, 91 }, { .4, 103 }, { .5, 129 }, { .6, 177 }, { .7, 384 },
	{ .75, 395 }, { .8, 400 }, { .85, 411 }, { .9, 424 }, { .93, 433 },
	{ .95, 451 }, { .97, 509 }, { .98, 540 }, { .99, 601 }, { .995, 644 },
	{ .999, 954 }, { 1, 1000 } };

static unsigned
at(const struct point *p, double share)
{
	while (p[1].share < share)
		p++;
	return (unsigned)(p[0].tokens +
	    (p[1].tokens - p[0].tokens) * (share - p[0].share) /
		(p[1].share - p[0].share));
}

unsigned
length_of_prompt(double share)
{
	return at(prompts, share);
}

unsigned
length_of_output(double share)
{
	return at(outputs, share);
}

unsigned
length_of_heavy_output(double share, double index)
{
	double least = OUTPUT_MEAN * (index - 1) / index;

	return (unsigned)fmin(least * pow(1 - share, -1 / index), OUTPUT_MAX);
}
