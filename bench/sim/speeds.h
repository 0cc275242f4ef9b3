/* bench/sim/speeds.h - how fast each serving of a fleet really is, where a
 * running gateway has measured it.
 *
 * A backend stays one machine (machine.h), with the speed of that of its
 * servings of which most was measured. What is left of each serving is its own:
 * its way there and back, how many steps a token of it takes, and how many
 * tokens a token of its prompts is worth.
 *
 * What the profile does not explain is drawn for each request: its first token,
 * and its tokens, come later or sooner by factors that are spread as those that
 * were measured. */
#ifndef BENCH_SIM_SPEEDS_H
#define BENCH_SIM_SPEEDS_H

#include "gateway/conf/conf.h"
#include "gateway/lib/buf.h"
#include "router/measured.h"

#define SPEEDS_FEW 8 /* samples of either time, to be called measured */

struct measured_serving {
	const char *backend, *model;
	const char *upstream; /* NULL: whichever */
	struct measured measured;
	bool used; /* the fleet has it */
};

struct measured_fleet {
	const char *source; /* a file, or a gateway's address */
	const char *at; /* when, as it says */
	struct measured_serving *list;
	size_t n;
};

/* Factors of what is usual. */
struct luck {
	double log[MEASURED_RANKS]; /* of them, at measured_ranks */
};

struct serving_speed { /* times in us */
	const struct measured_serving *from; /* NULL: not measured */
	double rtt, step, per_sequence, per_token;
	double stretch, fill; /* of the machine's steps and prompt tokens */
	/* of the spread that was measured: what the machine does not have of
	 * its own */
	double ttft_luck, itl_luck;
	struct luck ttft, itl;
};

struct backend_truth;

/* One for each of conf->servings, as they are put down. NULL: without memory.
 * truth[], by index of the backend, says what is not measured. */
struct serving_speed *speeds_new(const struct conf *, struct measured_fleet *,
    const struct backend_truth *truth);
/* The machines for them. */
void speeds_build(
    const struct conf *, struct serving_speed *, struct backend_truth *);
/* So much was measured where machines were played with this speed. */
void speed_correct(struct serving_speed *, const struct measured *played);
bool speeds_is_of(const struct measured_serving *, const struct conf_serving *);
/* Whether any serving of it was measured. */
bool speeds_know(const struct conf *, const struct serving_speed *,
    const struct conf_backend *);

/* What that request meets there; 1: the usual. */
struct fortune {
	double ttft, itl;
};
struct fortune speeds_draw(
    const struct serving_speed *, uint64_t seed, uint64_t request);

/* Whose speed was measured, when, and whose is assumed: lines, or a member of
 * JSON with a comma before it. */
void speeds_table(const struct conf *, const struct serving_speed *,
    const struct measured_fleet *, struct buf *);
void speeds_json(const struct conf *, const struct serving_speed *,
    const struct measured_fleet *, struct buf *);
/* A line for each that the fleet does not have. */
void speeds_notes(
    const struct measured_fleet *, const char *fleet, struct buf *);

#endif
