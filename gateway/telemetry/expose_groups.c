/* gateway/telemetry/expose_groups.c - samples by model, tenant, SLO class.
 *
 * A metric keeps some of the three names: groups are sorted by those, and runs
 * of equal ones are added up into one sample. */
#include <stdio.h>
#include <string.h>

#include "gateway/telemetry/scrape.h"

static int
compare(const void *a, const void *b, void *by)
{
	const struct names *x = ((const struct group_sum *)a)->names;
	const struct names *y = ((const struct group_sum *)b)->names;
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
	case M_SLO_MET:
		write_slo(p, g, g->slo_met);
		break;
	case M_SLO_MISSED:
		write_slo(p, g, g->slo_missed);
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
		page_count(p, g->cost_unknown);
		break;
	case M_CLIENT_BYTES:
		write_bytes(p, g, values);
		break;
	default:
		write_operations(p, id, g, names->part[0]);
		break;
	}
}

void
expose_groups(struct scrape *s, enum metric_id id)
{
	unsigned by = metric_row(id)->by;
	struct group sum;
	size_t end;

	qsort_r(s->groups, s->n_groups, sizeof(*s->groups), compare, &by);
	for (size_t i = 0; i < s->n_groups; i = end) {
		memset(&sum, 0, sizeof(sum));
		for (end = i; end < s->n_groups; end++) {
			if (compare(&s->groups[i], &s->groups[end], &by) != 0)
				break;
			group_add(&sum, &s->groups[end].sum);
		}
		write_group(&s->page, id, &sum, s->groups[i].names);
		group_fini(&sum);
	}
}
