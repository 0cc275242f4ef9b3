/* gateway/warm.c - connections kept open for premium requests.
 *
 * Whatever the answer is, it has come over a connection that stays open. The
 * router hears nothing of it: that is what the probes are for. */
#include "gateway/warm.h"

#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/app.h"
#include "gateway/lib/log.h"
#include "gateway/lib/uri.h"
#include "gateway/probe.h"
#include "gateway/upstream/target.h"
#include "policies/warmth.h"

#define TICK_MS 100
#define PATIENCE (3 * USEC_SEC) /* for an answer */

/* One backend's. */
struct keep {
	struct list link;
	struct warm *warm;
	uint32_t peer; /* whose connections */
	struct warmth warmth;
	unsigned asking; /* questions under way */
};

struct question_of {
	struct list link;
	struct keep *keep;
	struct transfer *transfer;
	usec sent;
};

struct warm {
	struct worker *worker;
	uv_timer_t timer;
	struct list keeps, questions;
	void (*on_closed)(void *);
	void *arg;
};

static void on_tick(uv_timer_t *);

/* --- what is known of a backend --- */

static struct keep *
keep_find(const struct warm *w, uint32_t peer)
{
	struct keep *k;

	for (struct list *n = w->keeps.next; n != &w->keeps; n = n->next) {
		k = CONTAINER_OF(n, struct keep, link);
		if (k->peer == peer)
			return k;
	}
	return NULL;
}

static struct keep *
keep_get(struct warm *w, uint32_t peer)
{
	struct keep *k = keep_find(w, peer);

	if (k != NULL)
		return k;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return NULL;
	k->warm = w;
	k->peer = peer;
	list_append(&w->keeps, &k->link);
	return k;
}

static void
on_lost(void *arg, uint32_t peer, usec idled)
{
	struct warm *w = arg;
	struct keep *k = keep_find(w, peer);

	if (k == NULL)
		return;
	warmth_lost(&k->warmth, idled, clock_now());
	if (uv_is_active((uv_handle_t *)&w->timer))
		uv_timer_start(&w->timer, on_tick, 0, TICK_MS);
}

/* --- questions --- */

static void
drop(struct question_of *q)
{
	q->keep->asking--;
	list_remove(&q->link);
	transfer_cancel(&q->transfer);
	free(q);
}

static bool
on_bytes(void *arg, struct slice bytes)
{
	(void)arg;
	(void)bytes; /* that there is an answer is all */
	return true;
}

static void
on_done(void *arg, const struct transfer_result *t)
{
	struct question_of *q = arg;
	struct keep *k = q->keep;

	log_debug("warm peer=%u status=%d result=%s", k->peer, t->status,
	    fault_rule(t->fault)->name);
	if (t->fault != FAULT_NONE || t->status == 429)
		warmth_failed(&k->warmth);
	q->transfer = NULL;
	drop(q);
}

static const struct transfer_ops ops = {
	.on_bytes = on_bytes,
	.on_done = on_done,
};

static void
ask(struct keep *k, const struct conf_backend *b, bool fresh, usec now)
{
	const struct backend_ops *o = backend_find(slice_of(b->adapter));
	struct worker *worker = k->warm->worker;
	struct probe_request probe;
	struct question_of *q;

	(void)backend_probe(o, PROBE_HEALTH, &probe); /* all are asked that */
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return;
	q->keep = k;
	q->sent = now;
	list_init(&q->link);
	q->transfer = probe_send(&(struct probe_call){ .app = worker->app,
				     .upstream = worker->upstream,
				     .backend = b,
				     .key = conf_api_key_now(b, NULL, now),
				     .request = &probe,
				     .fresh = fresh },
	    &ops, q);
	if (q->transfer == NULL) {
		free(q);
		return;
	}
	k->asking++;
	list_append(&k->warm->questions, &q->link);
}

/* Nobody waits for ever, so that each round ends. */
static void
drop_late(struct warm *w, usec now)
{
	struct list *n, *next;

	for (n = w->questions.next; n != &w->questions; n = next) {
		struct question_of *q =
		    CONTAINER_OF(n, struct question_of, link);

		next = n->next;
		if (now - q->sent < PATIENCE)
			continue;
		warmth_failed(&q->keep->warmth);
		drop(q);
	}
}

/* --- rounds --- */

static const struct conf_backend *
backend_of(const struct keep *k)
{
	const struct conf *c = k->warm->worker->conf;

	for (size_t i = 0; i < c->n_backends; i++)
		if (transfer_peer(&c->backends[i]) == k->peer)
			return &c->backends[i];
	return NULL;
}

/* Plain connections are made in one round trip. What is never probed is not to
 * be asked. */
static bool
is_kept(const struct conf_backend *b)
{
	struct slice rest;
	bool tls;

	if (b == NULL || b->off != NULL || b->probe_interval == 0)
		return false;
	(void)uri_after_scheme(slice_of(b->url), &rest, &tls);
	return tls;
}

static void
look_after(struct keep *k, usec now)
{
	const struct conf_backend *b = backend_of(k);
	struct connections c;
	struct upstream_peer p;
	struct warmth_round r;

	if (k->asking > 0 || !is_kept(b))
		return;
	upstream_peer(k->warm->worker->upstream, k->peer, &p);
	c = (struct connections){
		.open = p.open, .idle = p.idle, .used = p.used
	};
	r = warmth_round(&k->warmth, &c, now);
	for (unsigned i = 0; i < r.questions; i++)
		ask(k, b, r.fresh, now);
}

static void
on_tick(uv_timer_t *timer)
{
	struct warm *w = timer->data;
	usec now = clock_now();
	bool any = false;

	drop_late(w, now);
	for (struct list *n = w->keeps.next; n != &w->keeps; n = n->next) {
		struct keep *k = CONTAINER_OF(n, struct keep, link);

		any |= k->asking > 0 || warmth_active(&k->warmth, now);
		look_after(k, now);
	}
	if (!any || w->worker->draining)
		uv_timer_stop(timer);
}

/* --- public --- */

bool
warm_begin(struct warm *w, const struct conf_backend *b, usec now)
{
	struct keep *k;

	if (w == NULL || !is_kept(b))
		return false;
	k = keep_get(w, transfer_peer(b));
	if (k == NULL)
		return false;
	warmth_begin(&k->warmth, now);
	if (!uv_is_active((uv_handle_t *)&w->timer) &&
	    !uv_is_closing((uv_handle_t *)&w->timer))
		uv_timer_start(&w->timer, on_tick, TICK_MS, TICK_MS);
	return true;
}

void
warm_end(struct warm *w, const struct conf_backend *b, bool cut)
{
	struct keep *k = w != NULL ? keep_find(w, transfer_peer(b)) : NULL;

	if (k != NULL)
		warmth_end(&k->warmth, cut);
}

struct warm *
warm_new(struct worker *worker)
{
	struct warm *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->worker = worker;
	list_init(&w->keeps);
	list_init(&w->questions);
	uv_timer_init(&worker->loop, &w->timer);
	w->timer.data = w;
	upstream_on_lost(worker->upstream, on_lost, w);
	return w;
}

static void
on_timer_closed(uv_handle_t *h)
{
	struct warm *w = h->data;
	void (*on_closed)(void *) = w->on_closed;
	void *arg = w->arg;
	struct list *n;

	while ((n = list_pop(&w->keeps)) != NULL)
		free(CONTAINER_OF(n, struct keep, link));
	free(w);
	on_closed(arg);
}

void
warm_close(struct warm **wp, void (*on_closed)(void *), void *arg)
{
	struct warm *w = *wp;
	struct list *n;

	*wp = NULL;
	if (w == NULL) {
		on_closed(arg);
		return;
	}
	upstream_on_lost(w->worker->upstream, NULL, NULL);
	while ((n = list_pop(&w->questions)) != NULL)
		drop(CONTAINER_OF(n, struct question_of, link));
	w->on_closed = on_closed;
	w->arg = arg;
	uv_close((uv_handle_t *)&w->timer, on_timer_closed);
}
