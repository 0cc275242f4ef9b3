/* bench/sim/world_test.c - every request ends once, nothing is known before
 * it happens, and equal runs are equal. */
#include "bench/sim/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bench/sim/slo.h"

#define DURATION (60 * USEC_SEC)

/* --- the production router, watched --- */

struct watched {
	void *inner;
	usec last;
	int64_t alive; /* tickets */
	uint64_t submits;
	double squares; /* of by how much bytes are off from four a token */
};

static struct watched *watched; /* the present one */

static void
at(struct watched *w, usec now)
{
	assert_true(now >= w->last); /* time never goes back */
	w->last = now;
}

static void *
w_create(const struct pilot_setup *setup, struct errmsg *why)
{
	watched = calloc(1, sizeof(*watched));
	assert_non_null(watched);
	watched->inner = pilot_slo.create(setup, why);
	return watched;
}

static void
w_destroy(void *self)
{
	pilot_slo.destroy(((struct watched *)self)->inner);
	free(self);
}

static void
w_submit(void *self, const struct route_request *r, usec now, struct ticket *t,
    struct plan *plan)
{
	struct watched *w = self;

	at(w, now);
	assert_int_equal(r->arrived, now);
	pilot_slo.submit(w->inner, r, now, t, plan);
	w->submits++;
	w->squares +=
	    pow(log((double)r->facts->prompt_bytes /
		    (TOKEN_BYTES *
			(double)((struct errand *)r->owner)->request.prompt)),
		2);
	w->alive += plan->kind != PLAN_NO;
}

static bool
w_next(void *self, usec now, void **owner, struct ticket *t, struct plan *plan)
{
	struct watched *w = self;
	bool any;

	at(w, now);
	any = pilot_slo.next(w->inner, now, owner, t, plan);
	w->alive -= any && plan->kind == PLAN_NO;
	return any;
}

static void
w_retry(void *self, struct ticket t, const struct fault *f, usec now,
    struct plan *plan)
{
	struct watched *w = self;

	at(w, now);
	assert_int_not_equal(f->kind, FAULT_NONE);
	pilot_slo.retry(w->inner, t, f, now, plan);
	w->alive -= plan->kind == PLAN_NO;
}

static void
w_hedge(void *self, struct ticket t, usec now, struct ticket *second,
    struct plan *plan)
{
	struct watched *w = self;

	at(w, now);
	pilot_slo.hedge(w->inner, t, now, second, plan);
	w->alive += plan->kind == PLAN_GO;
}

static void
w_cancel(void *self, struct ticket t, usec now)
{
	struct watched *w = self;

	at(w, now);
	pilot_slo.cancel(w->inner, t, now);
	w->alive--;
}

static void
w_first_token(void *self, struct ticket t, usec now, usec ttft)
{
	struct watched *w = self;

	at(w, now);
	assert_true(ttft > 0 && ttft <= now);
	pilot_slo.first_token(w->inner, t, now, ttft);
}

static void
w_progress(void *self, struct ticket t, usec now, unsigned tokens, usec span)
{
	struct watched *w = self;

	at(w, now);
	assert_true(tokens > 0 && span > 0);
	pilot_slo.progress(w->inner, t, now, tokens, span);
}

static void
w_finished(void *self, struct ticket t, const struct route_result *r, usec now)
{
	struct watched *w = self;

	at(w, now);
	assert_true(r->itl != 0 && r->total <= now);
	if (r->fault.kind == FAULT_NONE)
		assert_true(r->total > 0 && r->total >= r->ttft);
	pilot_slo.finished(w->inner, t, r, now);
	w->alive--;
}

static void
w_load(void *self, uint32_t backend, const struct load *load,
    const struct fault *fault, usec now)
{
	struct watched *w = self;

	at(w, now);
	assert_true(load != NULL || fault != NULL);
	pilot_slo.load(w->inner, backend, load, fault, now);
}

static void
w_tick(void *self, usec now)
{
	struct watched *w = self;

	at(w, now);
	pilot_slo.tick(w->inner, now);
}

static const struct pilot_ops pilot_watched = {
	.name = "watched",
	.create = w_create,
	.destroy = w_destroy,
	.submit = w_submit,
	.next = w_next,
	.retry = w_retry,
	.hedge = w_hedge,
	.cancel = w_cancel,
	.first_token = w_first_token,
	.progress = w_progress,
	.finished = w_finished,
	.load = w_load,
	.tick = w_tick,
};

/* --- runs --- */

static void
load(struct scenario *s, const char *name, uint64_t seed)
{
	struct scenario_options o = { .name = name, .seed = seed };
	struct errmsg why;
	struct buf notes;

	buf_init(&notes, SIZE_MAX);
	assert_int_equal(scenario_load(s, &o, &notes, &why), OK);
	assert_int_equal(notes.n, 0);
	buf_fini(&notes);
	s->traffic.duration = DURATION;
}

static void
run(struct world *w, struct scenario *s, const struct pilot_ops *pilot,
    FILE *requests)
{
	struct world_options o = {
		.pilot = pilot, .scenario = s, .requests = requests
	};
	struct errmsg why;

	assert_int_equal(world_run(w, &o, &why), OK);
}

static uint64_t
ended(const struct score *s)
{
	uint64_t n = 0;

	for (int i = 0; i < SCORE_CLASSES; i++)
		n += s->class[i].requests;
	return n;
}

/* The workload's own count of those that are scored. */
static uint64_t
asked(const struct scenario *s)
{
	struct workload w;
	struct workload_request q;
	struct errmsg why;
	uint64_t n = 0;

	assert_int_equal(workload_init(&w, &s->traffic, s->told, &why), OK);
	while (workload_next(&w, &q))
		n += !q.flood;
	workload_fini(&w);
	return n;
}

static void
nothing_is_left(struct world *w)
{
	const struct conf *c = w->scenario->told;
	const struct router *r = slo_router(watched->inner);
	struct serving_view v;

	assert_int_equal(watched->alive, 0);
	assert_int_equal(router_queue_length(r), 0);
	for (size_t i = 0; i < c->n_servings; i++) {
		assert_true(
		    router_view(r, c->servings[i].id, w->agenda.now, &v));
		assert_int_equal(v.in_flight, 0);
		assert_int_equal(v.waiting, 0);
	}
	for (size_t i = 0; i < c->n_backends; i++) {
		assert_int_equal(w->server[i].machine.n_running, 0);
		assert_int_equal(w->server[i].machine.n_waiting, 0);
		assert_int_equal(w->server[i].machine.kv_used, 0);
		assert_true(list_empty(&w->server[i].trials));
	}
}

static const char *const all[] = { "steady", "brownout", "bursts", "coldstart",
	"drift", "heavytail", "overload", "overload2", "gray-itl",
	"gray-silent", "gray-truncate", "sinkhole", "flap", "storm", "mixed",
	"return" };
#define N_ALL (sizeof(all) / sizeof(all[0]))

static void
every_request_ends_once(void **state)
{
	struct scenario s;
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	for (size_t i = 0; i < N_ALL; i++) {
		load(&s, all[i], i + 1);
		s.retry_after = i % 2 == 0;
		s.batch_whole = i % 3 == 0;
		run(w, &s, &pilot_watched, NULL);
		assert_int_equal(ended(&w->score), asked(&s));
		assert_true(watched->submits >= ended(&w->score));
		nothing_is_left(w);
		world_fini(w);
		scenario_fini(&s);
	}
	free(w);
}

static void
bytes_vary_as_told(void **state)
{
	static const double told[] = { 0, 0.25 };
	struct scenario s;
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	for (unsigned i = 0; i < 2; i++) {
		double found;

		load(&s, "steady", 1);
		s.tokens_vary = told[i];
		run(w, &s, &pilot_watched, NULL);
		found = sqrt(watched->squares / (double)watched->submits);
		/* some 600 requests, and whole bytes */
		assert_true(fabs(found - told[i]) <= 0.1 * told[i]);
		world_fini(w);
		scenario_fini(&s);
	}
	free(w);
}

static void
say(const char *name, uint64_t seed, struct buf *out)
{
	struct scenario s;
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	load(&s, name, seed);
	run(w, &s, &pilot_slo, NULL);
	world_report(w, true, out);
	assert_int_equal(buf_err(out), OK);
	world_fini(w);
	scenario_fini(&s);
	free(w);
}

static void
equal_seeds_give_equal_bytes(void **state)
{
	struct buf a, b, other;

	for (size_t i = 0; i < N_ALL; i += 3) {
		buf_init(&a, SIZE_MAX);
		buf_init(&b, SIZE_MAX);
		buf_init(&other, SIZE_MAX);
		say(all[i], 5, &a);
		say(all[i], 5, &b);
		say(all[i], 6, &other);
		assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
		assert_false(slice_eq(buf_slice(&a), buf_slice(&other)));
		buf_fini(&a);
		buf_fini(&b);
		buf_fini(&other);
	}
}

/* By the line that each request writes. No answer is faster than its machine,
 * alone and at its luckiest (noise of 7 %, five deviations). */
static void
no_effect_before_its_cause(void **state)
{
	static char *text;
	struct scenario s;
	struct world *w = malloc(sizeof(*w));
	size_t n = 0, lines = 0;
	FILE *f = open_memstream(&text, &n);
	struct slice rest, line, cell[32];

	assert_true(w != NULL && f != NULL);
	load(&s, "mixed", 3);
	run(w, &s, &pilot_slo, f);
	fclose(f);
	rest = slice_make(text, n);
	assert_true(slice_next(&rest, '\n', &line)); /* the heading */
	while (slice_next(&rest, '\n', &line) && line.n > 0) {
		double due, sent = 0, attempt = 0, total = 0, prompt = 0;
		size_t k = 0;

		while (k < 32 && slice_next(&line, ',', &cell[k]))
			k++;
		assert_int_equal(k, 26);
		lines++;
		assert_true(slice_double(cell[5], &due));
		if (!slice_is(cell[18], "whole"))
			continue;
		assert_true(slice_double(cell[6], &sent) &&
		    slice_double(cell[16], &total) &&
		    slice_double(cell[17], &attempt) &&
		    slice_double(cell[24], &prompt));
		assert_true(sent >= due && attempt > 0);
		assert_true(total >= sent - due + attempt);
		for (size_t b = 0; b < s.fleet->n_backends; b++) {
			const struct machine_facts *m = &s.truth[b].facts;

			if (slice_is(cell[7], s.fleet->backends[b].name))
				assert_true(attempt >= (double)s.truth[b].rtt -
					2 +
					0.7 *
					    (m->step + m->per_token * prompt));
		}
	}
	assert_int_equal(lines, ended(&w->score));
	free(text);
	world_fini(w);
	scenario_fini(&s);
	free(w);
}

/* Two routers meet the same requests, one by one. */
static void
traffic_does_not_depend_on_the_router(void **state)
{
	struct scenario s;
	struct world *w = malloc(sizeof(*w));
	uint64_t n[2][SCORE_CLASSES];

	assert_non_null(w);
	for (int i = 0; i < 2; i++) {
		load(&s, "storm", 4);
		run(w, &s,
		    i == 0 ? &pilot_slo : pilot_find("least-connections"),
		    NULL);
		for (int k = 0; k < SCORE_CLASSES; k++)
			n[i][k] = w->score.class[k].requests;
		world_fini(w);
		scenario_fini(&s);
	}
	assert_memory_equal(n[0], n[1], sizeof(n[0]));
	free(w);
}

/* Of three runs by a router that does not look. */
static uint64_t
met_in(const char *name)
{
	const struct pilot_ops *p = pilot_find("round-robin");
	struct world *w = malloc(sizeof(*w));
	struct scenario s;
	uint64_t met = 0;

	assert_non_null(w);
	for (uint64_t seed = 2; seed < 5; seed++) {
		load(&s, name, seed);
		s.incident[0].at = 0.1;
		s.incident[0].length = 0.8;
		run(w, &s, p, NULL);
		for (int k = 0; k < SCORE_CLASSES; k++)
			met += w->score.class[k].met;
		world_fini(w);
		scenario_fini(&s);
	}
	free(w);
	return met;
}

static void
mishaps_hurt(void **state)
{
	static const char *const names[] = { "brownout", "gray-itl",
		"gray-silent", "gray-truncate", "sinkhole" };
	uint64_t calm = met_in("steady");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(met_in(names[i]) < calm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_ends_once),
		cmocka_unit_test(bytes_vary_as_told),
		cmocka_unit_test(equal_seeds_give_equal_bytes),
		cmocka_unit_test(no_effect_before_its_cause),
		cmocka_unit_test(traffic_does_not_depend_on_the_router),
		cmocka_unit_test(mishaps_hurt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
