/* bench/sim/bound_test.c - the bound against machines at work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/bound.h"
#include "gateway/lib/rng.h"

#include <cmocka.h>

#define MACHINES 2
#define CROWD 400

#define assert_near(a, b, off) assert_true(fabs((a) - (b)) <= (off))

/* A crowd sent to machines somehow, and how many of each class were met. */
struct job {
	struct sequence sequence;
	struct bound_request request;
	usec first, last;
	unsigned machine;
	struct moment due;
	struct show *show;
};

struct show {
	struct agenda agenda;
	struct machine machine[MACHINES];
	struct bound_backend backend[MACHINES];
	struct bound_noise noise[MACHINES];
	struct bound_span spans[MACHINES][3];
	struct bound_request request[CROWD];
	struct job job[CROWD];
	struct moment slower, quicker;
};

static void
on_first(struct sequence *s, usec now)
{
	CONTAINER_OF(s, struct job, sequence)->first = now;
}

static void
on_finished(struct sequence *s, usec now)
{
	CONTAINER_OF(s, struct job, sequence)->last = now;
}

static void
on_due(void *arg, usec now)
{
	struct job *j = arg;

	machine_add(&j->show->machine[j->machine], &j->sequence, now);
}

static void
on_slower(void *arg, usec now)
{
	machine_pace(arg, 4, 1, now);
}

static void
on_quicker(void *arg, usec now)
{
	machine_pace(arg, 1, 1, now);
}

static void
ask(struct show *s, unsigned i, struct rng *r, double gap)
{
	static const struct slo slos[] = { { .ttft = 250 * USEC_MS,
					       .itl = 15 * USEC_MS },
		{ .ttft = USEC_SEC, .itl = 30 * USEC_MS },
		{ .total = 20 * USEC_SEC } };
	static const struct conf_price prices[MACHINES] = {
		{ .input = 1, .output = 1, .hourly = -1 },
		{ .input = 2, .output = 2, .hourly = -1 }
	};
	struct bound_request *q = &s->request[i];

	q->due =
	    (i > 0 ? s->request[i - 1].due : 0) + (usec)rng_exponential(r, gap);
	q->prompt = 1 + rng_below(r, 3000);
	q->output = 1 + rng_below(r, 300);
	q->class = (enum priority)rng_below(r, 3);
	q->slo = slos[q->class];
	q->deadline = 60 * USEC_SEC;
	q->able = 3;
	q->price = prices;
}

static void
show_init(struct show *s, uint64_t seed, double gap, double slow)
{
	static const struct machine_facts facts[MACHINES] = {
		{ 6000, 150, 60, 64, 512, 400000, 0.05 },
		{ 2500, 30, 15, 16, 512, 400000, 0.05 },
	};
	struct rng r;

	rng_init(&r, seed, 3);
	agenda_init(&s->agenda);
	for (unsigned i = 0; i < CROWD; i++)
		ask(s, i, &r, gap);
	for (unsigned k = 0; k < MACHINES; k++) {
		struct bound_backend *b = &s->backend[k];

		machine_init(&s->machine[k], &facts[k], &s->agenda, seed + k);
		s->machine[k].first_token = on_first;
		s->machine[k].finished = on_finished;
		s->spans[k][0] = (struct bound_span){ 0, 1, true };
		*b = (struct bound_backend){
			.facts = facts[k], .spans = s->spans[k], .n_spans = 1
		};
	}
	if (slow > 1) {
		s->spans[0][1] = (struct bound_span){ 10 * USEC_SEC, 4, true };
		s->spans[0][2] = (struct bound_span){ 30 * USEC_SEC, 1, true };
		s->backend[0].n_spans = 3;
		s->slower =
		    (struct moment){ .run = on_slower, .arg = &s->machine[0] };
		s->quicker =
		    (struct moment){ .run = on_quicker, .arg = &s->machine[0] };
		agenda_set(
		    &s->agenda, &s->slower, RANK_INCIDENT, 10 * USEC_SEC);
		agenda_set(
		    &s->agenda, &s->quicker, RANK_INCIDENT, 30 * USEC_SEC);
	}
	for (unsigned k = 0; k < MACHINES; k++) {
		assert_int_equal(bound_noise_init(&s->noise[k], &s->backend[k],
				     seed + k, 600 * USEC_SEC),
		    OK);
		s->backend[k].noise = &s->noise[k];
	}
}

static void
show_fini(struct show *s)
{
	for (unsigned k = 0; k < MACHINES; k++)
		bound_noise_fini(&s->noise[k]);
	agenda_fini(&s->agenda);
	free(s);
}

/* Sends them by some rule; the spend goes to *usd. */
static void
play(struct show *s, unsigned rule, double met[3], double *usd)
{
	*usd = met[0] = met[1] = met[2] = 0;
	for (unsigned i = 0; i < CROWD; i++) {
		struct job *j = &s->job[i];
		const struct bound_request *q = &s->request[i];

		*j = (struct job){
			.request = *q, .show = s, .first = -1, .last = -1
		};
		j->sequence.prompt = q->prompt;
		j->sequence.output = q->output;
		list_init(&j->sequence.link);
		j->machine = rule == 0 ? i % 2
		    : rule == 1        ? q->class != PRIORITY_PREMIUM
				       : q->class == PRIORITY_PREMIUM;
		j->due = (struct moment){ .run = on_due, .arg = j };
		agenda_set(&s->agenda, &j->due, RANK_ARRIVAL, q->due);
	}
	while (agenda_step(&s->agenda))
		continue;
	for (unsigned i = 0; i < CROWD; i++) {
		const struct job *j = &s->job[i];
		const struct bound_request *q = &j->request;
		usec itl =
		    q->output > 1 ? (j->last - j->first) / (q->output - 1) : 0;

		assert_true(j->last >= j->first && j->first >= q->due);
		if ((q->slo.ttft > 0 && j->first - q->due > q->slo.ttft) ||
		    (q->slo.itl > 0 && itl > q->slo.itl) ||
		    (q->slo.total > 0 && j->last - q->due > q->slo.total))
			continue;
		met[q->class]++;
		*usd += (j->machine + 1) * 1e-6 * (q->prompt + q->output);
	}
}

static const struct relax_terms unlimited = { .budget = INFINITY };

/* Whatever the load and the rule, no more are met than the bound says, in each
 * class and at equal spend; and nobody meets as many for less. */
static void
no_way_to_send_beats_it(void **state)
{
	static const double gaps[] = { 20e3, 80e3, 300e3 };
	double tightest = INFINITY;

	for (unsigned run = 0; run < 18; run++) {
		struct show *s = calloc(1, sizeof(*s));
		struct relax p = { 0 };
		double met[3], usd, most;
		double all[3] = { 1, 1, 1 };
		struct relax_terms terms = { 0 };

		assert_non_null(s);
		show_init(s, 100 + run, gaps[run / 6], run % 2 ? 4 : 1);
		play(s, run % 3, met, &usd);
		assert_int_equal(
		    bound_build(&p, s->backend, MACHINES, s->request, CROWD),
		    OK);
		for (unsigned k = 0; k < 3; k++) {
			double only[3] = { k == 0, k == 1, k == 2 };

			assert_true(
			    relax_most(&p, only, &unlimited, 200) >= met[k]);
		}
		terms.budget = usd;
		most = relax_most(&p, all, &terms, 400);
		assert_true(most >= met[0] + met[1] + met[2]);
		/* nor do those who ask for as much of each class beat it */
		memcpy(terms.floor, met, sizeof(terms.floor));
		assert_true(relax_most(&p, all, &terms, 400) >=
		    met[0] + met[1] + met[2]);
		assert_true(relax_least(&p, met, 400) <= usd + 1e-9);
		tightest = fmin(tightest, most / (met[0] + met[1] + met[2]));
		relax_fini(&p);
		show_fini(s);
	}
	/* nor is it so loose that it could not fail */
	assert_true(tightest < 1.25);
}

static struct bound_backend
machine_of(const struct bound_span *spans, size_t n)
{
	return (struct bound_backend){ .facts = { 5000, 100, 50, 32, 512,
					   100000, 0 },
		.spans = spans,
		.n_spans = n };
}

static void
feasible_is_what_an_idle_machine_can_do(void **state)
{
	static const struct bound_span well[] = { { 0, 1, true } };
	static const struct bound_span bad[] = { { 0, 1, true },
		{ 10 * USEC_SEC, 4, true }, { 20 * USEC_SEC, 1, false } };
	struct bound_request r = { .prompt = 1000,
		.output = 101,
		.slo = { .ttft = 61 * USEC_MS, .itl = 6000 },
		.deadline = 60 * USEC_SEC };
	struct bound_backend b = machine_of(well, 1);
	double work;

	/* 50 ms to fill and two steps of 5 */
	assert_true(bound_feasible(&b, &r, &work));
	/* ten together make 6 ms; the roundings of times help a little */
	assert_true(work <= 50000 + 100 * (100 + 5000 / 10.0));
	assert_near(work, 50000 + 100 * (100 + 5000 / 10.0), 150);
	r.slo.ttft = 59 * USEC_MS;
	assert_false(bound_feasible(&b, &r, &work));
	r.slo.ttft = 61 * USEC_MS;
	r.slo.itl = 5000;
	assert_false(bound_feasible(&b, &r, &work));
	r.slo.itl = 6000;
	b = machine_of(bad, 3);
	assert_true(bound_feasible(&b, &r, &work));
	r.due = 12 * USEC_SEC;
	assert_false(bound_feasible(&b, &r, &work));
	r.due = 22 * USEC_SEC;
	assert_false(bound_feasible(&b, &r, &work));
}

static void
capacity_is_time_less_what_is_lost(void **state)
{
	static const struct bound_span spans[] = { { 0, 1, true },
		{ 10 * USEC_SEC, 4, true }, { 20 * USEC_SEC, INFINITY, true },
		{ 30 * USEC_SEC, 1, true } };
	struct bound_backend b = machine_of(spans, 4);
	double step = 5000 + 3200 + 25600; /* the longest, at each change */

#define TICKS (25e6 * 1.1e-4) /* half a microsecond in a step of 5000 */
	assert_near(bound_capacity(&b, 0, 10 * USEC_SEC), 10e6, TICKS);
	assert_near(bound_capacity(&b, 0, 20 * USEC_SEC), 12.5e6 + step, TICKS);
	assert_near(
	    bound_capacity(&b, 0, 40 * USEC_SEC), 22.5e6 + 3 * step, TICKS);
}

static void
a_rate_limits_calls(void **state)
{
	static const struct bound_span well[] = { { 0, 1, true } };
	struct bound_backend b = machine_of(well, 1);
	struct bound_request r[100] = { 0 };
	struct relax p = { 0 };
	double all[3] = { 1, 1, 1 };

	b.rate = 1;
	b.burst = 5;
	for (unsigned i = 0; i < 100; i++)
		r[i] = (struct bound_request){ .due = i * USEC_MS,
			.prompt = 10,
			.output = 2,
			.slo = { .total = 10 * USEC_SEC },
			.deadline = 60 * USEC_SEC,
			.able = 1 };
	assert_int_equal(bound_build(&p, &b, 1, r, 100), OK);
	/* five at once, then one a second for the ten that they have */
	assert_in_range((int)relax_most(&p, all, &unlimited, 500), 15, 16);
	relax_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_way_to_send_beats_it),
		cmocka_unit_test(feasible_is_what_an_idle_machine_can_do),
		cmocka_unit_test(capacity_is_time_less_what_is_lost),
		cmocka_unit_test(a_rate_limits_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
