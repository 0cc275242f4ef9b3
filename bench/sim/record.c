/* bench/sim/record.c - a line for each request, for those who want to know. */
#include <inttypes.h>

#include "bench/sim/world.h"

static const char *const endings[] = {
	[ENDING_WHOLE] = "whole",
	[ENDING_SHED] = "shed",
	[ENDING_FAILED] = "failed",
	[ENDING_CANCELLED] = "cancelled",
};

void
record_heading(FILE *f)
{
	fputs("id,class,slo,tenant,flood,due_us,sent_us,backend,reason,"
	      "predicted_ttft_us,predicted_itl_us,predicted_total_us,"
	      "confidence,first_confidence,ttft_us,itl_us,total_us,"
	      "attempt_ttft_us,ending,fault,met,cost,attempts,hedged,prompt,"
	      "output\n",
	    f);
}

void
record_errand(const struct errand *c, const struct scored *s)
{
	const struct world *w = c->world;
	const struct plan *p = &c->plan;
	FILE *f = w->requests;

	fprintf(f, "%" PRIu64 ",%s,%s,%s,%d,%" PRId64 ",%" PRId64 ",%s,%s,",
	    c->request.id, priority_name(s->priority), s->slo->name,
	    c->request.tenant != NULL ? c->request.tenant->name : "-",
	    c->request.flood, c->request.due, c->sent,
	    c->attempts > 0 ? w->server_of[p->serving]->conf->name : "-",
	    plan_reason_name(p->reason));
	fprintf(f, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%.4f,%.4f,", p->ttft,
	    p->itl, p->total, p->confidence, c->confidence);
	fprintf(f,
	    "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
	    ",%s,%s,%d,%.9f,%u,%d,%u,%u\n",
	    s->ttft, s->itl, s->total, c->first >= 0 ? c->first - c->sent : -1,
	    endings[s->ending], fault_rule(c->fault)->name, score_met(s),
	    s->cost, c->attempts, c->hedged, c->request.prompt,
	    c->request.output);
}
