/* bench/load/seen.h - one request, as its client saw it. */
#ifndef BENCH_LOAD_SEEN_H
#define BENCH_LOAD_SEEN_H

#include "bench/load/answer.h"
#include "bench/load/classes.h"
#include "bench/traffic/score.h"

#define SEEN_TEXT 64

struct seen {
	const struct load_class *class; /* borrowed */
	unsigned prompt; /* tokens asked for */
	usec due, sent, ended; /* points in time */
	usec first, last; /* token events; 0: none came */
	uint64_t events; /* with a token in them */
	uint32_t usage_in, usage_out; /* as the server says; 0: it did not */
	int status; /* 0: no answer came */
	enum fault_kind fault; /* of the HTTP exchange */
	bool gave_up; /* we did, at the timeout */
	bool complete; /* a whole stream, as answer_complete() has it */
	char backend[SEEN_TEXT], receipt[SEEN_TEXT]; /* "": not said */
};

/* USD per million tokens of what a backend answers; "*" is any. */
struct load_price {
	struct slice backend; /* borrowed from the command line */
	double input, output;
};

/* "NAME=INPUT/OUTPUT". */
enum err load_price_parse(
    struct slice, struct load_price *, struct errmsg *) MUST_USE;

/* Keeps the headers that say who answered. */
void seen_header(struct seen *, struct slice name, struct slice value);
void seen_answer(struct seen *, const struct answer *);

/* 429, 503 and 529 are refusals for want of room: shed. */
enum ending seen_ending(const struct seen *);
usec seen_itl(const struct seen *); /* -1: less than two tokens */

/* The first that is for the backend that answered; NULL: none is. */
const struct load_price *seen_price(
    const struct seen *, const struct load_price *prices, unsigned n);
/* The cost is that of the backend that answered: what a gateway spent on other
 * attempts is not seen from outside. */
void seen_score(const struct seen *, const struct load_price *prices,
    unsigned n_prices, struct scored *);

/* A line for each request, times in milliseconds, empty where not measured.
 * `due` counts from `began`. */
void seen_csv_head(struct buf *);
void seen_csv(const struct seen *, usec began, struct buf *);

#endif
