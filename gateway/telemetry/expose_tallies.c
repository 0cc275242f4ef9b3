/* gateway/telemetry/expose_tallies.c - samples by serving: what was counted,
 * and what the router says of it now. */
#include <math.h>

#include "gateway/telemetry/scrape.h"

#define SECONDS(us) ((double)(us) / 1e6)
#define NOT_KNOWN NAN

/* --- counted --- */

/* What has never been counted has no sample. */
static void
write_if_any(struct page *p, uint64_t n, const char **values)
{
	if (n == 0)
		return;
	page_series(p, values);
	page_count(p, n);
}

static void
write_by_fault(
    struct page *p, const uint64_t counts[FAULT_COUNT], const char **values)
{
	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		values[3] = fault_rule((enum fault_kind)i)->name;
		write_if_any(p, counts[i], values);
	}
}

static void
write_by_cause(
    struct page *p, const uint64_t counts[MISS_CAUSES], const char **values)
{
	for (unsigned i = 0; i < MISS_CAUSES; i++) {
		values[3] = miss_cause_name((enum miss_cause)i);
		write_if_any(p, counts[i], values);
	}
}

static void
write_quantile(
    struct page *p, const char **values, const char *quantile, usec value)
{
	values[4] = quantile;
	page_series(p, values);
	page_value(p, SECONDS(value));
}

static void
write_latency(struct page *p, const struct tally_sum *t, const char **values)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		if (t->sum.phase[i] == NULL)
			continue;
		values[3] = phase_name((enum phase)i);
		if (t->view.phase[i].n > 0) {
			write_quantile(p, values, "0.5", t->view.phase[i].p50);
			write_quantile(p, values, "0.95", t->view.phase[i].p95);
			write_quantile(p, values, "0.99", t->view.phase[i].p99);
		}
		values[4] = NULL;
		page_series(p, values);
		page_totals(p, &t->sum.phase[i]->all, 1e-6);
	}
}

/* Not the wait before an attempt (a stage of the gateway), nor the whole of
 * one (gen_ai_client_operation_duration): buckets are the bulk of a page. */
static void
write_phases(struct page *p, const struct tally_sum *t, const char **values)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		if (t->sum.phase[i] == NULL || i == PHASE_QUEUE ||
		    i == PHASE_TOTAL)
			continue;
		values[3] = phase_name((enum phase)i);
		page_series(p, values);
		page_cumul(p, &t->sum.phase[i]->all);
	}
}

static void
write_durations(
    struct page *p, const struct tally_operation *op, const char **values)
{
	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		if (op->duration[i] == NULL)
			continue;
		values[5] = i != FAULT_NONE
		    ? fault_rule((enum fault_kind)i)->name
		    : NULL;
		page_series(p, values);
		page_cumul(p, op->duration[i]);
	}
}

static void
write_tokens(
    struct page *p, const struct tally_operation *op, const char **values)
{
	values[5] = "input";
	page_series(p, values);
	page_cumul(p, &op->tokens[TOKENS_INPUT]);
	values[5] = "output";
	page_series(p, values);
	page_cumul(p, &op->tokens[TOKENS_OUTPUT]);
}

/* The gen_ai_client metrics: what the model is called there comes first. */
static void
write_operations(struct page *p, enum metric_id id, const struct tally_sum *t)
{
	const struct tally_operation *op;

	for (unsigned i = 0; i < OP_COUNT; i++) {
		const char *values[LABELS_MAX] = {
			operation_name((enum operation)i), t->adapter,
			t->names->part[2], t->names->part[0], t->names->part[1]
		};

		op = t->sum.op[i];
		if (op == NULL)
			continue;
		if (id == M_CLIENT_DURATION)
			write_durations(p, op, values);
		else
			write_tokens(p, op, values);
	}
}

static void
write_connections(struct page *p, const struct tally *t, const char **values)
{
	static const enum connection_kind told[] = { CONNECTION_WARM,
		CONNECTION_COLD };

	for (unsigned i = 0; i < PRIORITY_COUNT; i++)
		for (unsigned j = 0; j < 2; j++) {
			values[3] = priority_name((enum priority)i);
			values[4] = connection_name(told[j]);
			write_if_any(p, t->connections[i][told[j]], values);
		}
}

static void
write_tally(struct page *p, enum metric_id id, const struct tally_sum *t)
{
	const char *values[LABELS_MAX] = { t->names->part[0], t->names->part[1],
		t->names->part[2] };

	switch (id) {
	case M_ATTEMPTS:
		write_by_fault(p, t->sum.attempts, values);
		break;
	case M_CONNECTIONS:
		write_connections(p, &t->sum, values);
		break;
	case M_PROBES:
		write_by_fault(p, t->sum.probes, values);
		break;
	case M_PROBE_COST:
		page_series(p, values);
		page_value(p, t->sum.probe_cost);
		break;
	case M_BLAMED:
		write_by_cause(p, t->sum.blamed, values);
		break;
	case M_HEDGES:
		page_series(p, values);
		page_count(p, t->sum.hedges);
		break;
	case M_LATENCY:
		write_latency(p, t, values);
		break;
	case M_ATTEMPT_PHASE:
		write_phases(p, t, values);
		break;
	default:
		write_operations(p, id, t);
		break;
	}
}

void
expose_tallies(struct scrape *s, enum metric_id id)
{
	for (size_t i = 0; i < s->n_tallies; i++)
		write_tally(&s->page, id, &s->tallies[i]);
}

/* --- now --- */

static double
if_has(const struct load *l, unsigned bit, double value)
{
	return l->has & bit ? value : NOT_KNOWN;
}

static double
serving_value(const struct telemetry_serving *s, enum metric_id id)
{
	const struct load *l = &s->load;

	switch (id) {
	case M_SERVING_INFO:
		return 1;
	case M_IN_FLIGHT:
		return s->in_flight;
	case M_WAITING:
		return s->waiting;
	case M_BREAKER:
		return s->breaker;
	case M_USABLE:
		return s->usable;
	case M_WEIGHT:
		return s->weight;
	case M_WARM:
		return s->warm;
	case M_BACKEND_RUNNING:
		return if_has(l, LOAD_RUNNING, l->running);
	case M_BACKEND_WAITING:
		return if_has(l, LOAD_WAITING, l->waiting);
	case M_BACKEND_CACHE:
		return if_has(l, LOAD_CACHE_USE, l->cache_use);
	case M_BACKEND_SLOTS:
		return if_has(l, LOAD_SLOTS, l->slots);
	case M_BACKEND_CERTIFICATE:
		return if_has(
		    l, LOAD_CERTIFICATE, (double)l->certified / USEC_SEC);
	default:
		return NOT_KNOWN;
	}
}

static void
write_now(struct page *p, const char **values, double value)
{
	if (!isfinite(value))
		return;
	page_series(p, values);
	page_value(p, value);
}

static void
write_limits(struct page *p, enum metric_id id, const struct load *l,
    const char **values)
{
	bool left = id == M_LIMIT_REMAINING;

	values[3] = "requests";
	write_now(p, values,
	    if_has(l, LOAD_LIMIT_REQUESTS,
		left ? l->left_requests : SECONDS(l->reset_requests)));
	values[3] = "tokens";
	write_now(p, values,
	    if_has(l, LOAD_LIMIT_TOKENS,
		left ? l->left_tokens : SECONDS(l->reset_tokens)));
}

static void
write_serving(struct scrape *s, enum metric_id id,
    const struct telemetry_serving *serving, unsigned slot)
{
	const struct names *names = s->t->servings.list[slot];
	const char *values[LABELS_MAX] = { names->part[0], names->part[1],
		names->part[2] };

	if (id == M_LIMIT_REMAINING || id == M_LIMIT_RESET) {
		write_limits(&s->page, id, &serving->load, values);
		return;
	}
	if (id == M_SERVING_INFO) {
		values[3] = s->t->traits[slot].adapter;
		values[4] = s->t->traits[slot].region;
	}
	write_now(&s->page, values, serving_value(serving, id));
}

void
expose_servings(struct scrape *s, enum metric_id id)
{
	uint32_t serving;

	for (size_t i = 0; i < s->n_servings; i++) {
		serving = s->servings[i].serving;
		if (serving < s->t->n_ids && s->t->slot_of[serving] != 0)
			write_serving(
			    s, id, &s->servings[i], s->t->slot_of[serving]);
	}
}
