/* gateway/telemetry/cell.c - what is counted of one serving. */
#include "gateway/telemetry/metrics.h"
#include "gateway/telemetry/shard.h"

/* -1 is a span that was not measured. */
static void
record_phase(struct cell *c, enum phase phase, usec span, usec now)
{
	struct cell_phase *p;

	if (span < 0)
		return;
	p = LAZY(c->phase[phase]);
	if (p == NULL)
		return;
	cumul_record(&p->all, metric_row(M_ATTEMPT_PHASE)->bounds, span);
	recent_record(&p->recent, span, now);
}

static void
record_duration(
    struct cell *c, enum operation op, enum fault_kind fault, usec span)
{
	struct cell_operation *o = LAZY(c->op[op]);
	struct cumul *d = o != NULL ? LAZY(o->duration[fault]) : NULL;

	if (d != NULL)
		cumul_record(d, metric_row(M_CLIENT_DURATION)->bounds, span);
}

void
cell_record(
    struct cell *c, const struct attempt_report *a, enum operation op, usec now)
{
	c->attempts[a->fault]++;
	c->hedges += a->hedge;
	record_phase(c, PHASE_CONNECT, a->connect, now);
	record_phase(c, PHASE_TLS, a->tls, now);
	record_phase(c, PHASE_TTFT, a->ttft, now);
	record_phase(c, PHASE_ITL, a->itl, now);
	record_phase(c, PHASE_TOTAL, a->total, now);
	record_duration(c, op, a->fault, a->ended - a->began);
}

void
cell_record_answer(struct cell *c, const struct outcome *o, usec now)
{
	const struct bounds *b = metric_row(M_CLIENT_TOKENS)->bounds;
	struct cell_operation *op;

	record_phase(c, PHASE_QUEUE, o->queue, now);
	c->tokens[TOKENS_INPUT] += o->usage.input;
	c->tokens[TOKENS_OUTPUT] += o->usage.output;
	if (!o->usage.known)
		return;
	op = LAZY(c->op[operation_of(o->dialect)]);
	if (op == NULL)
		return;
	cumul_record(&op->tokens[TOKENS_INPUT], b, o->usage.input);
	if (o->dialect != DIALECT_EMBEDDINGS)
		cumul_record(&op->tokens[TOKENS_OUTPUT], b, o->usage.output);
}

static void
operation_add(struct cell_operation *into, const struct cell_operation *from)
{
	for (unsigned i = 0; i < FAULT_COUNT; i++)
		if (from->duration[i] != NULL && LAZY(into->duration[i]))
			cumul_add(into->duration[i], from->duration[i]);
	cumul_add(&into->tokens[TOKENS_INPUT], &from->tokens[TOKENS_INPUT]);
	cumul_add(&into->tokens[TOKENS_OUTPUT], &from->tokens[TOKENS_OUTPUT]);
}

void
cell_add(struct cell *into, const struct cell *from)
{
	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		into->attempts[i] += from->attempts[i];
		into->probes[i] += from->probes[i];
	}
	for (unsigned i = 0; i < PRIORITY_COUNT; i++)
		for (unsigned j = 0; j < CONNECTION_COUNT; j++)
			into->connections[i][j] += from->connections[i][j];
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
cell_fini(struct cell *c)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		if (c->phase[i] != NULL)
			recent_fini(&c->phase[i]->recent);
		free(c->phase[i]);
	}
	for (unsigned i = 0; i < OP_COUNT; i++) {
		if (c->op[i] == NULL)
			continue;
		for (unsigned j = 0; j < FAULT_COUNT; j++)
			free(c->op[i]->duration[j]);
		free(c->op[i]);
	}
	*c = (struct cell){ 0 };
}
