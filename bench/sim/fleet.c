/* bench/sim/fleet.c - a scenario's fleet: the truth, and what is told of it. */
#include "bench/sim/fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/lib/count.h"

#define STREAM_TOLD 1000 /* of the seed, one per backend */
#define NOISE 0.07
#define CHUNK 512
#define KV_PER_SLOT 8192 /* tokens */

/* The snapshot is not shared yet. */
#define UNCONST(p) ((void *)(uintptr_t)(p))

static const struct usual {
	const char *hardware;
	usec rtt;
	double step, per_sequence, per_token;
	unsigned slots;
} usual[] = {
	{ "wafer", 40 * USEC_MS, 600, 10, 4, 64 },
	{ "lpu", 40 * USEC_MS, 1500, 20, 15, 64 },
	{ "cpu", USEC_MS, 25000, 2000, 600, 8 },
	{ "gpu", 15 * USEC_MS, 7000, 150, 40, 48 }, /* and any other */
};

static enum err
load(const char *path, struct conf **out, struct errmsg *why)
{
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct complaints c;
	enum err rc;

	complaints_init(&c);
	rc = conf_load(path, &env, NULL, out, &c);
	if (rc != OK)
		fail(
		    why, rc, "%.*s", SLICE_ARG(slice_trim(buf_slice(&c.text))));
	complaints_fini(&c);
	return rc;
}

static void
fill(struct backend_truth *t, const struct conf_backend *b)
{
	const struct conf_profile *p = &b->profile;
	const struct usual *u = usual;

	while (u < usual + COUNT(usual) - 1 &&
	    strcmp(u->hardware, b->hardware) != 0)
		u++;
	*t = (struct backend_truth){
		.rtt = p->rtt > 0 ? p->rtt : u->rtt,
		.facts = {
		    .step = p->step > 0 ? (double)p->step : u->step,
		    .per_sequence = p->per_sequence > 0
			? (double)p->per_sequence
			: u->per_sequence,
		    .per_token = p->per_token > 0 ? p->per_token
						  : u->per_token,
		    .slots = b->slots > 0 ? b->slots : u->slots,
		    .chunk = CHUNK,
		    .noise = NOISE,
		},
	};
	t->facts.kv = (uint64_t)t->facts.slots * KV_PER_SLOT;
}

/* A what-if asks about all of the fleet, keys or not. */
static void
turn_on(struct conf *c)
{
	struct conf_backend *b = UNCONST(c->backends);

	for (size_t i = 0; i < c->n_backends; i++)
		b[i].off = NULL;
}

enum err
fleet_load(struct scenario *s, struct errmsg *why)
{
	enum err rc = load(s->fleet_path, &s->fleet, why);

	if (rc == OK)
		rc = load(s->fleet_path, &s->told, why);
	if (rc != OK)
		return rc;
	if (s->fleet->n_backends == 0 || s->fleet->n_models == 0)
		return fail(why, ERR_INVALID, "%s: want a backend and a model",
		    s->fleet_path);
	turn_on(s->fleet);
	turn_on(s->told);
	s->truth = calloc(s->fleet->n_backends, sizeof(*s->truth));
	if (s->truth == NULL)
		return fail(why, ERR_MEMORY, "out of memory");
	for (size_t i = 0; i < s->fleet->n_backends; i++)
		fill(&s->truth[i], &s->fleet->backends[i]);
	return OK;
}

/* Half to twice the truth, even on a logarithmic scale. */
static double
off(uint64_t seed, size_t i)
{
	struct rng r;

	rng_init(&r, seed, STREAM_TOLD + i);
	return exp2(2 * rng_unit(&r) - 1);
}

static void
tell(struct conf_profile *p, const struct backend_truth *t, double off)
{
	if (t->unknown) {
		*p = (struct conf_profile){ 0 };
		return;
	}
	p->rtt = (usec)((double)t->rtt * off);
	p->step = (usec)(t->facts.step * off);
	p->per_sequence = (usec)(t->facts.per_sequence * off);
	p->per_token = t->facts.per_token * off;
}

static bool
is_measured(const struct scenario *s, size_t i)
{
	return s->speeds != NULL &&
	    speeds_know(s->fleet, s->speeds, &s->fleet->backends[i]);
}

void
fleet_settle(struct scenario *s)
{
	struct conf_backend *b = UNCONST(s->told->backends);

	for (size_t i = 0; i < s->told->n_backends; i++) {
		if (!is_measured(s, i))
			tell(&b[i].profile, &s->truth[i], off(s->seed, i));
		if (b[i].slots == 0 && !s->truth[i].unknown)
			b[i].slots = s->truth[i].facts.slots;
	}
}

void
fleet_tell(struct scenario *s)
{
	struct conf_backend *b = UNCONST(s->told->backends);

	for (size_t i = 0; i < s->told->n_backends; i++)
		if (is_measured(s, i))
			tell(&b[i].profile, &s->truth[i], 1);
}
