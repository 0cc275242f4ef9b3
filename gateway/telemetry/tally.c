/* gateway/telemetry/tally.c - what is counted of one serving. */
#include "gateway/telemetry/metrics.h"
#include "gateway/telemetry/shard.h"

/* -1 is a span that was not measured. */
static void
record_phase(struct tally *t, enum phase phase, usec span, usec now)
{
	struct tally_phase *p;

	if (span < 0)
		return;
	p = LAZY(t->phase[phase]);
	if (p == NULL)
		return;
	cumul_record(&p->all, metric_row(M_ATTEMPT_PHASE)->bounds, span);
	recent_record(&p->recent, span, now);
}

static void
record_duration(
    struct tally *t, enum operation op, enum fault_kind fault, usec span)
{
	struct tally_operation *o = LAZY(t->op[op]);
	struct cumul *d = o != NULL ? LAZY(o->duration[fault]) : NULL;

	if (d != NULL)
		cumul_record(d, metric_row(M_CLIENT_DURATION)->bounds, span);
}

void
tally_record(struct tally *t, const struct attempt_report *a, enum operation op,
    usec now)
{
	t->attempts[a->fault]++;
	t->hedges += a->hedge;
	record_phase(t, PHASE_CONNECT, a->connect, now);
	record_phase(t, PHASE_TLS, a->tls, now);
	record_phase(t, PHASE_TTFT, a->ttft, now);
	record_phase(t, PHASE_ITL, a->itl, now);
	record_phase(t, PHASE_TOTAL, a->total, now);
	record_duration(t, op, a->fault, a->ended - a->began);
}

void
tally_record_answer(struct tally *t, const struct outcome *o, usec now)
{
	const struct bounds *b = metric_row(M_CLIENT_TOKENS)->bounds;
	struct tally_operation *op;

	record_phase(t, PHASE_QUEUE, o->queue, now);
	t->tokens[TOKENS_INPUT] += o->usage.input;
	t->tokens[TOKENS_OUTPUT] += o->usage.output;
	if (!o->usage.known)
		return;
	op = LAZY(t->op[operation_of(o->dialect)]);
	if (op == NULL)
		return;
	cumul_record(&op->tokens[TOKENS_INPUT], b, o->usage.input);
	if (dialect_writes_text(o->dialect) || o->usage.output > 0)
		cumul_record(&op->tokens[TOKENS_OUTPUT], b, o->usage.output);
}

static void
operation_add(struct tally_operation *into, const struct tally_operation *from)
{
	for (unsigned i = 0; i < FAULT_COUNT; i++)
		if (from->duration[i] != NULL && LAZY(into->duration[i]))
			cumul_add(into->duration[i], from->duration[i]);
	cumul_add(&into->tokens[TOKENS_INPUT], &from->tokens[TOKENS_INPUT]);
	cumul_add(&into->tokens[TOKENS_OUTPUT], &from->tokens[TOKENS_OUTPUT]);
}

void
tally_add(struct tally *into, const struct tally *from)
{
	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		into->attempts[i] += from->attempts[i];
		into->probes[i] += from->probes[i];
	}
	for (unsigned i = 0; i < PRIORITY_COUNT; i++)
		for (unsigned j = 0; j < CONNECTION_COUNT; j++)
			into->connections[i][j] += from->connections[i][j];
	for (unsigned i = 0; i < MISS_CAUSES; i++)
		into->blamed[i] += from->blamed[i];
	into->probe_cost += from->probe_cost;
	into->hedges += from->hedges;
	into->tokens[TOKENS_INPUT] += from->tokens[TOKENS_INPUT];
	into->tokens[TOKENS_OUTPUT] += from->tokens[TOKENS_OUTPUT];
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		if (from->phase[i] != NULL && LAZY(into->phase[i]))
			cumul_add(&into->phase[i]->all, &from->phase[i]->all);
	for (unsigned i = 0; i < OP_COUNT; i++)
		if (from->op[i] != NULL && LAZY(into->op[i]))
			operation_add(into->op[i], from->op[i]);
}

void
tally_fini(struct tally *t)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		if (t->phase[i] != NULL)
			recent_fini(&t->phase[i]->recent);
		free(t->phase[i]);
	}
	for (unsigned i = 0; i < OP_COUNT; i++) {
		if (t->op[i] == NULL)
			continue;
		for (unsigned j = 0; j < FAULT_COUNT; j++)
			free(t->op[i]->duration[j]);
		free(t->op[i]);
	}
	*t = (struct tally){ 0 };
}
