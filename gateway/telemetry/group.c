/* gateway/telemetry/group.c - what is counted of one combination of model,
 * tenant and SLO class. */
#include <string.h>

#include "gateway/telemetry/metrics.h"
#include "gateway/telemetry/shard.h"

#define REASON_OTHER "other"

/* A backend's own 4xx passes to the client, so statuses are not ours alone:
 * late ones are counted together, in the room kept for that. */
static void
count_answers(struct group *g, unsigned status, unsigned result, uint64_t n)
{
	if (status > STATUS_OTHER)
		status = STATUS_OTHER;
	for (size_t i = 0; i < g->n_answers; i++)
		if (g->answers[i].status == status &&
		    g->answers[i].result == result) {
			g->answers[i].n += n;
			return;
		}
	if (g->n_answers >= ANSWERS_MAX - RESULT_COUNT &&
	    status != STATUS_OTHER) {
		count_answers(g, STATUS_OTHER, result, n);
		return;
	}
	g->answers[g->n_answers++] =
	    (struct answers){ (uint16_t)status, (uint8_t)result, n };
}

static void
count_reason(struct group *g, const char *reason, uint64_t n)
{
	for (size_t i = 0; i < g->n_reasons; i++)
		if (g->reasons[i].reason == reason ||
		    strcmp(g->reasons[i].reason, reason) == 0) {
			g->reasons[i].n += n;
			return;
		}
	if (g->n_reasons == REASONS_MAX - 1)
		reason = REASON_OTHER;
	if (g->n_reasons == REASONS_MAX)
		g->reasons[REASONS_MAX - 1].n += n;
	else
		g->reasons[g->n_reasons++] = (struct reason_count){ reason, n };
}

static void
record_miss(struct group *g, const struct outcome *o, usec now)
{
	struct miss what = miss_of(o);

	if (LAZY(g->misses) != NULL)
		misses_record(g->misses, &what, now);
}

static void
record_slo(struct group *g, const struct outcome *o, usec now)
{
	g->slo_met += o->slo_met;
	g->slo_missed += !o->slo_met;
	g->slo_target = o->slo_target;
	g->slo_declared = now;
	if (LAZY(g->burn) != NULL)
		burn_record(g->burn, o->slo_met, now);
	if (!o->slo_met)
		record_miss(g, o, now);
}

static void
record_retries(struct group *g, const struct outcome *o)
{
	size_t hedges = o->past_hedges, n = attempts_kept(o);

	for (size_t i = 0; i < n; i++)
		hedges += o->attempts[i].hedge;
	if (o->n_attempts > 1 + hedges)
		g->retries += o->n_attempts - 1 - hedges;
}

static void
record_usage(struct group *g, const struct outcome *o)
{
	uint64_t *tokens = g->tokens[o->usage.known];

	tokens[TOKENS_INPUT] += o->usage.input;
	tokens[TOKENS_OUTPUT] += o->usage.output;
	tokens[TOKENS_CACHED] += o->usage.cached;
	if (o->cost >= 0)
		g->cost += o->cost;
	else
		g->cost_unknown[o->result]++;
}

static void
record_times(struct group_operation *op, const struct outcome *o)
{
	if (o->total >= 0)
		cumul_record(&op->duration[o->result],
		    metric_row(M_SERVER_DURATION)->bounds, o->total);
	if (o->stream && o->ttft >= 0)
		cumul_record(
		    &op->ttft, metric_row(M_SERVER_TTFT)->bounds, o->ttft);
	if (o->itl >= 0)
		cumul_record(
		    &op->tpot, metric_row(M_SERVER_TPOT)->bounds, o->itl);
}

void
group_record(struct group *g, const struct outcome *o, usec now)
{
	struct group_operation *op = LAZY(g->op[operation_of(o->dialect)]);

	count_answers(g, (unsigned)o->status, o->result, 1);
	count_reason(g, o->reason, 1);
	record_retries(g, o);
	if (o->n_attempts > 0)
		record_usage(g, o);
	if (o->slo_declared)
		record_slo(g, o, now);
	g->bytes_in += o->bytes_in;
	g->bytes_out += o->bytes_out;
	if (op != NULL)
		record_times(op, o);
}

static void
operation_add(struct group_operation *into, const struct group_operation *from)
{
	for (unsigned i = 0; i < RESULT_COUNT; i++)
		cumul_add(&into->duration[i], &from->duration[i]);
	cumul_add(&into->ttft, &from->ttft);
	cumul_add(&into->tpot, &from->tpot);
}

void
group_add(struct group *into, const struct group *from)
{
	for (size_t i = 0; i < from->n_answers; i++)
		count_answers(into, from->answers[i].status,
		    from->answers[i].result, from->answers[i].n);
	for (size_t i = 0; i < from->n_reasons; i++)
		count_reason(into, from->reasons[i].reason, from->reasons[i].n);
	if (from->slo_target > 0 && from->slo_declared >= into->slo_declared) {
		into->slo_target = from->slo_target;
		into->slo_declared = from->slo_declared;
	}
	for (unsigned i = 0; i < BURN_WINDOWS; i++) {
		into->windows[i].met += from->windows[i].met;
		into->windows[i].missed += from->windows[i].missed;
	}
	into->retries += from->retries;
	into->slo_met += from->slo_met;
	into->slo_missed += from->slo_missed;
	into->bytes_in += from->bytes_in;
	into->bytes_out += from->bytes_out;
	for (unsigned i = 0; i < RESULT_COUNT; i++)
		into->cost_unknown[i] += from->cost_unknown[i];
	into->cost += from->cost;
	for (unsigned i = 0; i < TOKENS_COUNT; i++) {
		into->tokens[0][i] += from->tokens[0][i];
		into->tokens[1][i] += from->tokens[1][i];
	}
	for (unsigned i = 0; i < OP_COUNT; i++)
		if (from->op[i] != NULL && LAZY(into->op[i]))
			operation_add(into->op[i], from->op[i]);
}

void
group_fini(struct group *g)
{
	for (unsigned i = 0; i < OP_COUNT; i++)
		free(g->op[i]);
	if (g->misses != NULL)
		misses_fini(g->misses);
	free(g->misses);
	free(g->burn);
	*g = (struct group){ 0 };
}
