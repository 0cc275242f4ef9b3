/* bench/sim/bound_report.c - the bound, in the words of a run. */
#include "bench/sim/bound_report.h"

#include <inttypes.h>
#include <math.h>

#define ROUNDS 600 /* of steps; more make it tighter */
#define ROUNDING 1e-6 /* of sums; a bound is let go by as much */

static double
whole(double bound, double most)
{
	return fmin(floor(bound + ROUNDING), most);
}

/* As many as must be met for a share of them. */
static double
so_many(double share, uint64_t of)
{
	return ceil(share * (double)of - ROUNDING);
}

enum err
bound_solve(const struct relax *p, const struct bound_request *r, size_t n,
    const struct bound_terms *terms, struct bound_answer *a)
{
	static const double all[RELAX_CLASSES] = { 1, 1, 1 };
	static const struct relax_terms none = { .budget = INFINITY };
	struct relax_terms t = { .budget = terms->spend };
	double need[RELAX_CLASSES] = { 0 };
	bool reachable = true;

	*a = (struct bound_answer){ 0 };
	for (size_t i = 0; i < n; i++) {
		a->requests[r[i].class]++;
		need[r[i].class] += r[i].slo.percentile / 100;
	}
	for (unsigned k = 0; k < RELAX_CLASSES; k++) {
		double only[RELAX_CLASSES] = { 0 };

		only[k] = 1;
		need[k] = floor(need[k]);
		a->needed += need[k];
		a->met[k] = whole(
		    relax_most(p, only, &none, ROUNDS), (double)a->requests[k]);
		reachable = reachable && need[k] <= a->met[k];
		t.floor[k] = so_many(terms->floor[k], a->requests[k]);
	}
	a->met_all = whole(relax_most(p, all, &t, ROUNDS), (double)n);
	a->cost = reachable ? relax_least(p, need, ROUNDS) : INFINITY;
	return isnan(a->met_all) || isnan(a->cost) ? ERR_MEMORY : OK;
}

/* NAN: null. */
static double
share(double part, double of)
{
	return of > 0 ? part / of : NAN;
}

static double
cost_per_met(const struct bound_answer *a)
{
	return share(a->cost, a->needed);
}

static void
add(struct buf *b, const char *name, double value)
{
	if (isfinite(value))
		buf_addf(b, "\"%s\":%.9g,", name, value);
	else
		buf_addf(b, "\"%s\":null,", name);
}

static void
add_class(struct buf *b, const struct bound_answer *a, unsigned k)
{
	static const char *const spans[] = { "ttft_ms", "itl_ms", "total_ms" };
	double n = (double)a->requests[k];

	buf_addf(b, "%s\"%s\":{\"requests\":%" PRIu64 ",", k > 0 ? "," : "",
	    priority_name((enum priority)k), a->requests[k]);
	add(b, "met", a->met[k]);
	buf_add_str(b, "\"shed\":null,\"failed\":null,\"cancelled\":null,");
	add(b, "attainment", share(a->met[k], n));
	buf_add_str(b, "\"cost_per_met\":null");
	for (unsigned i = 0; i < 3; i++)
		buf_addf(b, ",\"%s\":{\"p50\":null,\"p95\":null,\"p99\":null}",
		    spans[i]);
	buf_add_str(b, ",\"foreseen\":null,\"happened\":null}");
}

static void
add_floors(struct buf *b, const struct bound_terms *t)
{
	const char *between = "";

	buf_add_str(b, "\"floors\":{");
	for (unsigned k = 0; k < RELAX_CLASSES; k++) {
		if (t->floor[k] <= 0)
			continue;
		buf_addf(b, "%s\"%s\":%.9g", between,
		    priority_name((enum priority)k), t->floor[k]);
		between = ",";
	}
	buf_add_str(b, "},");
}

void
bound_json(
    const struct bound_answer *a, const struct bound_run *run, struct buf *b)
{
	uint64_t n = a->requests[0] + a->requests[1] + a->requests[2];

	buf_add_str(b, "{\"scenario\":");
	buf_add_json(b, slice_of(run->scenario));
	buf_addf(b,
	    ",\"router\":\"bound\",\"seed\":%" PRIu64 ",\"requests\":%" PRIu64
	    ",\"classes\":{",
	    run->seed, n);
	for (unsigned k = 0; k < RELAX_CLASSES; k++)
		add_class(b, a, k);
	buf_add_str(b, "},");
	add(b, "cost_per_met", cost_per_met(a));
	add(b, "goodput_rps", share(a->met_all, run->seconds));
	buf_add_str(b,
	    "\"hedges\":null,\"probes\":null,\"decisions\":null,"
	    "\"detect_s\":null,");
	add(b, "spend", run->terms.spend);
	add_floors(b, &run->terms);
	if (isfinite(a->met_all))
		buf_addf(b, "\"met\":%.0f}\n", a->met_all);
	else
		buf_add_str(b, "\"met\":null}\n");
}

static void
row(struct buf *b, const char *class, double met, uint64_t of)
{
	buf_addf(b, "%-10s %8" PRIu64, class, of);
	if (of > 0)
		buf_addf(b, " %8.2f  at most, alone\n",
		    100 * share(met, (double)of));
	else
		buf_addf(b, " %8s\n", "-");
}

static void
table_of_all(const struct bound_answer *a, const struct bound_terms *t,
    uint64_t n, struct buf *b)
{
	if (n == 0)
		buf_addf(b, "%-10s %8" PRIu64 " %8s", "all", n, "-");
	else if (isfinite(a->met_all))
		buf_addf(b, "%-10s %8" PRIu64 " %8.2f  at most", "all", n,
		    100 * share(a->met_all, (double)n));
	else
		buf_addf(
		    b, "%-10s %8" PRIu64 " %8s  nobody can", "all", n, "-");
	if (isfinite(t->spend))
		buf_addf(b, ", for %.4g USD", t->spend);
	for (unsigned k = 0; k < RELAX_CLASSES; k++)
		if (t->floor[k] > 0)
			buf_addf(b, ", %s at least %.2f",
			    priority_name((enum priority)k), 100 * t->floor[k]);
}

void
bound_table(
    const struct bound_answer *a, const struct bound_run *run, struct buf *b)
{
	uint64_t n = a->requests[0] + a->requests[1] + a->requests[2];

	buf_addf(b, "%s, bound, seed %" PRIu64 "\n\n%-10s %8s %8s\n",
	    run->scenario, run->seed, "", "requests", "met %");
	for (unsigned k = 0; k < RELAX_CLASSES; k++)
		row(b, priority_name((enum priority)k), a->met[k],
		    a->requests[k]);
	table_of_all(a, &run->terms, n, b);
	if (n == 0)
		buf_add_str(b, "\n");
	else if (isfinite(a->cost))
		buf_addf(b,
		    "\n\ncost/met %.3g at least, where every class has its "
		    "percentile\n",
		    cost_per_met(a));
	else
		buf_add_str(b, "\n\nnot every class can have its percentile\n");
}
