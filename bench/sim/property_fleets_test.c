/* bench/sim/property_fleets_test.c - what holds of fleets that nothing was
 * tuned on: backends, prices, classes, load and mishaps drawn at random. */
#include <math.h>
#include <unistd.h>

#include "gateway/lib/count.h"
#include "gateway/lib/rng.h"

#include "bench/sim/testing.h"

#define FIRST 301 /* of seeds; 339 is one on which premium spoilt itself */
#define RUNS 40
#define BACKENDS_MOST 6
#define REQUESTS 600
#define PROMPT 4100.0 /* tokens: one in twenty is longer */
#define PROMPT_MEAN 1155.0
#define OUTPUT_MEAN 211.0

/* Shares of premium. In a single run: for what it costs to learn how fast they
 * are, and where nobody meets many; of seeds 1 to 600 the worst is 0.114. */
#define BEHIND 0.15
#define AHEAD 0.1 /* on the mean of all */
#define AHEAD_ALL 0.03 /* the same of all classes */

static const char *const rivals[] = { "least-connections", "p2c-ewma" };

/* --- a fleet --- */

struct drawn {
	const char *adapter, *hardware;
	double rtt, step, per_sequence, per_token; /* us */
	double price;
	unsigned slots;
};

static const struct drawn makes[] = {
	{ "vllm", "gpu", 15e3, 7000, 150, 40, 1, 48 },
	{ "vllm", "gpu", 15e3, 7000, 150, 40, 1, 48 },
	{ "cerebras", "wafer", 40e3, 600, 10, 4, 5, 64 },
	{ "groq", "lpu", 40e3, 1500, 20, 15, 2, 64 },
	{ "llamacpp", "cpu", 1e3, 25000, 2000, 600, 0.3, 8 },
};

/* Even on a logarithmic scale. */
static double
any_between(struct rng *r, double least, double most)
{
	return least * pow(most / least, rng_unit(r));
}

static struct drawn
any_backend(struct rng *r)
{
	static const unsigned slots[] = { 4, 8, 16, 48, 128 };
	struct drawn d = makes[rng_below(r, COUNT(makes))];
	double slower = any_between(r, 0.33, 3);

	d.rtt *= any_between(r, 0.3, 5);
	d.step *= slower * any_between(r, 0.7, 1.4);
	d.per_sequence *= slower * any_between(r, 0.5, 2);
	d.per_token *= slower * any_between(r, 0.5, 2);
	d.price *= any_between(r, 0.05, 20);
	if (rng_below(r, 2) == 0)
		d.slots = slots[rng_below(r, COUNT(slots))];
	return d;
}

/* Requests a second, about. */
static double
capacity(const struct drawn *d)
{
	double each = d->per_token * PROMPT_MEAN +
	    OUTPUT_MEAN * (d->step / (0.7 * d->slots) + d->per_sequence);

	return 1e6 / each;
}

static double
alone(const struct drawn *d)
{
	return d->rtt + d->per_token * PROMPT +
	    d->step * (ceil(PROMPT / 512) + 0.5);
}

static double
pace(const struct drawn *d, double full)
{
	return d->step + d->per_sequence * full * d->slots;
}

/* --- files --- */

static FILE *
new_file(const char *folder, const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	return f;
}

static void
write_backends(FILE *f, const struct drawn *d, unsigned n)
{
	fputs("backends = (", f);
	for (unsigned i = 0; i < n; i++)
		fprintf(f,
		    "%s { name = \"b%u\"; adapter = \"%s\"; hardware = \"%s\";"
		    " url = \"http://127.0.0.1:1/v1\"; slots = %u;"
		    " price = { input = %.4f; output = %.4f; };"
		    " profile = { rtt = \"%.0fus\"; step = \"%.0fus\";"
		    " per_sequence = \"%.0fus\"; per_token = %.2f; };"
		    " probe_interval = \"500ms\"; }",
		    i > 0 ? "," : "", i, d[i].adapter, d[i].hardware,
		    d[i].slots, d[i].price, d[i].price, d[i].rtt, d[i].step,
		    fmax(d[i].per_sequence, 1), d[i].per_token);
	fputs(" );\nmodels = ( { name = \"m\"; serve = (", f);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s { backend = \"b%u\"; }", i > 0 ? "," : "", i);
	fputs(" ); } );\ndefault_model = \"m\";\n", f);
}

/* Targets that some backend of the fleet can keep. */
static void
write_classes(FILE *f, const struct drawn *d, unsigned n, struct rng *r)
{
	static const char *const who[] = { "premium", "standard", "batch" };
	const struct drawn *p = &d[rng_below(r, n)], *s = &d[rng_below(r, n)];
	double first = alone(p) * (1.2 + 1.8 * rng_unit(r));
	unsigned classes = (unsigned[]){ 7, 7, 3, 1 }[rng_below(r, 4)];
	bool comma = false;

	fprintf(f,
	    "slo = ( { name = \"premium\"; priority = \"premium\";"
	    " ttft = \"%.0fus\"; itl = \"%.0fus\"; percentile = 99; },\n"
	    " { name = \"standard\"; priority = \"standard\";"
	    " ttft = \"%.0fus\"; itl = \"%.0fus\"; percentile = 95; },\n"
	    " { name = \"batch\"; priority = \"batch\"; total = \"%.0fus\"; }"
	    " );\ndefault_slo = \"standard\";\ntenants = (",
	    first, pace(p, 0.5) * (1.1 + 1.4 * rng_unit(r)),
	    fmax(alone(s) * (1.5 + 4 * rng_unit(r)), 2 * first),
	    pace(s, 0.8) * (1.2 + 2 * rng_unit(r)),
	    4 * (alone(s) + 600 * pace(s, 1)));
	for (unsigned i = 0; i < COUNT(who); i++) {
		if ((classes & 1u << i) == 0)
			continue;
		fprintf(f,
		    "%s { name = \"t%u\"; slo = \"%s\";"
		    " keys = [ \"sha256:%064x\" ]; }",
		    comma ? "," : "", i, who[i], i + 1);
		comma = true;
	}
	fputs(" );\n", f);
}

static void
write_traffic(FILE *f, const struct drawn *d, unsigned n, struct rng *r)
{
	double all = 0, load = any_between(r, 0.1, 2);

	for (unsigned i = 0; i < n; i++)
		all += capacity(&d[i]);
	fprintf(f,
	    "summary = \"drawn\";\nfleet = \"fleet.conf\";\n"
	    "traffic = { speed = %.6f; requests = %d; cv = %.2f; };\n",
	    load * all / 5.53, REQUESTS, any_between(r, 0.7, 2));
	if (n > 1 && rng_below(r, 2) == 0)
		fprintf(f,
		    "incidents = ( { backend = \"b%u\"; kind = \"%s\"; } );\n",
		    rng_below(r, n),
		    incident_kind_name(
			(enum incident_kind)rng_below(r, INCIDENT_KINDS)));
}

static struct play *
any_play(uint64_t seed)
{
	char folder[] = "/tmp/fleets-XXXXXX", path[64];
	struct drawn d[BACKENDS_MOST];
	struct play *p;
	struct rng r;
	unsigned n;
	FILE *f;

	rng_init(&r, seed, 98);
	n = 1 + rng_below(&r, BACKENDS_MOST);
	for (unsigned i = 0; i < n; i++)
		d[i] = any_backend(&r);
	assert_non_null(mkdtemp(folder));
	f = new_file(folder, "fleet.conf");
	fputs("workers = 1;\n", f);
	write_backends(f, d, n);
	write_classes(f, d, n, &r);
	fclose(f);
	f = new_file(folder, "drawn.conf");
	write_traffic(f, d, n, &r);
	fclose(f);
	snprintf(path, sizeof(path), "%s/drawn.conf", folder);
	p = play_load(path, seed, 0);
	unlink(path);
	snprintf(path, sizeof(path), "%s/fleet.conf", folder);
	unlink(path);
	rmdir(folder);
	return p;
}

/* --- what they get --- */

struct got {
	double asked, met; /* of premium */
	double all, all_met;
};

static struct got
got_by(const struct pilot_ops *pilot, uint64_t seed)
{
	struct play *p = any_play(seed);
	struct world_options o = { .pilot = pilot, .scenario = &p->scenario };
	struct got g = { 0 };
	struct errmsg why;

	assert_int_equal(world_run(&p->world, &o, &why), OK);
	for (int i = 0; i < SCORE_CLASSES; i++) {
		const struct score_class *c = &p->world.score.class[i];

		g.all += (double)c->requests;
		g.all_met += (double)c->met;
		if (i == PRIORITY_PREMIUM) {
			g.asked = (double)c->requests;
			g.met = (double)c->met;
		}
	}
	play_end(&p);
	assert_int_equal((int)g.all, REQUESTS); /* each once */
	return g;
}

static struct got
best_of_rivals(uint64_t seed)
{
	struct got best = { 0 };

	for (size_t i = 0; i < COUNT(rivals); i++) {
		struct got g = got_by(pilot_find(rivals[i]), seed);

		best.met = fmax(best.met, g.met);
		best.all_met = fmax(best.all_met, g.all_met);
	}
	return best;
}

/* The best of the others on each fleet is not always the same one. */
static void
nobody_is_better_on_premium(void **state)
{
	double ahead = 0, all_ahead = 0, worst = 1;

	(void)state;
	for (uint64_t seed = FIRST; seed < FIRST + RUNS; seed++) {
		struct got ours = got_by(&pilot_slo, seed);
		struct got best = best_of_rivals(seed);
		double by = (ours.met - best.met) / ours.asked;

		if (by < -BEHIND)
			print_message("seed %d: premium met %.0f of %.0f, "
				      "others up to %.0f\n",
			    (int)seed, ours.met, ours.asked, best.met);
		worst = fmin(worst, by);
		ahead += by / RUNS;
		all_ahead += (ours.all_met - best.all_met) / ours.all / RUNS;
	}
	print_message("premium met %+.3f of its requests, %+.3f at worst; "
		      "of all %+.3f\n",
	    ahead, worst, all_ahead);
	assert_true(worst >= -BEHIND);
	assert_true(ahead >= AHEAD);
	assert_true(all_ahead >= AHEAD_ALL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_better_on_premium),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
