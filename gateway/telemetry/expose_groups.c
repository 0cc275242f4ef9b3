/* gateway/telemetry/expose_groups.c - samples by model, tenant, SLO class.
 *
 * A metric keeps some of the three names: groups are sorted by those, and runs
 * of equal ones are added up into one sample. */
#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/telemetry/scrape.h"

static int
compare(const void *a, const void *b, void *by)
{
	const struct names *x = (*(const struct group_sum *const *)a)->names;
	const struct names *y = (*(const struct group_sum *const *)b)->names;
	int order = 0;

	for (unsigned i = 0; i < 3 && order == 0; i++)
		if (*(const unsigned *)by & (1u << i))
			order = strcmp(x->part[i], y->part[i]);
	return order;
}

static void
write_requests(struct page *p, const struct group *g, const char **values)
{
	char code[8];

	for (size_t i = 0; i < g->n_answers; i++) {
		if (g->answers[i].status == 0)
			snprintf(code, sizeof(code), "none");
		else if (g->answers[i].status == STATUS_OTHER)
			snprintf(code, sizeof(code), "other");
		else
			snprintf(code, sizeof(code), "%u",
			    (unsigned)g->answers[i].status);
		values[3] = code;
		values[4] = result_name((enum result)g->answers[i].result);
		page_series(p, values);
		page_count(p, g->answers[i].n);
	}
}

static void
write_tokens(struct page *p, const struct group *g, const char **values)
{
	static const char *const types[] = { "input", "output", "cached" };
	static const char *const sources[] = { "estimated", "reported" };

	for (unsigned source = 0; source < 2; source++) {
		if (g->tokens[source][TOKENS_INPUT] == 0 &&
		    g->tokens[source][TOKENS_OUTPUT] == 0)
			continue;
		for (unsigned type = 0; type < TOKENS_COUNT; type++) {
			values[2] = types[type];
			values[3] = sources[source];
			page_series(p, values);
			page_count(p, g->tokens[source][type]);
		}
	}
}

/* Those that can have one: what gave no answer cost nothing. */
static void
write_unknown(struct page *p, const struct group *g, const char **values)
{
	static const enum result results[] = { RESULT_OK, RESULT_BROKEN,
		RESULT_CLIENT_GONE };

	for (size_t i = 0; i < COUNT(results); i++) {
		values[2] = result_name(results[i]);
		page_series(p, values);
		page_count(p, g->cost_unknown[results[i]]);
	}
}

static void
write_bytes(struct page *p, const struct group *g, const char **values)
{
	values[2] = "in";
	page_series(p, values);
	page_count(p, g->bytes_in);
	values[2] = "out";
	page_series(p, values);
	page_count(p, g->bytes_out);
}

static void
write_durations(
    struct page *p, const struct group_operation *op, const char **values)
{
	for (unsigned i = 0; i < RESULT_COUNT; i++) {
		values[2] = i != RESULT_OK ? result_name((enum result)i) : NULL;
		page_series(p, values);
		page_cumul(p, &op->duration[i]);
	}
}

static void
write_reasons(struct page *p, const struct group *g, const char **values)
{
	for (size_t i = 0; i < g->n_reasons; i++) {
		values[1] = g->reasons[i].reason;
		page_series(p, values);
		page_count(p, g->reasons[i].n);
	}
}

/* Nothing in the window, nothing to tell of it. */
static void
write_windows(struct page *p, enum metric_id id, const struct group *g,
    const char **values)
{
	for (unsigned i = 0; i < BURN_WINDOWS; i++) {
		double value = id == M_SLO_BURN
		    ? burn_rate(&g->windows[i], g->slo_target)
		    : burn_attainment(&g->windows[i]);

		values[2] = burn_window_name((enum burn_window)i);
		page_series(p, values);
		if (value >= 0)
			page_value(p, value);
	}
}

static void
write_budget(struct page *p, const struct group *g)
{
	double rate = burn_rate(&g->windows[BURN_3D], g->slo_target);

	if (rate >= 0)
		page_value(p, 1 - rate);
}

/* The gen_ai_server metrics: by operation, and by model alone. */
static void
write_operations(
    struct page *p, enum metric_id id, const struct group *g, const char *model)
{
	const struct group_operation *op;

	for (unsigned i = 0; i < OP_COUNT; i++) {
		const char *values[LABELS_MAX] = {
			operation_name((enum operation)i), model
		};

		op = g->op[i];
		if (op == NULL)
			continue;
		page_series(p, values);
		if (id == M_SERVER_DURATION)
			write_durations(p, op, values);
		else
			page_cumul(
			    p, id == M_SERVER_TTFT ? &op->ttft : &op->tpot);
	}
}

static void
write_slo(struct page *p, const struct group *g, uint64_t value)
{
	if (g->slo_met + g->slo_missed > 0)
		page_count(p, value);
}

static void
write_objective(struct page *p, enum metric_id id, const struct group *g,
    const char **values)
{
	switch (id) {
	case M_SLO_MET:
		write_slo(p, g, g->slo_met);
		break;
	case M_SLO_MISSED:
		write_slo(p, g, g->slo_missed);
		break;
	case M_SLO_TARGET:
		if (g->slo_target > 0)
			page_value(p, g->slo_target);
		break;
	case M_SLO_ATTAINMENT:
	case M_SLO_BURN:
		write_windows(p, id, g, values);
		break;
	default:
		write_budget(p, g);
		break;
	}
}

static void
write_group(struct page *p, enum metric_id id, const struct group *g,
    const struct names *names)
{
	const char *values[LABELS_MAX] = { NULL };
	unsigned n = 0;

	for (unsigned i = 0; i < 3; i++)
		if (p->metric->by & (1u << i))
			values[n++] = names->part[i];
	page_series(p, values);
	switch (id) {
	case M_REQUESTS:
		write_requests(p, g, values);
		break;
	case M_RETRIES:
		page_count(p, g->retries);
		break;
	case M_TOKENS:
		write_tokens(p, g, values);
		break;
	case M_COST:
		page_value(p, g->cost);
		break;
	case M_COST_UNKNOWN:
		write_unknown(p, g, values);
		break;
	case M_CLIENT_BYTES:
		write_bytes(p, g, values);
		break;
	case M_DECISIONS:
		write_reasons(p, g, values);
		break;
	case M_SERVER_DURATION:
	case M_SERVER_TTFT:
	case M_SERVER_TPOT:
		write_operations(p, id, g, names->part[0]);
		break;
	default:
		write_objective(p, id, g, values);
		break;
	}
}

/* A run of one, as most are, is written as it is. */
static void
write_run(struct scrape *s, enum metric_id id, size_t from, size_t end)
{
	const struct group_sum *first = s->order[from];
	struct group sum = { 0 };

	if (end - from == 1) {
		write_group(&s->page, id, &first->sum, first->names);
		return;
	}
	for (size_t i = from; i < end; i++)
		group_add(&sum, &s->order[i]->sum);
	write_group(&s->page, id, &sum, first->names);
	group_fini(&sum);
}

void
expose_groups(struct scrape *s, enum metric_id id)
{
	unsigned by = metric_row(id)->by;
	size_t end;

	qsort_r(s->order, s->n_groups, sizeof(s->order[0]), compare, &by);
	for (size_t i = 0; i < s->n_groups; i = end) {
		for (end = i + 1; end < s->n_groups; end++)
			if (compare(&s->order[i], &s->order[end], &by) != 0)
				break;
		write_run(s, id, i, end);
	}
}
