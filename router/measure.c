/* router/measure.c - what attempts tell of their serving's speed.
 *
 * A whole answer that is not streamed has no TTFT of its own: its time is a
 * total, and stays out of the curves that streams are judged by. */
#include "router/engine.h"

#define OUTPUT_KEEP 0.98 /* weight left per later answer */
#define LATE_LOOK 4096 /* requests looked at, the oldest */

static void
add(struct router *r, const struct order *o, enum phase phase,
    enum sample_kind kind, usec value)
{
	const struct sample s = { .serving = order_serving(o)->id,
		.phase = phase,
		.kind = kind,
		.value = value,
		.tokens = tokens_of_bytes(o->req->facts->prompt_bytes),
		.crowd = o->crowd };

	samples_add(&r->samples, &s);
}

void
measure_first_token(struct router *r, const struct order *o, usec ttft)
{
	if (o->req->facts->stream && ttft >= 0)
		add(r, o, PHASE_TTFT, SAMPLE_MEASURED, ttft);
}

void
measure_result(
    struct router *r, const struct order *o, const struct route_result *res)
{
	struct cell *c = order_cell(r, o);

	if (o->req->facts->stream && res->itl >= 0)
		add(r, o, PHASE_ITL, SAMPLE_MEASURED, res->itl);
	if (res->fault.kind != FAULT_NONE)
		return;
	if (res->total >= 0)
		add(r, o, PHASE_TOTAL, SAMPLE_MEASURED, res->total);
	if (res->usage.known && res->usage.output > 0) {
		c->outputs = OUTPUT_KEEP * c->outputs + 1;
		c->output_tokens =
		    OUTPUT_KEEP * c->output_tokens + res->usage.output;
	}
}

/* What its silence counts against. */
static enum phase
awaited(const struct order *o)
{
	return o->req->facts->stream ? PHASE_TTFT : PHASE_TOTAL;
}

void
measure_silence(struct router *r, const struct order *o,
    const struct fault *fault, usec now)
{
	switch (fault->kind) {
	case FAULT_CONNECT_TIMEOUT:
	case FAULT_TTFT_TIMEOUT:
	case FAULT_GAP_TIMEOUT:
	case FAULT_TOTAL_TIMEOUT:
		if (!o->first_token)
			add(r, o, awaited(o), SAMPLE_GIVEN_UP, now - o->sent);
		break;
	default:
		break;
	}
}

void
measure_late(const struct router *r, usec now, struct samples *late)
{
	struct list *node = r->silent.next;

	for (unsigned i = 0; i < LATE_LOOK && node != &r->silent; i++) {
		const struct order *o = CONTAINER_OF(node, struct order, link);

		node = node->next;
		if (now - o->sent <= o->late_after)
			continue;
		samples_add(late,
		    &(struct sample){ .serving = order_serving(o)->id,
			.phase = awaited(o),
			.kind = SAMPLE_LATE,
			.value = now - o->sent,
			.tokens = tokens_of_bytes(o->req->facts->prompt_bytes),
			.crowd = o->crowd });
	}
}
