/* bench/sim/server.c - a backend as the gateway meets it: its machine, its
 * rate limit, its health, and what its probes tell. */
#include <math.h>
#include <stdlib.h>

#include "backends/backend.h"
#include "bench/sim/world.h"

#define STREAM_MACHINE 2000
#define STREAM_CUT 3000
#define PROBE_STALE (50 * USEC_MS)
#define PROBE_LOADING (200 * USEC_MS)
#define PROBE_HOSTED_FACTOR 12 /* as the gateway asks them */

static struct trial *
trial_of(struct sequence *s)
{
	return CONTAINER_OF(s, struct trial, sequence);
}

static void
on_first_token(struct sequence *s, usec now)
{
	struct trial *t = trial_of(s);

	if (t->errand->facts.stream)
		agenda_set(&t->errand->world->agenda, &t->head, RANK_TRIAL,
		    now + trial_half_way(t));
}

static void
on_finished(struct sequence *s, usec now)
{
	struct trial *t = trial_of(s);

	t->produced = s->output;
	t->ended = true;
	agenda_set(&t->errand->world->agenda, &t->tail, RANK_TRIAL,
	    now + trial_half_way(t));
}

/* --- what a request meets --- */

static void
refill(struct server *s, usec now)
{
	s->tokens += (double)(now - s->tokens_at) / 1e6 * s->truth->rate;
	s->tokens = fmin(s->tokens, s->truth->burst);
	s->tokens_at = now;
}

static void
tell_limits(const struct server *s, struct load *limits)
{
	limits->has = LOAD_LIMIT_REQUESTS;
	limits->left_requests = floor(s->tokens);
	limits->reset_requests =
	    (usec)((s->truth->burst - s->tokens) / s->truth->rate * 1e6);
}

struct fault
server_accept(struct server *s, usec now, struct load *limits)
{
	struct fault f = { .kind = FAULT_NONE };

	limits->has = 0;
	if (s->down > 0)
		return (struct fault){ .kind = FAULT_REFUSED };
	if (s->sinkhole > 0)
		return (
		    struct fault){ .kind = FAULT_BAD_ANSWER, .status = 200 };
	if (s->silent > 0)
		return f;
	if (now < s->warm_at)
		return (struct fault){ .kind = FAULT_LOADING, .status = 503 };
	if (s->truth->rate <= 0)
		return f;
	refill(s, now);
	if (s->tokens < 1) {
		f = (struct fault){ .kind = FAULT_RATE_LIMITED,
			.status = 429,
			.retry_after =
			    (usec)((1 - s->tokens) / s->truth->rate * 1e6) };
	} else {
		s->tokens -= 1;
	}
	tell_limits(s, limits);
	return f;
}

void
server_pace(struct server *s, usec now)
{
	const struct world *w = s->world;
	double slow = 1, gray = 1;

	for (size_t i = 0; i < w->scenario->n_incidents; i++) {
		const struct mishap *m = &w->mishap[i];

		if (!m->on || &w->server[m->what->where] != s)
			continue;
		if (m->what->kind == INCIDENT_SLOW)
			slow *= m->what->factor;
		else if (m->what->kind == INCIDENT_DRIFT)
			slow *= fmin(m->what->factor, pow(1.1, m->turns));
		else if (m->what->kind == INCIDENT_GRAY)
			gray *= m->what->factor;
	}
	machine_pace(&s->machine, slow, gray, now);
	machine_freeze(&s->machine, s->silent > 0, now);
}

void
server_flush(struct server *s, usec now)
{
	struct list *l, *next;

	for (l = s->trials.next; l != &s->trials; l = next) {
		next = l->next;
		trial_reset(CONTAINER_OF(l, struct trial, link), now);
	}
}

/* --- probes --- */

static void
sample(struct server *s, usec now)
{
	const struct machine *m = &s->machine;

	s->health = (struct fault){ .kind = FAULT_NONE };
	if (s->down > 0)
		s->health.kind = FAULT_REFUSED;
	else if (now < s->warm_at)
		s->health =
		    (struct fault){ .kind = FAULT_LOADING, .status = 503 };
	s->load = (struct load){ 0 };
	if (!s->tells_load)
		return;
	s->load.has = LOAD_RUNNING | LOAD_WAITING | LOAD_CACHE_USE;
	s->load.running = m->n_running;
	s->load.waiting = m->n_waiting;
	s->load.cache_use = (double)m->kv_used / (double)m->facts.kv;
}

static void
tell(struct server *s, usec now)
{
	struct world *w = s->world;

	w->pilot->load(w->self, s->conf->id, NULL, &s->health, now);
	if (s->health.kind == FAULT_NONE && s->load.has != 0)
		w->pilot->load(w->self, s->conf->id, &s->load, NULL, now);
}

/* First it is asked; what it says is old when it comes. */
static void
on_probe(void *arg, usec now)
{
	struct server *s = arg;
	usec pause = s->conf->probe_interval;

	s->probe_sampled = !s->probe_sampled;
	if (s->probe_sampled) {
		sample(s, now);
		agenda_set(&s->world->agenda, &s->probe, RANK_TICK,
		    now +
			(s->truth->rtt > PROBE_STALE ? s->truth->rtt
						     : PROBE_STALE));
		return;
	}
	tell(s, now);
	if (s->health.kind == FAULT_LOADING)
		pause = PROBE_LOADING;
	else if (s->hosted)
		pause *= PROBE_HOSTED_FACTOR;
	agenda_set(&s->world->agenda, &s->probe, RANK_TICK, now + pause);
}

/* --- all of them --- */

static uint64_t
seed_of(uint64_t seed, uint64_t stream)
{
	struct rng r;
	uint64_t high;

	rng_init(&r, seed, stream);
	high = rng_u32(&r);
	return high << 32 | rng_u32(&r);
}

uint64_t
server_machine_seed(uint64_t seed, size_t i)
{
	return seed_of(seed, STREAM_MACHINE + i);
}

static void
server_init(struct world *w, size_t i)
{
	const struct scenario *sc = w->scenario;
	struct server *s = &w->server[i];
	const struct backend_ops *ops;

	s->world = w;
	s->conf = &sc->fleet->backends[i];
	s->truth = &sc->truth[i];
	list_init(&s->trials);
	machine_init(&s->machine, &s->truth->facts, &w->agenda,
	    server_machine_seed(sc->seed, i));
	s->machine.first_token = on_first_token;
	s->machine.finished = on_finished;
	rng_init(&s->cut, sc->seed, STREAM_CUT + i);
	s->warm_at = s->truth->starts_cold ? s->truth->cold : 0;
	s->tokens = s->truth->burst;
	ops = backend_find(slice_of(s->conf->adapter));
	s->hosted = ops->always_warm;
	s->tells_load = ops->load_path != NULL;
	s->probe = (struct moment){ .run = on_probe, .arg = s };
}

enum err
servers_init(struct world *w)
{
	const struct conf *c = w->scenario->fleet;
	uint32_t most = 0;

	for (size_t i = 0; i < c->n_servings; i++)
		if (c->servings[i].id > most)
			most = c->servings[i].id;
	w->n_serving_ids = most + 1;
	w->server = calloc(c->n_backends, sizeof(*w->server));
	w->server_of = calloc(w->n_serving_ids, sizeof(struct server *));
	if (w->server == NULL || w->server_of == NULL)
		return fail(w->why, ERR_MEMORY, "out of memory");
	for (size_t i = 0; i < c->n_backends; i++)
		server_init(w, i);
	for (size_t i = 0; i < c->n_servings; i++)
		w->server_of[c->servings[i].id] =
		    &w->server[c->servings[i].backend - c->backends];
	return OK;
}

void
servers_start(struct world *w)
{
	for (size_t i = 0; i < w->scenario->fleet->n_backends; i++)
		if (w->server[i].conf->probe_interval > 0)
			agenda_set(&w->agenda, &w->server[i].probe, RANK_TICK,
			    (usec)i * 7 * USEC_MS);
}
