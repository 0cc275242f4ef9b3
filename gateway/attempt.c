/* gateway/attempt.c - one try of one request on one serving: how it begins, how
 * long it may take. What comes back is read in attempt_bytes.c. */
#include "gateway/attempt_parts.h"

#include <stdlib.h>
#include <string.h>

#include "backends/embeddings.h"
#include "backends/whole.h"
#include "gateway/admin/drill.h"
#include "gateway/app.h"
#include "gateway/lib/count.h"
#include "gateway/limits.h"
#include "gateway/sent_name.h"
#include "gateway/session.h"
#include "gateway/steps.h"
#include "gateway/tracer.h"
#include "gateway/translation/translation.h"
#include "gateway/upstream/target.h"
#include "gateway/warm.h"

void
attempt_fail(struct attempt *a, enum fault_kind kind)
{
	if (a->failed)
		return;
	a->failed = true;
	a->fault = (struct fault){ .kind = kind, .status = a->head.status };
	request_wake(a->request);
}

void
attempt_accept(struct attempt *a)
{
	a->failed = false;
	a->fault = (struct fault){ .kind = FAULT_NONE };
	a->ready = true;
}

bool
attempt_is_whole(const struct attempt *a)
{
	return (a->done || (a->seen & EVENT_DONE) != 0) && !a->failed;
}

const char *
attempt_secret(const struct attempt *a)
{
	return a->key != NULL ? a->key->text : NULL;
}

/* --- starting --- */

#define OWN_MAX (TRACING_HEADERS_MAX + 512) /* of lines that none other has */
#define QUERY_MAX 1024 /* of a session: a model's name, escaped */
#define BETA_MAX 4096 /* bytes of anthropic-beta */

/* What the client wants that is in beta; more than is to be had is nothing. */
static struct slice
beta_of(const struct exchange *x, char *room, size_t size)
{
	struct buf list;

	if (exchange_header(x, "anthropic-beta").n == 0)
		return SLICE("");
	buf_on(&list, room, size);
	exchange_header_list(x, "anthropic-beta", &list);
	return buf_err(&list) == OK ? buf_slice(&list) : SLICE("");
}

static enum err
encode(struct attempt *a, struct encoded *out, struct errmsg *why)
{
	const struct request *r = a->request;
	struct scan_member chat[DIALECT_MEMBERS_MAX];
	char beta[BETA_MAX];
	struct encode_in in = {
		.ops = a->ops,
		.dialect = r->route->dialect,
		.path = r->route->upstream_path,
		.facts = &r->facts,
		.body = exchange_body(r->exchange),
		.members = r->parsed->members,
		.n_members = r->parsed->n_members,
		.model = r->parsed->model,
		.form_model = r->parsed->form_model,
		.form_end = r->parsed->form_end,
		.serving = a->serving,
		.model_name = slice_of(a->model),
		.want_usage = r->facts.stream,
		.api_key = attempt_secret(a),
		.max_tokens = limits_longest(r),
	};

	if (in.form_end.p != NULL)
		in.form_type = exchange_header(r->exchange, "content-type");
	if (attempt_is_translated(a) &&
	    attempt_translate(a, &in, chat, COUNT(chat), why) != OK)
		return ERR_INVALID;
	if (dialect_is_anthropic(in.dialect))
		in.beta = beta_of(r->exchange, beta, sizeof(beta));
	return backend_encode(&in, out, why);
}

static enum err
own_headers(const struct attempt *a, struct buf *out)
{
	char key[2 * IDEMPOTENCY_DIGEST + 1];

	if (a->request->hops > 0)
		buf_addf(out, "x-pointsman-hops: %u\n", a->request->hops);
	if (replay_key(a->request, a, key))
		buf_addf(out, "idempotency-key: %s\n", key);
	tracing_headers(a, out);
	if (a->request->session != NULL)
		session_add_lines(a->request, out);
	return buf_err(out);
}

static enum err
start_transfer(struct attempt *a, const struct encoded *e, const char *base)
{
	struct slice pieces[EDITS_PIECES_MAX];
	char url[CONF_URL_MAX + sizeof(e->path) + QUERY_MAX], own[OWN_MAX];
	struct buf b, lines;
	struct transfer_request t = {
		.method = a->request->route->method,
		.url = url,
		.upgrade = a->request->session != NULL,
		.streamed = a->request->facts.stream,
		.headers = buf_slice(&e->headers),
		.body = pieces,
	};
	size_t total;

	buf_on(&lines, own, sizeof(own));
	if (own_headers(a, &lines) != OK)
		return ERR_LIMIT;
	t.more = buf_slice(&lines);
	buf_on(&b, url, sizeof(url));
	buf_add_str(&b, base);
	buf_add_str(&b, e->path);
	if (t.upgrade) {
		session_begin(a->request);
		session_add_query(a, &b);
	}
	if (buf_err(&b) != OK)
		return ERR_LIMIT;
	url[b.n] = '\0';

	transfer_target(&t, a->serving->backend);
	t.n_body = edits_pieces(&e->body, pieces, &total);
	a->transfer = transfer_start(
	    a->request->worker->upstream, &t, &attempt_transfer_ops, a);
	return a->transfer != NULL ? OK : ERR_MEMORY;
}

/* By malloc(): before 2.41 glibc's calloc() passes by what it keeps at hand,
 * which is up to 1,032 bytes. */
static struct attempt *
attempt_new(struct request *r, struct ticket t, const struct plan *plan)
{
	const struct conf_serving *s =
	    conf_find_serving(r->conf, plan->serving);
	struct conf_sent model = conf_upstream_name(s, r->facts.model);
	const size_t n = model.start.n + model.end.n;
	struct attempt *a = malloc(sizeof(*a) + n + 1);

	if (a == NULL)
		return NULL;
	*a = (struct attempt){
		.request = r,
		.ticket = t,
		.ticketed = true,
		.plan = *plan,
		.model = (char *)(a + 1),
	};
	slice_copy(a->model, n + 1, model.start);
	slice_copy(a->model + model.start.n, model.end.n + 1, model.end);
	if (conf_is_pattern(s->upstream))
		sent_names_note(&r->sent, s->id, slice_of(a->model));
	outcome_make_room(r);
	a->number = r->n_attempts++;
	r->outcome.n_attempts = r->n_attempts;
	a->serving = s;
	a->ops = backend_find(slice_of(s->backend->adapter));
	a->sent = a->last_byte = r->worker->now;
	a->key = conf_api_key_now(s->backend, s, a->sent);
	a->head.dialect = r->route->dialect;
	sse_init(&a->sse);
	buf_init(&a->extra, 0);
	buf_init(&a->held, ATTEMPT_HELD_MAX);
	buf_init(&a->partial, SSE_EVENT_MAX);
	buf_init(&a->joined, SSE_EVENT_MAX);
	buf_init(&a->scratch, SSE_EVENT_MAX);
	return a;
}

static bool
is_drilled(struct request *r, const struct attempt *a)
{
	unsigned id = drill_meets(r->worker->app->drill,
	    a->serving->backend->id, r->tenant, r->drill, a->sent);

	if (id == 0)
		return false;
	if (r->drill == 0) {
		r->drill = id;
		r->drill_expected =
		    r->facts.stream ? a->plan.ttft : a->plan.total;
	}
	return true;
}

/* Of what was encoded only the bytes that the transfer may read are kept. */
static void
encode_and_send(struct attempt *a, const char *base)
{
	struct errmsg why = { "" };
	struct encoded e;

	encoded_init(&e);
	if (encode(a, &e, &why) != OK) {
		attempt_keep_message(a, slice_of(why.text));
		attempt_fail(a, FAULT_INTERNAL);
	} else if (start_transfer(a, &e, base) != OK) {
		attempt_fail(a, FAULT_INTERNAL);
	}
	a->usage_injected = e.usage_injected;
	a->extra = e.extra;
	buf_fini(&e.headers);
}

static void
start(struct attempt *a)
{
	struct request *r = a->request;
	char base[CONF_URL_MAX + 1];

	if (is_drilled(r, a)) {
		attempt_fail(a, FAULT_DRILL);
		return;
	}
	/* A child's port is known to the app, not to the configuration. */
	if (!app_backend_url(
		r->worker->app, a->serving->backend, base, sizeof(base))) {
		attempt_fail(a, FAULT_LOADING);
		return;
	}
	encode_and_send(a, base);
	/* a session's connection is its own */
	a->warmth = r->routing.slo.priority == PRIORITY_PREMIUM &&
	    r->session == NULL &&
	    warm_begin(r->worker->warm, a->serving->backend, a->sent);
}

struct attempt *
attempt_start(struct request *r, struct ticket t, const struct plan *plan)
{
	struct attempt *a = attempt_new(r, t, plan);

	if (a != NULL)
		start(a);
	return a;
}

struct attempt *
attempt_start_anew(const struct attempt *old, bool as_chat)
{
	struct attempt *a = attempt_new(old->request, old->ticket, &old->plan);

	if (a == NULL)
		return NULL;
	a->as_chat = as_chat || old->as_chat;
	start(a);
	return a;
}

void
attempt_free(struct attempt **ap)
{
	struct attempt *a = *ap;
	bool cut;

	if (a == NULL)
		return;
	cut = a->transfer != NULL && (a->seen & EVENT_DONE) == 0;
	if (cut)
		transfer_cancel(&a->transfer);
	else if (a->transfer != NULL)
		transfer_let_end(&a->transfer);
	if (a->warmth)
		warm_end(a->request->worker->warm, a->serving->backend, cut);
	buf_fini(&a->extra);
	buf_fini(&a->held);
	buf_fini(&a->partial);
	buf_fini(&a->joined);
	buf_fini(&a->scratch);
	whole_free(&a->whole);
	transcoder_free(&a->transcoder);
	translation_free(&a->translation);
	free(a->words);
	free(a->message);
	free(a);
	*ap = NULL;
}

/* --- in the middle --- */

bool
attempt_body_sent(const struct attempt *a)
{
	return a->transfer == NULL || transfer_body_done(a->transfer);
}

void
attempt_free_body(struct attempt *a)
{
	buf_fini(&a->extra);
	if (a->translation != NULL)
		translation_free_request(a->translation);
	if (a->transfer != NULL)
		transfer_free_body(a->transfer);
}

/* What passes may come otherwise than it was asked for. */
static bool
comes_in_pieces(const struct attempt *a)
{
	if (!dialect_passes(a->head.dialect) || a->mode == ATTEMPT_HEAD)
		return a->request->facts.stream;
	return a->mode != ATTEMPT_JSON;
}

usec
attempt_deadline(const struct attempt *a, usec now, enum fault_kind *passed)
{
	const struct conf_timeouts *t = &a->serving->backend->timeouts;
	usec at = a->sent + t->total, first;

	*passed = FAULT_NONE;
	if (a->failed || attempt_is_whole(a) || a->mode == ATTEMPT_TUNNEL)
		return USEC_NEVER;
	if (a->refused != 0)
		return a->refused + ATTEMPT_ERROR_WAIT;
	/* of a paced one nobody knows when it would have been done */
	if (at <= now)
		*passed = a->paced ? FAULT_DEADLINE : FAULT_TOTAL_TIMEOUT;
	if (!comes_in_pieces(a) || a->paused != 0)
		return at;
	first = a->first_token == 0 && a->request->facts.stream
	    ? a->sent + t->ttft
	    : a->last_byte + t->gap;
	if (first <= now)
		*passed = a->first_token == 0 ? FAULT_TTFT_TIMEOUT
					      : FAULT_GAP_TIMEOUT;
	return first < at ? first : at;
}

void
attempt_check_deadlines(struct attempt *a, usec polled)
{
	enum fault_kind passed;
	usec at = attempt_deadline(a, polled, &passed);

	if (passed != FAULT_NONE)
		attempt_fail(a, passed);
	else if (a->refused != 0 && at <= polled)
		attempt_fail_as_told(a);
}
