/* bench/load/offer.h - what is asked, when, by whom, of which length.
 *
 * Arrivals are a Poisson process, one with square bursts, or a trace. Bursts
 * stretch the time of a steady process (time rescaling; Cinlar, "Introduction
 * to Stochastic Processes", 1975), so that a seed gives the same requests with
 * and without. Lengths are the trace's, or lognormal with the median and the
 * 95th percentile of the public Azure LLM conversation trace of 2023: prompts
 * 1020 and 4083 tokens, answers 129 and 451.
 *
 * Equal options and seeds give equal requests. */
#ifndef BENCH_LOAD_OFFER_H
#define BENCH_LOAD_OFFER_H

#include "bench/load/classes.h"
#include "bench/traffic/arrivals.h"

struct bursts {
	double factor; /* of the rate within a burst; 0: there are none */
	usec length, every; /* a burst ends each `every` */
};

struct offer_setup {
	const char *trace; /* NULL: random */
	double rate, speed; /* arrivals a second; how fast a trace runs */
	struct bursts bursts; /* random arrivals only */
	unsigned prompt, output; /* tokens; 0: as the trace or distribution */
	uint64_t seed;
	const struct load_class *classes; /* borrowed */
	unsigned n_classes;
};

/* The next request. */
struct offer {
	usec due; /* from the start */
	unsigned class; /* index */
	unsigned prompt, output; /* tokens */
	bool over; /* there is none: the trace has ended */
	/* private */
	const struct offer_setup *setup;
	struct arrivals arrivals;
	struct rng who, length;
	double shares;
};

/* The setup is borrowed until offer_fini(). */
enum err offer_init(
    struct offer *, const struct offer_setup *, struct errmsg *) MUST_USE;
void offer_step(struct offer *);
void offer_fini(struct offer *);

#endif
