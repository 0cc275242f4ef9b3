/* router/property_change_test.c - what holds while configurations change.
 *
 * Requests come, wait, are hedged, fail and end, each under the snapshot that
 * it began with; meanwhile backends, servings and tenants come, go, move and
 * get other slots, operators drain, the router asks on its own account, and the
 * clocks of the callers differ a little. Throughout: every place is some
 * attempt's; nobody is sent to what is gone or drained, nor waits beyond his
 * deadline; the queue keeps its bounds. In the end every place is free. */
#include "router/testing.h"

#include "gateway/lib/buf.h"
#include "gateway/lib/list.h"
#include "gateway/lib/rng.h"

#define STEPS 12000
#define LIVE 150
#define NAMES 7 /* of backends, of tenants */
#define KEY "000000000000000000000000000000000000000000000000000000000000000"
#define SKEW 20 /* ms by which one thread's clock is behind another's */

enum life { UNUSED, WAITING, AT_WORK };

struct attempt {
	struct ticket ticket;
	uint32_t serving;
	bool spoke;
};

struct actor {
	struct ask ask;
	struct conf *conf; /* its snapshot */
	enum life life;
	struct attempt at[2]; /* the second is a hedge */
	unsigned n;
};

struct world {
	struct rig g;
	struct rng rng;
	struct actor actors[LIVE];
	struct ask probe;
	struct conf *probing; /* its snapshot; NULL: there is none */
	unsigned begun, ended, hedged, reloads;
};

static unsigned
below(struct world *w, unsigned n)
{
	return rng_below(&w->rng, n);
}

static bool
dice(struct world *w, unsigned in)
{
	return below(w, in) == 0;
}

/* As some thread has it. */
static usec
now(struct world *w)
{
	return w->g.now - below(w, SKEW) * USEC_MS;
}

/* --- configurations --- */

static unsigned
some_backends(struct world *w, struct buf *b)
{
	unsigned there = 0;

	buf_addf(b, "backends = ( ");
	for (unsigned i = 0; i < NAMES; i++) {
		if (i > 0 && dice(w, 3))
			continue;
		buf_addf(b,
		    "%s{ name = \"b%u\"; adapter = \"vllm\"; "
		    "url = \"http://host%u/v1\"; price = { input = %u; "
		    "output = 2; }; %s }",
		    there != 0 ? ", " : "", i, below(w, 8) / 7, 1 + below(w, 9),
		    dice(w, 3)       ? ""
			: dice(w, 2) ? "slots = 2;"
				     : "slots = 5;");
		there |= 1u << i;
	}
	buf_addf(b, " );\n");
	return there;
}

static void
some_servings(struct world *w, unsigned there, const char *model, struct buf *b)
{
	buf_addf(b, "{ name = \"%s\"; serve = ( { backend = \"b0\"; }", model);
	for (unsigned i = 1; i < NAMES; i++)
		if ((there >> i & 1) != 0 && !dice(w, 3))
			buf_addf(b,
			    ", { backend = \"b%u\"; model = \"x%u\"; %s }", i,
			    below(w, 3), dice(w, 6) ? "fallback = true;" : "");
	buf_addf(b, " ); }");
}

static char *
city(struct world *w)
{
	unsigned there, first = below(w, NAMES);
	struct buf b;

	buf_init(&b, 1 << 16);
	there = some_backends(w, &b);
	buf_addf(&b, "models = ( ");
	some_servings(w, there, "m", &b);
	buf_addf(&b, ", ");
	some_servings(w, there, dice(w, 4) ? "k" : "n", &b);
	buf_addf(&b, " );\ntenants = ( ");
	for (unsigned i = first; i <= NAMES; i++)
		buf_addf(&b,
		    "%s{ name = \"t%u\"; keys = [ \"sha256:" KEY "%u\" ]; }",
		    i > first ? ", " : "", i + 10 * below(w, 2), i);
	buf_addf(&b,
	    " );\nqueue_limit = %u;\n"
	    "slo = ( { name = \"chat\"; ttft = \"400ms\"; } );\n"
	    "default_slo = \"chat\";\n",
	    5 + below(w, 40));
	return buf_take(&b, NULL);
}

static void
reload(struct world *w)
{
	char *text = city(w);
	struct conf *old = rig_reload(&w->g, text);

	conf_unref(&old);
	free(text);
	w->reloads++;
}

/* --- requests --- */

static void
end(struct world *w, struct actor *x)
{
	conf_unref(&x->conf);
	x->life = UNUSED;
	w->ended++;
}

static void
check_place(struct world *w, const struct actor *x, uint32_t serving)
{
	const struct conf_serving *s = conf_find_serving(w->g.conf, serving);
	struct serving_view v;

	assert_non_null(conf_find_serving(x->conf, serving));
	assert_non_null(s);
	assert_true(router_view(w->g.router, serving, w->g.now, &v));
	assert_true(v.in_flight > 0);
	assert_false(v.site.drained);
}

static void
hear(struct world *w, struct actor *x, const struct plan *p)
{
	switch (p->kind) {
	case PLAN_GO:
		x->life = AT_WORK;
		x->n = 1;
		x->at[0] = (struct attempt){ x->ask.ticket, p->serving, false };
		check_place(w, x, p->serving);
		break;
	case PLAN_WAIT:
		x->life = WAITING;
		break;
	case PLAN_NO:
		end(w, x);
		break;
	}
}

static void
begin(struct world *w, struct actor *x)
{
	struct conf *c = w->g.conf;

	*x = (struct actor){ .ask = ask_for(&w->g), .conf = conf_ref(c) };
	x->ask.req.model = &c->models[below(w, (unsigned)c->n_models)];
	x->ask.req.tenant = &c->tenants[below(w, (unsigned)c->n_tenants)];
	x->ask.req.worker = below(w, 2);
	x->ask.req.slo.priority = (enum priority)below(w, 3);
	x->ask.req.deadline = w->g.now + 1 + below(w, 20000) * USEC_MS;
	x->ask.facts.prompt_bytes = below(w, 9000);
	w->begun++;
	ask_submit(&w->g, &x->ask);
	hear(w, x, &x->ask.plan);
}

/* One of its attempts is over; of two the other goes on. */
static void
drop(struct actor *x, unsigned i)
{
	x->at[i] = x->at[x->n - 1];
	x->n--;
}

static void
fail_now(struct world *w, struct actor *x)
{
	struct fault f = { .kind = (enum fault_kind)(
			       FAULT_REFUSED + below(w, FAULT_CLIENT_GONE - 1)),
		.retry_after = dice(w, 3) ? USEC_NEVER / 2 : 0 };
	unsigned i = below(w, x->n);
	struct plan p;

	router_retry(w->g.router, x->at[i].ticket, &f, now(w), &p);
	if (x->n == 2) {
		assert_int_equal(p.kind, PLAN_NO);
		assert_int_equal(p.reason, REASON_TWIN);
		drop(x, i);
		return;
	}
	x->ask.ticket = x->at[0].ticket;
	hear(w, x, &p);
}

static void
hedge(struct world *w, struct actor *x)
{
	struct ticket second;
	struct plan p;

	if (x->n == 2)
		return;
	router_hedge(w->g.router, x->at[0].ticket, now(w), &second, &p);
	assert_int_not_equal(p.kind, PLAN_WAIT);
	if (p.kind != PLAN_GO)
		return;
	assert_false(x->at[0].spoke);
	x->at[x->n++] = (struct attempt){ second, p.serving, false };
	check_place(w, x, p.serving);
	w->hedged++;
}

static void
cancel(struct world *w, struct actor *x)
{
	if (x->life == WAITING)
		router_cancel(w->g.router, x->ask.ticket, now(w));
	for (unsigned i = 0; x->life == AT_WORK && i < x->n; i++)
		router_cancel(w->g.router, x->at[i].ticket, now(w));
	end(w, x);
}

/* Whoever speaks first is the only one from then on. */
static void
speak(struct world *w, struct actor *x)
{
	unsigned i = below(w, x->n);

	router_first_token(
	    w->g.router, x->at[i].ticket, now(w), below(w, 900) * USEC_MS);
	x->at[i].spoke = true;
	if (x->n == 2) {
		router_cancel(w->g.router, x->at[!i].ticket, now(w));
		drop(x, !i);
	}
	router_progress(w->g.router, x->at[0].ticket, now(w), 3, 40 * USEC_MS);
}

static void
finish(struct world *w, struct actor *x)
{
	struct route_result r = { .ttft = 1000,
		.itl = 10,
		.total = 2000,
		.usage = { .known = true, .input = 99, .output = 7 },
		.said = true };

	if (!x->at[0].spoke)
		speak(w, x);
	if (dice(w, 9))
		r.fault.kind = FAULT_RESET;
	router_finished(w->g.router, x->at[0].ticket, &r, now(w));
	/* stale by now: nobody is harmed */
	router_finished(w->g.router, x->at[0].ticket, &r, now(w));
	router_cancel(w->g.router, x->at[0].ticket, now(w));
	end(w, x);
}

static void
act(struct world *w, struct actor *x)
{
	static void (*const acts[])(struct world *, struct actor *) = {
		fail_now, hedge, hedge, cancel, speak, finish, finish, finish
	};

	if (x->life == UNUSED)
		begin(w, x);
	else if (x->life == AT_WORK)
		acts[below(w, COUNT(acts))](w, x);
	else if (dice(w, 10))
		cancel(w, x);
}

static void
fetch(struct world *w)
{
	uint64_t owed = 3;
	struct ask *a;

	/* that one finds its place gone may send another away */
	for (unsigned k = 0; owed != 0; k = !k) {
		owed &= ~(UINT64_C(1) << k);
		while ((a = rig_next(&w->g, k)) != NULL) {
			struct actor *x = CONTAINER_OF(a, struct actor, ask);

			assert_int_equal(x->life, WAITING);
			hear(w, x, &a->plan);
		}
		owed |= router_owed(w->g.router);
	}
}

/* --- what else there is --- */

static void
ask_ourselves(struct world *w)
{
	struct route_result r = { .ttft = 900, .itl = 10, .total = 2000 };

	if (w->probing != NULL)
		router_finished(w->g.router, w->probe.ticket, &r, now(w));
	conf_unref(&w->probing);
	if (router_probe(w->g.router, now(w), &w->probe.req, &w->probe.ticket,
		&w->probe.plan))
		w->probing = conf_ref(w->g.conf);
}

static void
hear_of(struct world *w, uint32_t backend)
{
	static const enum fault_kind kinds[] = { FAULT_NONE, FAULT_NONE,
		FAULT_LOADING, FAULT_REFUSED };
	struct fault f = { .kind = kinds[below(w, COUNT(kinds))] };
	struct load load = { .has = below(w, 256),
		.running = below(w, 8),
		.slots = below(w, 6),
		.warm = !dice(w, 4),
		.left_requests = below(w, 30),
		.reset_requests = dice(w, 2) ? 0 : below(w, 90) * USEC_SEC };

	router_load(w->g.router, backend, &load, &f, now(w));
	router_limits(w->g.router, below(w, w->g.conf->next_serving_id + 1),
	    &load, now(w));
}

static void
happen(struct world *w)
{
	const struct conf *c = w->g.conf;
	const struct conf_backend *b =
	    &c->backends[below(w, (unsigned)c->n_backends)];
	struct restraint r = { .drained = dice(w, 4),
		.withheld = dice(w, 4) ? 0.5 : 0 };

	switch (below(w, 8)) {
	case 0:
		reload(w);
		break;
	case 1:
		router_restrain(w->g.router, b->id, 0, &r, now(w));
		break;
	case 2:
		ask_ourselves(w);
		break;
	case 3:
		hear_of(w, b->id);
		break;
	case 4:
		rig_pass(&w->g,
		    dice(w, 50) ? 3600 * USEC_SEC : below(w, 900) * USEC_MS);
		break;
	default:
		rig_tick(&w->g);
		fetch(w);
		break;
	}
}

/* Of every serving that there ever was. */
static unsigned
places(struct world *w)
{
	struct serving_view v;
	unsigned n = 0;

	for (uint32_t id = 0; id < w->g.conf->next_serving_id; id++)
		if (router_view(w->g.router, id, w->g.now, &v))
			n += v.in_flight;
	return n;
}

static void
check(struct world *w)
{
	unsigned attempts = w->probing != NULL, waiting = 0;

	fetch(w);
	for (unsigned i = 0; i < LIVE; i++) {
		const struct actor *x = &w->actors[i];

		attempts += x->life == AT_WORK ? x->n : 0;
		waiting += x->life == WAITING;
	}
	assert_int_equal(places(w), attempts);
	assert_int_equal(router_queue_length(w->g.router), waiting);
}

/* Whose time is up is told so by one of the next ticks. */
static void
nobody_is_late(struct world *w)
{
	unsigned late = 1;

	for (unsigned i = 0; late > 0; i++) {
		assert_true(i < 20);
		rig_tick(&w->g);
		fetch(w);
		late = 0;
		for (unsigned k = 0; k < LIVE; k++)
			late += w->actors[k].life == WAITING &&
			    w->actors[k].ask.req.deadline <= w->g.now;
		rig_pass(&w->g, 100 * USEC_MS);
	}
}

static void
wind_up(struct world *w)
{
	for (unsigned i = 0; i < LIVE; i++)
		if (w->actors[i].life != UNUSED)
			cancel(w, &w->actors[i]);
	if (w->probing != NULL)
		router_cancel(w->g.router, w->probe.ticket, w->g.now);
	conf_unref(&w->probing);
	check(w);
	assert_int_equal(places(w), 0);
	assert_int_equal(w->begun, w->ended);
}

static void
places_are_kept_count_of_whatever_changes(void **state)
{
	struct world *w = malloc(sizeof(*w));
	unsigned hedged = 0;

	assert_non_null(w);
	for (uint64_t seed = 1; seed <= 4; seed++) {
		char *text;

		memset(w, 0, sizeof(*w));
		rng_init(&w->rng, seed, 5);
		text = city(w);
		rig_init(&w->g, text);
		free(text);
		for (unsigned i = 0; i < STEPS; i++) {
			act(w, &w->actors[below(w, LIVE)]);
			if (dice(w, 8))
				happen(w);
			if (i % 16 == 0)
				check(w);
			if (i % 256 == 0)
				nobody_is_late(w);
		}
		wind_up(w);
		hedged += w->hedged;
		assert_true(w->reloads > STEPS / 100 && w->begun > STEPS / 10);
		rig_fini(&w->g);
	}
	print_message("%u hedges\n", hedged);
	assert_true(hedged > 100);
	free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_kept_count_of_whatever_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
