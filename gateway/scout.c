/* gateway/scout.c - asks the questions that the router wants asked.
 *
 * Each errand owns a timer, its deadline, whose close callback frees it. */
#include "gateway/scout.h"

#include <stdlib.h>

#include "gateway/key_rest.h"
#include "gateway/lib/list.h"
#include "gateway/lib/log.h"
#include "gateway/question.h"
#include "policies/price.h"

struct errand {
	struct list link;
	struct scout *scout;
	struct conf *conf; /* pinned: the router's pointers are into it */
	struct route_request req;
	struct ticket ticket;
	struct question question;
	struct conf_api_key *key; /* that it shows; NULL: none */
	struct transfer *transfer; /* NULL once it is over */
	uv_timer_t timer;
	bool told; /* the router, of its first token */
};

struct scout {
	struct app *app;
	struct list errands;
	struct errand *spare; /* for the next; or NULL */
};

static void
on_closed(uv_handle_t *h)
{
	struct errand *e = h->data;

	question_fini(&e->question);
	conf_unref(&e->conf);
	free(e);
}

static void
drop(struct errand *e)
{
	list_remove(&e->link);
	if (e->transfer != NULL)
		transfer_cancel(&e->transfer);
	uv_close((uv_handle_t *)&e->timer, on_closed);
}

/* To connect is no part of how a serving does: requests find connections that
 * are open. */
static usec
ttft_of(const struct errand *e, usec connect, usec tls)
{
	const struct question *q = &e->question;
	usec ttft = q->first_token - q->sent;

	if (q->first_token == 0)
		return -1;
	ttft -= (connect > 0 ? connect : 0) + (tls > 0 ? tls : 0);
	return ttft > 1 ? ttft : 1;
}

static void
settle(struct errand *e, struct fault fault, usec ttft)
{
	const struct question *q = &e->question;
	struct app *app = e->scout->app;
	usec now = clock_now();
	bool whole = fault.kind == FAULT_NONE;
	struct route_result r = { .fault = fault,
		.ttft = ttft,
		.itl = -1,
		.total = -1, /* eight tokens say nothing of an answer */
		.usage = q->usage };
	double cost = 0;

	if (q->tokens > 1)
		r.itl =
		    (q->last_token - q->first_token) / ((usec)q->tokens - 1);
	if (!q->usage.known)
		r.usage =
		    (struct usage){ .input = PROBE_INPUT, .output = q->tokens };
	if (whole)
		cost = price_expected(
		    &q->serving->price, r.usage.input, r.usage.output);
	/* the next question shows another one */
	if (key_turn("-", q->serving, e->key, &fault, now))
		r.fault = (struct fault){ .kind = FAULT_OUTRUN }; /* nobody's */
	switchboard_finished(app->board, e->ticket, &r, now);
	telemetry_probe(
	    app->telemetry, q->serving->id, fault.kind, cost > 0 ? cost : 0);
	log_debug("ask backend=%s model=%s result=%s ttft_us=%lld",
	    q->serving->backend->name, q->serving->upstream,
	    fault_rule(fault.kind)->name, (long long)r.ttft);
	drop(e);
}

static void
on_timer(uv_timer_t *t)
{
	struct errand *e = t->data;
	struct fault late = { .kind = e->question.first_token > 0
		    ? FAULT_GAP_TIMEOUT
		    : FAULT_TTFT_TIMEOUT };

	settle(e, late, ttft_of(e, 0, 0));
}

static void
on_header(void *arg, struct slice name, struct slice value)
{
	struct errand *e = arg;

	question_take_header(&e->question, name, value);
}

static bool
on_bytes(void *arg, struct slice bytes)
{
	struct errand *e = arg;
	usec connect, tls;

	question_take(&e->question, bytes);
	if (e->told || e->question.first_token == 0)
		return true;
	e->told = true;
	transfer_timing(e->transfer, &connect, &tls);
	switchboard_first_token(e->scout->app->board, e->ticket, clock_now(),
	    ttft_of(e, connect, tls));
	return true;
}

static void
on_done(void *arg, const struct transfer_result *t)
{
	struct errand *e = arg;

	e->transfer = NULL;
	settle(
	    e, question_end(&e->question, t), ttft_of(e, t->connect, t->tls));
}

static const struct transfer_ops ops = {
	.on_header = on_header,
	.on_bytes = on_bytes,
	.on_done = on_done,
};

/* A backend that has no address now is a child that loads. */
static void
start(struct errand *e, const struct conf_serving *s, usec now)
{
	struct app *app = e->scout->app;
	struct transfer_request t;
	struct errmsg why;
	char base[CONF_URL_MAX + 1];

	question_init(&e->question, s);
	e->key = conf_api_key_now(s->backend, s, now);
	e->question.key = e->key != NULL ? e->key->text : NULL;
	uv_timer_init(&app->loop, &e->timer);
	e->timer.data = e;
	list_append(&e->scout->errands, &e->link);
	if (!app_backend_url(app, s->backend, base, sizeof(base)) ||
	    question_encode(&e->question, base, &t, &why) != OK) {
		settle(e, (struct fault){ .kind = FAULT_LOADING }, -1);
		return;
	}
	e->transfer = transfer_start(app->upstream, &t, &ops, e);
	if (e->transfer == NULL) {
		settle(e, (struct fault){ .kind = FAULT_INTERNAL }, -1);
		return;
	}
	uv_timer_start(&e->timer, on_timer,
	    (uint64_t)((e->req.deadline - now) / USEC_MS), 0);
}

struct scout *
scout_new(struct app *app)
{
	struct scout *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->app = app;
	list_init(&s->errands);
	return s;
}

void
scout_tick(struct scout *s, usec now)
{
	for (;;) {
		struct errand *e = s->spare;
		struct plan plan;

		if (e == NULL)
			e = s->spare = calloc(1, sizeof(*e));
		if (e == NULL ||
		    !switchboard_probe(
			s->app->board, now, &e->req, &e->ticket, &plan))
			return;
		s->spare = NULL;
		e->scout = s;
		e->conf = conf_ref(s->app->conf);
		start(e, conf_find_serving(e->conf, plan.serving), now);
	}
}

void
scout_free(struct scout **sp)
{
	struct scout *s = *sp;

	if (s == NULL)
		return;
	while (!list_empty(&s->errands))
		drop(CONTAINER_OF(s->errands.next, struct errand, link));
	free(s->spare);
	free(s);
	*sp = NULL;
}
