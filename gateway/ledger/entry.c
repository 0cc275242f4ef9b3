/* gateway/ledger/entry.c - an outcome as one run of bytes. */
#include "gateway/ledger/entry.h"

#include <string.h>

#include "gateway/lib/text.h"
#include "gateway/lib/utf8.h"
#include "gateway/telemetry/shard.h"

static size_t
put_text(union entry_room *r, size_t at, enum entry_text which, const char *s)
{
	size_t n = s != NULL ? utf8_cut(s, strlen(s), ENTRY_TEXT_MAX) : 0;

	memcpy(r->bytes + at, s != NULL ? s : "", n);
	r->bytes[at + n] = '\0';
	r->entry.text[which] = (uint8_t)n;
	return at + n + 1;
}

/* Receipts and requests have the same digits. */
static size_t
put_receipt(union entry_room *r, size_t at, const char *id)
{
	static const char prefix[] = "rcpt_";
	const char *digits = strchr(id, '_');
	size_t n = sizeof(prefix) - 1;

	memcpy(r->bytes + at, prefix, n);
	at =
	    put_text(r, at + n, TEXT_RECEIPT, digits != NULL ? digits + 1 : id);
	r->entry.text[TEXT_RECEIPT] += (uint8_t)n;
	return at;
}

void
entry_write(union entry_room *r, const struct outcome *o, usec wall)
{
	const struct attempt_report *a = attempt_answering(o);
	struct entry *e = &r->entry;
	size_t at = sizeof(*e);

	*e = (struct entry){ .status = (uint16_t)o->status,
		.dialect = (uint8_t)o->dialect,
		.result = (uint8_t)o->result,
		.fault = (uint8_t)o->fault,
		.missed = (uint8_t)o->slo_missed,
		.stream = o->stream,
		.declared = o->slo_declared,
		.met = o->slo_met,
		.estimated = !o->usage.known &&
		    (o->usage.input > 0 || o->usage.output > 0),
		.attempts = (uint32_t)o->n_attempts,
		.input = o->usage.input,
		.output = o->usage.output,
		.cached = o->usage.cached,
		.ended = wall,
		.queue = o->queue,
		.ttft = o->ttft,
		.itl = o->itl,
		.total = o->total,
		.cost = o->cost,
		.charged = o->charged };
	at = put_receipt(r, at, o->id);
	at = put_text(r, at, TEXT_TENANT, or_dash(o->tenant));
	at = put_text(r, at, TEXT_KEY, or_dash(o->key));
	at = put_text(r, at, TEXT_MODEL, or_dash(o->model));
	at = put_text(r, at, TEXT_BACKEND, a != NULL ? a->backend : NULL);
	at = put_text(r, at, TEXT_UPSTREAM, a != NULL ? a->model : NULL);
	at = put_text(r, at, TEXT_SLO, or_dash(o->slo));
	e->size = (uint16_t)((at + 7) & ~(size_t)7);
}

const char *
entry_names(const struct entry *e)
{
	return (const char *)(e + 1);
}
