/* gateway/commands/check_live.c - `check --live`: every serving asked for real.
 *
 * Each gets one streamed question of a few tokens (or one embedding), through
 * the same adapter code that serves; fallbacks too, since that is when one
 * wants to know. A wildcard serving has no model to ask: its backend is asked
 * which there are. */
#include "gateway/commands/check_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/child.h"
#include "gateway/commands/client.h"
#include "gateway/commands/command.h"
#include "gateway/lib/mask.h"
#include "gateway/lib/utf8.h"
#include "gateway/question.h"
#include "gateway/upstream/target.h"

#define LIVE_TIMEOUT (60 * USEC_SEC) /* or the backend's own */
#define MODELS_MAX ((size_t)4 << 20)
#define CHILD_WAIT (120 * USEC_SEC) /* for a model to load */
#define CHILD_POLL (300 * USEC_MS)

struct live_check {
	struct client *client;
	const struct conf *conf;
	struct buf *rows; /* of JSON; NULL: lines are printed */
};

/* One question. */
struct call {
	const struct conf_serving *serving;
	const char *base; /* its backend's URL */
	const char *key; /* NULL: it has none */
	size_t number; /* among its backend's keys, from 0 */
};

/* What came of it. */
struct finding {
	bool good;
	bool wild; /* of whatever there is */
	bool by_list; /* it was not asked itself: its list, of `models`, ... */
	bool named; /* ... has its name */
	double first_token_ms; /* below 0: none is shown */
	size_t models;
	char flaw[1024]; /* unless it is good */
};

/* --- what is told --- */

static bool
has_other_keys(const struct call *c)
{
	return c->serving->backend->n_api_keys > 1;
}

static void
begin_row(const struct live_check *live, const struct conf_backend *b)
{
	const struct slice before = buf_slice(live->rows);

	if (before.n > 0 && before.p[before.n - 1] == '}')
		buf_add_char(live->rows, ',');
	buf_add_str(live->rows, "{\"backend\":");
	buf_add_json(live->rows, slice_of(b->name));
}

static void
add_finding(const struct live_check *live, const struct finding *f)
{
	buf_addf(live->rows, ",\"good\":%s", f->good ? "true" : "false");
	if (f->good && f->by_list) {
		buf_addf(live->rows, ",\"models\":%zu", f->models);
		if (!f->wild)
			buf_addf(live->rows, ",\"asked\":false,\"listed\":%s",
			    f->named ? "true" : "false");
	} else if (f->good && f->first_token_ms < 0) {
		buf_add_str(live->rows, ",\"first_token_ms\":null");
	} else if (f->good) {
		buf_addf(
		    live->rows, ",\"first_token_ms\":%.3f", f->first_token_ms);
	} else {
		buf_add_str(live->rows, ",\"flaw\":");
		buf_add_json(live->rows, slice_of(f->flaw));
	}
	buf_add_char(live->rows, '}');
}

static void
tell_off(const struct live_check *live, const struct conf_backend *b)
{
	if (live->rows == NULL) {
		printf("%-12s off: %s\n", b->name, b->off);
		return;
	}
	begin_row(live, b);
	buf_add_str(live->rows, ",\"off\":");
	buf_add_json(live->rows, slice_of(b->off));
	buf_add_char(live->rows, '}');
}

/* Before it is asked: the answer may take a while. */
static void
announce(const struct live_check *live, const struct call *c)
{
	const struct conf_serving *s = c->serving;

	if (live->rows != NULL)
		return;
	printf("%-12s %-20s %-24s ", s->backend->name, s->model->name,
	    s->upstream);
	if (has_other_keys(c))
		printf("key %zu ", c->number);
	fflush(stdout);
}

static void
say_list(const struct finding *f)
{
	const char *s = command_s(f->models);

	if (f->wild)
		printf("good, lists %zu model%s\n", f->models, s);
	else if (f->named)
		printf("listed, not asked: a call would cost\n");
	else
		printf("not asked: a call would cost; it is not in the list of "
		       "%zu model%s\n",
		    f->models, s);
}

static void
tell(const struct live_check *live, const struct call *c,
    const struct finding *f)
{
	const struct conf_serving *s = c->serving;

	if (live->rows != NULL) {
		begin_row(live, s->backend);
		buf_add_str(live->rows, ",\"model\":");
		buf_add_json(live->rows, slice_of(s->model->name));
		buf_add_str(live->rows, ",\"upstream_model\":");
		buf_add_json(live->rows, slice_of(s->upstream));
		if (has_other_keys(c))
			buf_addf(live->rows, ",\"key\":%zu", c->number);
		add_finding(live, f);
	} else if (f->good && f->by_list) {
		say_list(f);
	} else if (f->good && f->first_token_ms < 0) {
		printf("good, but it shows none of its tokens\n");
	} else if (f->good) {
		printf("good, first token after %.0f ms\n", f->first_token_ms);
	} else {
		printf("BAD: %s\n", f->flaw);
	}
}

static void
tell_child(const struct live_check *live, const struct conf_backend *b,
    const char *flaw)
{
	struct finding f = { .good = false };

	snprintf(f.flaw, sizeof(f.flaw), "%s %s", b->command[0], flaw);
	if (live->rows == NULL) {
		printf("%-12s BAD: %s\n", b->name, f.flaw);
		return;
	}
	begin_row(live, b);
	add_finding(live, &f);
}

/* --- questions --- */

static void
on_header(void *arg, struct slice name, struct slice value)
{
	question_take_header(arg, name, value);
}

static void
on_bytes(void *arg, struct slice bytes)
{
	question_take(arg, bytes);
}

static usec
patience(const struct conf_backend *b)
{
	return b->timeouts.total < LIVE_TIMEOUT ? b->timeouts.total
						: LIVE_TIMEOUT;
}

/* The beginning of what it said: without our key, and on one line. */
static void
quote(struct slice body, const char *key, char *out, size_t cap)
{
	mask_copy(out, cap, body, key);
	for (char *p = out; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	utf8_calm(out, strlen(out), "");
}

static void
find_fault(const char *key, enum fault_kind kind,
    const struct transfer_result *result, const char *flaw, struct slice body,
    struct finding *f)
{
	char said[201];

	if (result->message[0] != '\0')
		flaw = result->message;

	quote(body, key, said, sizeof(said));
	snprintf(f->flaw, sizeof(f->flaw), "%s, status %d%s%s%s%s",
	    fault_rule(kind)->name, result->status, flaw[0] != '\0' ? ": " : "",
	    flaw, said[0] != '\0' ? ": " : "", said);
}

static void
judge(
    struct question *q, const struct transfer_result *result, struct finding *f)
{
	struct fault fault = question_end(q, result);

	f->good = fault.kind == FAULT_NONE;
	if (f->good && q->first_token == 0)
		f->first_token_ms = -1;
	else if (f->good)
		f->first_token_ms = (double)(q->first_token - q->sent) / 1e3;
	else
		find_fault(q->key, fault.kind, result, q->flaw,
		    buf_slice(&q->body), f);
}

static void
ask(struct client *c, struct question *q, const char *base, struct finding *f)
{
	const struct client_ops ops = { on_header, on_bytes };
	struct transfer_request t;
	struct transfer_result result;
	struct errmsg why;

	if (question_encode(q, base, &t, &why) != OK) {
		snprintf(f->flaw, sizeof(f->flaw), "%s", why.text);
		return;
	}
	client_send(c, &t, &ops, q, patience(q->serving->backend), &result);
	judge(q, &result, f);
}

static void
keep(void *arg, struct slice bytes)
{
	buf_add(arg, bytes);
}

static void
judge_list(const struct call *call, const struct transfer_result *result,
    struct slice body, struct finding *f)
{
	struct probe_result listed = { .fault = { .kind = result->fault } };
	struct slice rest, name;
	struct buf names;

	buf_init(&names, MODELS_MAX);
	listed.models = &names;
	backend_find(slice_of(call->serving->backend->adapter))
	    ->read_probe(PROBE_MODELS, result->status, body, &listed);
	if (listed.fault.kind == FAULT_NONE && result->status != 200)
		listed.fault.kind = FAULT_BAD_ANSWER; /* alive, and no more */
	f->good = f->by_list = listed.fault.kind == FAULT_NONE;
	rest = buf_slice(&names);
	while (slice_next(&rest, '\n', &name) && name.n > 0) {
		f->models++;
		f->named |= slice_is(name, call->serving->upstream);
	}
	if (!f->good)
		find_fault(call->key, listed.fault.kind, result, "", body, f);
	buf_fini(&names);
}

static void
ask_models(struct client *c, const struct call *call, struct finding *f)
{
	const struct conf_backend *b = call->serving->backend;
	const struct backend_ops *adapter = backend_find(slice_of(b->adapter));
	const struct client_ops ops = { .on_bytes = keep };
	struct transfer_request t = { .method = "GET" };
	struct transfer_result result;
	struct buf url, headers, body;

	buf_init(&url, 1024);
	buf_init(&headers, 8192);
	buf_init(&body, MODELS_MAX);
	buf_addf(&url, "%s/models", call->base);
	buf_add_char(&url, '\0');
	backend_add_auth(
	    adapter, backend_probe_dialect(adapter), call->key, &headers);
	t.url = url.p;
	t.headers = buf_slice(&headers);
	transfer_target(&t, b);
	if (buf_err(&url) == OK && buf_err(&headers) == OK) {
		client_send(c, &t, &ops, &body, patience(b), &result);
		judge_list(call, &result, buf_slice(&body), f);
	}
	buf_fini(&body);
	buf_fini(&headers);
	buf_fini(&url);
}

static void
ask_question(struct client *c, const struct call *call, struct finding *f)
{
	struct question *q = malloc(sizeof(*q));

	if (q == NULL)
		return;
	question_init(q, call->serving);
	q->key = call->key;
	ask(c, q, call->base, f);
	question_fini(q);
	free(q);
}

static bool
make_call(const struct live_check *live, const struct call *c)
{
	struct finding f = { .wild = conf_is_pattern(c->serving->upstream),
		.flaw = "out of memory" };

	announce(live, c);
	/* to be shown that a model talks or paints would cost something */
	if (f.wild || (c->serving->caps & (CAP_CHAT | CAP_EMBEDDINGS)) == 0)
		ask_models(live->client, c, &f);
	else
		ask_question(live->client, c, &f);
	tell(live, c, &f);
	return f.good;
}

/* With each of its keys: a bad one would be found out only when the one before
 * it is at its limit. */
static bool
ask_serving(const struct live_check *live, const struct conf_serving *s,
    const char *base)
{
	const struct conf_backend *b = s->backend;
	bool good = true;
	size_t i = 0;

	do {
		const struct call c = { s, base,
			b->n_api_keys > 0 ? b->api_keys[i].text : NULL, i };

		good &= make_call(live, &c);
	} while (++i < b->n_api_keys);
	return good;
}

/* --- children --- */

struct live_child {
	uv_loop_t loop;
	const struct conf *conf;
	uint32_t backend; /* id */
	char url[64];
	bool down;
};

static void
on_up(void *arg, const char *url)
{
	struct live_child *l = arg;

	snprintf(l->url, sizeof(l->url), "%s", url);
}

static void
on_down(void *arg)
{
	struct live_child *l = arg;

	l->down = true;
}

static bool
withholds(void *arg, struct slice variable)
{
	const struct live_child *l = arg;

	return conf_withholds(l->conf, l->backend, variable);
}

static void
on_stopped(void *arg)
{
	(void)arg;
}

/* Until the child's health probe says that the model is there. */
static bool
wait_healthy(struct client *c, struct live_child *l)
{
	usec end = clock_now() + CHILD_WAIT;
	struct transfer_result result;
	const struct client_ops ops = { NULL, NULL };
	char url[96];
	const struct transfer_request t = { .method = "GET",
		.url = url,
		.local = true,
		.connect_timeout = USEC_SEC };

	snprintf(
	    url, sizeof(url), "%.*s/health", (int)strlen(l->url) - 3, l->url);
	while (clock_now() < end && !l->down) {
		uv_run(&l->loop, UV_RUN_NOWAIT);
		client_send(c, &t, &ops, NULL, USEC_SEC, &result);
		if (result.status == 200)
			return true;
		uv_sleep(CHILD_POLL / USEC_MS);
	}
	return false;
}

static bool
ask_backend(const struct live_check *live, const struct conf_backend *b,
    const char *base)
{
	const struct conf *conf = live->conf;
	bool good = true;

	for (size_t i = 0; i < conf->n_servings; i++) {
		const struct conf_serving *s = &conf->servings[i];

		if (s->backend == b)
			good &= ask_serving(live, s, base);
	}
	return good;
}

static bool
ask_child(const struct live_check *live, const struct conf_backend *b)
{
	static const struct child_ops ops = { on_up, on_down, withholds };
	struct live_child l = { .conf = live->conf, .backend = b->id };
	struct child *child;
	bool good;

	if (uv_loop_init(&l.loop) != 0) {
		tell_child(live, b, "needs an event loop, and there is none");
		return false;
	}
	child = child_new(&l.loop, b->name, b->command, &ops, &l);
	good = child != NULL && wait_healthy(live->client, &l);
	if (good)
		good = ask_backend(live, b, l.url);
	else
		tell_child(live, b, "did not become healthy");
	child_stop(&child, on_stopped, &l);
	uv_run(&l.loop, UV_RUN_DEFAULT);
	uv_loop_close(&l.loop);
	return good;
}

static bool
ask_all(const struct live_check *live)
{
	bool good = true;

	for (size_t i = 0; i < live->conf->n_backends; i++) {
		const struct conf_backend *b = &live->conf->backends[i];

		if (b->off != NULL)
			tell_off(live, b);
		else if (b->command != NULL)
			good &= ask_child(live, b);
		else
			good &= ask_backend(live, b, b->url);
	}
	return good;
}

bool
check_live(const struct conf *conf, struct buf *rows)
{
	struct errmsg why = { "" };
	struct live_check live = {
		.client = client_new(&why), .conf = conf, .rows = rows
	};
	bool good = live.client != NULL;

	if (rows != NULL)
		buf_add_char(rows, '[');
	if (good)
		good = ask_all(&live);
	else
		fprintf(stderr, "check: %s\n", why.text);
	if (rows != NULL)
		buf_add_char(rows, ']');
	client_free(&live.client);
	return good;
}
