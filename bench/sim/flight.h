/* bench/sim/flight.h - for tests of the routers that we are compared with: one
 * of them over a fleet, and requests that it sends somewhere. */
#ifndef BENCH_SIM_FLIGHT_H
#define BENCH_SIM_FLIGHT_H

#include "router/testing.h"

#include "bench/sim/baseline.h"

extern const struct pilot_ops pilot_class_pinned, pilot_round_robin,
    pilot_least_connections, pilot_p2c_ewma, pilot_litellm_latency,
    pilot_openrouter, pilot_static_priority;

#define THREE(a, b, c)                                                         \
	CONF(BACKEND("a", PRICE(1, 1) a) ", " BACKEND(                         \
		 "b", PRICE(2, 2) b) ", " BACKEND("c", PRICE(4, 4) c),         \
	    SERVING("a", "") ", " SERVING("b", "") ", " SERVING("c", ""))

struct flight {
	struct fixture files;
	const struct pilot_ops *ops;
	void *pilot;
	usec now;
};

static inline void
flight_init(struct flight *f, const struct pilot_ops *ops, const char *text,
    const char *table)
{
	struct pilot_setup setup = { .seed = 7, .pinned_table = table };
	struct errmsg why = { "" };

	fixture_init(&f->files);
	fixture_load(&f->files, text, NULL);
	if (f->files.rc != OK)
		print_message("%s", f->files.text);
	assert_int_equal(f->files.rc, OK);
	setup.conf = f->files.conf;
	f->ops = ops;
	f->now = 1000 * USEC_SEC;
	f->pilot = ops->create(&setup, &why);
	if (f->pilot == NULL)
		print_message("%s\n", why.text);
	assert_non_null(f->pilot);
}

static inline void
flight_fini(struct flight *f)
{
	f->ops->destroy(f->pilot);
	fixture_fini(&f->files);
}

static inline struct ask
asked(const struct flight *f, enum priority priority)
{
	struct ask a = {
		.facts = { .dialect = DIALECT_CHAT,
		    .stream = true,
		    .needs = CAP_CHAT,
		    .prompt_bytes = 3999 },
		.req = { .model = &f->files.conf->models[0],
		    .slo = *f->files.conf->default_slo,
		    .arrived = f->now,
		    .deadline = f->now + 60 * USEC_SEC },
	};

	a.req.slo.priority = priority;
	return a;
}

static inline const char *
went(const struct flight *f, const struct ask *a)
{
	if (a->plan.kind == PLAN_WAIT)
		return "wait";
	if (a->plan.kind == PLAN_NO)
		return plan_reason_name(a->plan.reason);
	return conf_find_serving(f->files.conf, a->plan.serving)->backend->name;
}

static inline const char *
submit(struct flight *f, struct ask *a)
{
	a->req.facts = &a->facts;
	a->req.owner = a;
	f->ops->submit(f->pilot, &a->req, f->now, &a->ticket, &a->plan);
	return went(f, a);
}

static inline const char *
fails(struct flight *f, struct ask *a, enum fault_kind kind, usec after)
{
	struct fault fault = { .kind = kind, .retry_after = after };

	f->ops->retry(f->pilot, a->ticket, &fault, f->now, &a->plan);
	return went(f, a);
}

static inline void
finish(struct flight *f, struct ask *a, usec ttft, usec itl, unsigned tokens)
{
	struct route_result r = { .ttft = ttft,
		.itl = itl,
		.total = ttft + itl * ((usec)tokens - 1),
		.usage = { .known = true, .input = 1000, .output = tokens } };

	f->ops->first_token(f->pilot, a->ticket, f->now, ttft);
	f->now += r.total;
	f->ops->finished(f->pilot, a->ticket, &r, f->now);
}

/* Who may go now; NULL: nobody. */
static inline struct ask *
next(struct flight *f)
{
	struct ticket t;
	struct plan plan;
	void *owner;
	struct ask *a;

	if (!f->ops->next(f->pilot, f->now, &owner, &t, &plan))
		return NULL;
	a = owner;
	a->ticket = t;
	a->plan = plan;
	return a;
}

#define assert_submit(f, a, where) assert_string_equal(submit(f, a), where)

/* One whole answer; where it came from. */
static inline const char *
exchange(struct flight *f, usec ttft, usec itl, unsigned tokens)
{
	struct ask a = asked(f, PRIORITY_STANDARD);
	const char *where = submit(f, &a);

	assert_int_equal(a.plan.kind, PLAN_GO);
	finish(f, &a, ttft, itl, tokens);
	return where;
}

#endif
