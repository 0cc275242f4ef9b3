/* bench/sim/bound_world.c - the bound of a scenario.
 *
 * What the world does to a request is taken at its kindest: incidents that
 * only sometimes hurt do not. */
#include "bench/sim/bound_world.h"

#include <math.h>
#include <stdlib.h>

#include "bench/sim/world.h"
#include "policies/boundaries.h"

#define SLICES_MOST 1e8 /* of noise, of all machines: 2.4 GB */
#define SPANS_MAX (4 * SCENARIO_INCIDENTS_MAX + 2)

struct made {
	const struct scenario *scenario;
	struct bound_backend *backend;
	struct bound_noise *noise;
	struct bound_span *spans; /* SPANS_MAX a backend */
	struct conf_price *price; /* by model and backend */
	struct bound_request *request;
	size_t n, cap;
	usec span; /* of the run */
};

/* --- machines --- */

static void
mishap_at(const struct incident *n, struct bound_span *s)
{
	switch (n->kind) {
	case INCIDENT_SLOW:
		s->slow *= n->factor;
		break;
	case INCIDENT_DOWN:
		s->up = false;
		s->slow = INFINITY;
		break;
	case INCIDENT_SILENT:
		s->slow = INFINITY;
		break;
	case INCIDENT_SINKHOLE:
	case INCIDENT_TRUNCATE:
		s->up = false;
		break;
	default:
		/* drifts begin at 1, flaps are up at times, and gray machines
		 * are quick while they fill */
		break;
	}
}

static struct bound_span
span_at(const struct made *m, size_t where, usec now)
{
	const struct scenario *sc = m->scenario;
	struct bound_span s = { .from = now, .slow = 1, .up = true };

	if (sc->truth[where].starts_cold && now < sc->truth[where].cold)
		s.up = false;
	for (size_t i = 0; i < sc->n_incidents; i++) {
		usec from, until;

		mishap_times(&sc->incident[i], m->span, &from, &until);
		if (sc->incident[i].where == where && now >= from &&
		    now < until)
			mishap_at(&sc->incident[i], &s);
	}
	return s;
}

static int
by_time(const void *a, const void *b)
{
	usec x = *(const usec *)a, y = *(const usec *)b;

	return (x > y) - (x < y);
}

static size_t
spans_of(const struct made *m, size_t where, struct bound_span *out)
{
	const struct scenario *sc = m->scenario;
	usec edge[SPANS_MAX] = { 0 };
	size_t n = 1, kept = 0;

	if (sc->truth[where].starts_cold)
		edge[n++] = sc->truth[where].cold;
	for (size_t i = 0; i < sc->n_incidents; i++) {
		if (sc->incident[i].where != where)
			continue;
		mishap_times(&sc->incident[i], m->span, &edge[n], &edge[n + 1]);
		n += 2;
	}
	qsort(edge, n, sizeof(edge[0]), by_time);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || edge[i] != edge[i - 1])
			out[kept++] = span_at(m, where, edge[i]);
	return kept;
}

/* Those that are accepted in silence are not counted by the rate limit. */
static bool
is_counted(const struct made *m, size_t where)
{
	for (size_t i = 0; i < m->scenario->n_incidents; i++)
		if (m->scenario->incident[i].where == where &&
		    m->scenario->incident[i].kind == INCIDENT_SILENT)
			return false;
	return true;
}

static enum err
make_backends(struct made *m, struct errmsg *why)
{
	const struct scenario *sc = m->scenario;
	const usec until = m->span + sc->fleet->deadline;
	const double most =
	    SLICES_MOST * MACHINE_NOISE_SLICE / (double)sc->fleet->n_backends;

	if ((double)until > most)
		return fail(why, ERR_LIMIT,
		    "bound: want at most %.0f hours of traffic for %zu "
		    "backends, got %.0f",
		    most / 3600e6, sc->fleet->n_backends,
		    (double)until / 3600e6);
	for (size_t i = 0; i < sc->fleet->n_backends; i++) {
		const struct backend_truth *t = &sc->truth[i];
		struct bound_span *spans = &m->spans[i * SPANS_MAX];

		m->backend[i] = (struct bound_backend){ .facts = t->facts,
			.noise = &m->noise[i],
			.rtt = 2 * (t->rtt / 2),
			.rate = is_counted(m, i) ? t->rate : 0,
			.burst = t->burst,
			.n_spans = spans_of(m, i, spans),
			.spans = spans };
		if (bound_noise_init(&m->noise[i], &m->backend[i],
			server_machine_seed(sc->seed, i), until) != OK)
			return ERR_MEMORY;
	}
	return OK;
}

/* --- requests --- */

static const struct conf_price *
prices_of(const struct made *m, const struct conf_model *model)
{
	const struct conf *c = m->scenario->fleet;

	return &m->price[(size_t)(model - c->models) * c->n_backends];
}

/* Of several servings of a model at one backend the least of each price. */
static bool
make_prices(struct made *m)
{
	const struct conf *c = m->scenario->fleet;
	struct conf_price *p;

	m->price = calloc(c->n_models * c->n_backends, sizeof(*m->price));
	if (m->price == NULL)
		return false;
	for (size_t i = 0; i < c->n_models * c->n_backends; i++)
		m->price[i] = (struct conf_price){ .input = INFINITY,
			.output = INFINITY,
			.request = INFINITY,
			.hourly = PRICE_UNKNOWN };
	for (size_t i = 0; i < c->n_servings; i++) {
		const struct conf_serving *s = &c->servings[i];

		p = &m->price[(size_t)(s->model - c->models) * c->n_backends +
		    (size_t)(s->backend - c->backends)];
		p->input = fmin(p->input, s->price.input);
		p->output = fmin(p->output, s->price.output);
		p->request = fmin(p->request, s->price.request);
	}
	return true;
}

static uint64_t
able(const struct made *m, const struct workload_request *r)
{
	const struct conf *c = m->scenario->fleet;
	uint64_t bits = 0;

	for (size_t i = 0; i < r->model->n_servings; i++) {
		const struct conf_serving *s = &r->model->servings[i];

		if (boundary_serving(r->tenant, r->slo, s))
			bits |= UINT64_C(1) << (s->backend - c->backends);
	}
	return bits;
}

static enum err
add_request(struct made *m, const struct workload_request *r)
{
	struct bound_request *more;
	struct slo slo = *r->slo;

	/* nobody sees the pace of an answer that comes in one piece */
	if (m->scenario->batch_whole && slo.priority == PRIORITY_BATCH)
		slo.itl = 0;
	if (m->n == m->cap) {
		m->cap = m->cap > 0 ? 2 * m->cap : 1024;
		more = realloc(m->request, m->cap * sizeof(*more));
		if (more == NULL)
			return ERR_MEMORY;
		m->request = more;
	}
	m->request[m->n++] = (struct bound_request){ .due = r->due,
		.prompt = r->prompt,
		.output = r->output,
		.class = r->slo->priority,
		.slo = slo,
		.deadline = m->scenario->fleet->deadline,
		.able = able(m, r),
		.price = prices_of(m, r->model) };
	return OK;
}

static enum err
make_requests(struct made *m, struct errmsg *why)
{
	struct workload w;
	struct workload_request r;
	enum err rc =
	    workload_init(&w, &m->scenario->traffic, m->scenario->fleet, why);

	if (rc != OK)
		return rc;
	m->span = workload_span(&w);
	while (rc == OK && workload_next(&w, &r))
		if (!r.flood)
			rc = add_request(m, &r);
	workload_fini(&w);
	return rc;
}

static enum err
solve(
    struct made *m, const struct bound_terms *terms, bool json, struct buf *out)
{
	struct bound_run run = { .scenario = m->scenario->name,
		.seed = m->scenario->seed,
		.seconds = (double)m->span / (double)USEC_SEC,
		.terms = *terms };
	struct bound_answer answer;
	struct relax p = { 0 };
	enum err rc = bound_build(
	    &p, m->backend, m->scenario->fleet->n_backends, m->request, m->n);

	if (rc == OK)
		rc = bound_solve(&p, m->request, m->n, terms, &answer);
	relax_fini(&p);
	if (rc == OK && json)
		bound_json(&answer, &run, out);
	else if (rc == OK)
		bound_table(&answer, &run, out);
	return rc;
}

enum err
bound_scenario(const struct scenario *s, const struct bound_terms *terms,
    bool json, struct buf *out, struct errmsg *why)
{
	size_t n = s->fleet->n_backends;
	struct made m = { .scenario = s };
	enum err rc;

	if (n > BOUND_BACKENDS)
		return fail(why, ERR_LIMIT,
		    "bound: want at most %d backends, got %zu", BOUND_BACKENDS,
		    n);
	m.backend = calloc(n, sizeof(*m.backend));
	m.noise = calloc(n, sizeof(*m.noise));
	m.spans = calloc(n * SPANS_MAX, sizeof(*m.spans));
	rc = ERR_MEMORY;
	if (m.backend == NULL || m.noise == NULL || m.spans == NULL ||
	    !make_prices(&m))
		goto out;
	rc = make_requests(&m, why);
	if (rc != OK)
		goto out;
	rc = make_backends(&m, why);
	if (rc == OK)
		rc = solve(&m, terms, json, out);
out:
	if (rc == ERR_MEMORY)
		fail(why, rc, "bound: out of memory");
	for (size_t i = 0; m.noise != NULL && i < n; i++)
		bound_noise_fini(&m.noise[i]);
	free(m.backend);
	free(m.noise);
	free(m.spans);
	free(m.price);
	free(m.request);
	return rc;
}
