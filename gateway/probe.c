/* gateway/probe.c - asks backends how they are, from the main thread.
 *
 * Each probe owns a timer, which is both the pause between rounds and the
 * deadline of a question; the timer's close callback frees the probe. */
#include "gateway/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/children.h"
#include "gateway/lib/log.h"
#include "gateway/listed.h"
#include "gateway/upstream/target.h"

#define PROBE_TIMEOUT (3 * USEC_SEC)
#define PROBE_BODY_MAX ((size_t)1 << 20)
#define PROBE_LOADING_INTERVAL (200 * USEC_MS) /* while a model loads */
#define PROBE_METERED_FACTOR 12 /* times less often */
#define PROBE_GONE_INTERVAL USEC_SEC /* where nobody is there */
#define PROBE_GONE_TIMES 60 /* then as ever */

struct probe {
	struct probe *next;
	struct app *app;
	const struct conf_backend *backend; /* of the pinned snapshot */
	const struct backend_ops *ops;
	struct conf *conf; /* pinned */
	uv_timer_t timer;
	enum probe_kind kind;
	struct transfer *transfer; /* NULL between questions */
	struct conf_api_key *key; /* that it shows; NULL: none */
	struct buf body;
	unsigned gone; /* nobody was there, so often in a row */
	bool loading, closing;
	bool metered; /* somebody else's: ask seldom */
	bool wild; /* a model is whatever this one lists */
};

struct prober {
	struct app *app;
	struct probe *probes;
};

static void ask(struct probe *, enum probe_kind);

static void
on_timer(uv_timer_t *t)
{
	struct probe *p = t->data;
	struct fault late = { .kind = FAULT_TTFT_TIMEOUT };

	if (p->transfer != NULL) {
		transfer_cancel(&p->transfer);
		if (p->kind == PROBE_MODELS) { /* long, perhaps; no fault */
			ask(p, PROBE_LOAD);
			return;
		}
		switchboard_load(
		    p->app->board, p->backend->id, NULL, &late, clock_now());
	}
	ask(p, PROBE_HEALTH);
}

static void
arm(struct probe *p, usec span)
{
	if (!p->closing)
		uv_timer_start(
		    &p->timer, on_timer, (uint64_t)(span / USEC_MS), 0);
}

static void
rest(struct probe *p)
{
	usec span = p->backend->probe_interval;

	if (p->loading)
		span = PROBE_LOADING_INTERVAL;
	else if (p->metered)
		span *= PROBE_METERED_FACTOR;
	else if (p->gone > 0 && p->gone <= PROBE_GONE_TIMES &&
	    span > PROBE_GONE_INTERVAL)
		span = PROBE_GONE_INTERVAL;
	arm(p, span);
}

static bool
on_bytes(void *arg, struct slice bytes)
{
	struct probe *p = arg;

	buf_add(&p->body, bytes);
	return true;
}

/* One that does not listen yet is loading, not broken. */
static bool
judge_child(const struct probe *p, struct fault *f)
{
	struct children *all = p->app->children;

	if (f->kind == FAULT_NONE)
		children_meet(all, p->backend->id);
	if (f->kind != FAULT_REFUSED || children_met(all, p->backend->id))
		return false;
	f->kind = FAULT_LOADING;
	return true;
}

/* Only a list that was understood is one. */
static void
take_list(struct probe *p, const struct transfer_result *t)
{
	struct buf names;
	struct probe_result result = { .fault = { .kind = t->fault },
		.models = &names };

	buf_init(&names, PROBE_BODY_MAX);
	p->ops->read_probe(
	    PROBE_MODELS, t->status, buf_slice(&p->body), &result);
	if (result.fault.kind == FAULT_NONE && t->status == 200 &&
	    buf_err(&names) == OK)
		listed_set(p->app->listed, p->backend->id, buf_slice(&names));
	buf_fini(&names);
	ask(p, PROBE_LOAD);
}

static void
on_done(void *arg, const struct transfer_result *t)
{
	struct probe *p = arg;
	struct probe_result result = { .fault = { .kind = t->fault,
					   .status = t->status } };
	enum probe_kind kind = p->kind;
	usec now = clock_now();

	p->transfer = NULL;
	if (kind == PROBE_MODELS) {
		take_list(p, t);
		return;
	}
	p->ops->read_probe(kind, t->status, buf_slice(&p->body), &result);
	buf_reset(&p->body);
	if (kind != PROBE_HEALTH) {
		switchboard_load(
		    p->app->board, p->backend->id, &result.load, NULL, now);
		rest(p);
		return;
	}
	p->loading = result.fault.kind == FAULT_LOADING;
	if (p->backend->command != NULL)
		p->loading |= judge_child(p, &result.fault);
	p->gone = fault_rule(result.fault.kind)->blame == BLAME_OPEN
	    ? p->gone + 1
	    : 0;
	log_debug("probe backend=%s status=%d result=%s", p->backend->name,
	    t->status, fault_rule(result.fault.kind)->name);
	if (result.fault.kind == FAULT_KEY && p->key != NULL &&
	    conf_api_key_spare(p->backend, NULL, p->key, now)) {
		conf_api_key_refuse(p->key, now + CONF_KEY_REST);
		rest(p); /* there is another one: the next time */
		return;
	}
	switchboard_load(
	    p->app->board, p->backend->id, &result.load, &result.fault, now);
	if (result.fault.kind == FAULT_NONE)
		ask(p, p->wild ? PROBE_MODELS : PROBE_LOAD);
	else
		rest(p);
}

static const struct transfer_ops ops = {
	.on_bytes = on_bytes,
	.on_done = on_done,
};

/* "http://host:8000/v1" -> the length of "http://host:8000". */
static size_t
root_length(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;

	return path != NULL ? (size_t)(path - url) : strlen(url);
}

static bool
url_of(const struct probe_call *c, char *out, size_t cap)
{
	char base[CONF_URL_MAX + 1];
	int n;

	if (!app_backend_url(c->app, c->backend, base, sizeof(base)))
		return false;
	if (!c->request->under_base)
		base[root_length(base)] = '\0';
	n = snprintf(out, cap, "%s%s", base, c->request->path);
	return n > 0 && (size_t)n < cap;
}

struct transfer *
probe_send(const struct probe_call *c, const struct transfer_ops *to, void *arg)
{
	const struct backend_ops *adapter =
	    backend_find(slice_of(c->backend->adapter));
	struct transfer_request t = { .method = "GET", .fresh = c->fresh };
	struct transfer *sent;
	struct buf headers;
	char url[768];

	if (!url_of(c, url, sizeof(url)))
		return NULL;
	buf_init(&headers, 8192);
	backend_add_auth(adapter, backend_probe_dialect(adapter),
	    c->key != NULL ? c->key->text : NULL, &headers);
	t.url = url;
	t.headers = buf_slice(&headers);
	transfer_target(&t, c->backend);
	sent = transfer_start(c->upstream, &t, to, arg);
	buf_fini(&headers);
	return sent;
}

static void
ask(struct probe *p, enum probe_kind kind)
{
	const struct conf_backend *b = p->backend;
	struct probe_request q;
	char url[768];

	if (!app_backend_url(p->app, b, url, sizeof(url))) {
		p->loading = true;
		rest(p);
		return;
	}
	if (!backend_probe(p->ops, kind, &q)) {
		rest(p);
		return;
	}
	p->kind = kind;
	p->key = conf_api_key_now(b, NULL, clock_now());
	buf_reset(&p->body);
	p->transfer = probe_send(&(struct probe_call){ .app = p->app,
				     .upstream = p->app->upstream,
				     .backend = b,
				     .key = p->key,
				     .request = &q },
	    &ops, p);
	arm(p, PROBE_TIMEOUT);
}

static void
on_closed(uv_handle_t *h)
{
	struct probe *p = h->data;

	buf_fini(&p->body);
	conf_unref(&p->conf);
	free(p);
}

static void
end_all(struct prober *pr)
{
	struct probe *p, *next;

	for (p = pr->probes; p != NULL; p = next) {
		next = p->next;
		p->closing = true;
		if (p->transfer != NULL)
			transfer_cancel(&p->transfer);
		uv_close((uv_handle_t *)&p->timer, on_closed);
	}
	pr->probes = NULL;
}

struct prober *
prober_new(struct app *app)
{
	struct prober *pr = calloc(1, sizeof(*pr));

	if (pr != NULL)
		pr->app = app;
	return pr;
}

static bool
is_wild(const struct conf *conf, const struct conf_backend *b)
{
	for (size_t i = 0; i < conf->n_servings; i++)
		if (conf->servings[i].backend == b &&
		    conf_is_pattern(conf->servings[i].upstream) &&
		    conf_is_pattern(conf->servings[i].model->name))
			return true;
	return false;
}

void
prober_configure(struct prober *pr)
{
	struct conf *conf = pr->app->conf;

	end_all(pr);
	for (size_t i = 0; i < conf->n_backends; i++) {
		const struct conf_backend *b = &conf->backends[i];
		struct probe *p;

		if (b->off != NULL || b->probe_interval == 0)
			continue;
		p = calloc(1, sizeof(*p));
		if (p == NULL)
			return;
		p->app = pr->app;
		p->backend = b;
		p->ops = backend_find(slice_of(b->adapter));
		p->metered = p->ops->always_warm && !b->local &&
		    !conf_url_is_private(b->url);
		p->conf = conf_ref(conf);
		p->wild = is_wild(conf, b);
		buf_init(&p->body, PROBE_BODY_MAX);
		uv_timer_init(&pr->app->loop, &p->timer);
		p->timer.data = p;
		p->next = pr->probes;
		pr->probes = p;
		arm(p, 0);
	}
}

void
prober_hurry(struct prober *pr, uint32_t backend)
{
	for (struct probe *p = pr->probes; p != NULL; p = p->next)
		if (p->backend->id == backend && p->transfer == NULL)
			arm(p, 0);
}

void
prober_free(struct prober **prp)
{
	if (*prp == NULL)
		return;
	end_all(*prp);
	free(*prp);
	*prp = NULL;
}
