/* gateway/live.c - `check --live`: every serving asked for real.
 *
 * Each gets one streamed question of a few tokens (or one embedding), through
 * the same adapter code that serves; fallbacks too, since that is when one
 * wants to know. */
#include "gateway/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/child.h"
#include "gateway/client.h"
#include "gateway/command.h"
#include "gateway/dialects/dialect.h"
#include "gateway/upstream/target.h"

#define LIVE_TIMEOUT (60 * USEC_SEC)
#define LIVE_BODY_MAX ((size_t)4 << 20)
#define CHILD_WAIT (120 * USEC_SEC) /* for a model to load */
#define CHILD_POLL (300 * USEC_MS)

static const char chat_question[] =
    "{\"model\":\"m\",\"stream\":true,\"max_tokens\":8,"
    "\"messages\":[{\"role\":\"user\",\"content\":\"Say hello.\"}]}";
static const char embeddings_question[] =
    "{\"model\":\"m\",\"input\":\"hello\"}";

struct ask {
	const struct conf_serving *serving;
	const struct backend_ops *ops;
	const struct route *route;
	struct answer_head head;
	struct sse sse;
	struct buf partial, scratch;
	usec sent, first_token;
	unsigned seen;
	bool events;
};

static void
on_header(void *arg, struct slice name, struct slice value)
{
	struct ask *a = arg;

	a->ops->read_header(name, value, &a->head);
	if (slice_iis(name, "content-type"))
		a->events = slice_istarts(value, SLICE("text/event-stream"));
}

static void
take_event(struct ask *a, struct slice raw)
{
	struct event e = { .queue_time = -1 };
	struct sse_fields f;

	sse_parse(raw, &f, &a->scratch);
	if (!f.has_data)
		return;
	a->ops->decode(a->route->dialect, f.event, f.data, &e, &a->scratch);
	a->seen |= e.bits;
	if ((e.bits & EVENT_TOKEN) != 0 && a->first_token == 0)
		a->first_token = clock_now();
}

static void
on_bytes(void *arg, struct slice bytes)
{
	struct ask *a = arg;
	size_t taken;

	while (bytes.n > 0) {
		enum sse_state s = SSE_MORE;

		taken = bytes.n;
		if (a->events)
			s = sse_scan(&a->sse, bytes, &taken);
		buf_add(&a->partial, slice_make(bytes.p, taken));
		bytes = slice_make(bytes.p + taken, bytes.n - taken);
		if (s == SSE_LONG)
			return;
		if (s != SSE_EVENT)
			continue;
		take_event(a, buf_slice(&a->partial));
		buf_reset(&a->partial);
	}
}

/* Chat where the serving can, else embeddings. */
static const struct route *
route_for(const struct conf_serving *s, struct slice *question)
{
	bool known;

	if ((s->caps & CAP_CHAT) != 0) {
		*question = SLICE(chat_question);
		return route_find(
		    SLICE("POST"), SLICE("/v1/chat/completions"), &known);
	}
	*question = SLICE(embeddings_question);
	return route_find(SLICE("POST"), SLICE("/v1/embeddings"), &known);
}

static bool
verdict(struct ask *a, const struct transfer_result *result)
{
	struct event e = { .queue_time = -1 };
	struct fault fault;

	if (result->fault == FAULT_NONE && result->status == 200) {
		if (!a->events)
			a->ops->decode(a->route->dialect, SLICE(""),
			    buf_slice(&a->partial), &e, &a->scratch);
		if (((a->seen | e.bits) & EVENT_TOKEN) != 0 &&
		    ((a->seen | e.bits) & EVENT_ERROR) == 0) {
			printf("good, first token after %.0f ms\n",
			    (double)((a->first_token > 0 ? a->first_token
							 : clock_now()) -
				a->sent) /
				1e3);
			return true;
		}
	}
	a->head.status = result->status;
	fault.kind = result->fault;
	if (fault.kind == FAULT_NONE)
		fault = a->ops->classify(&a->head, buf_slice(&a->partial));
	printf("BAD: %s, status %d%s%s%s%.*s\n", fault_rule(fault.kind)->name,
	    result->status, result->message[0] != '\0' ? ": " : "",
	    result->message, a->partial.n > 0 ? ": " : "",
	    a->partial.n < 200 ? (int)a->partial.n : 200,
	    a->partial.n > 0 ? a->partial.p : "");
	return false;
}

static bool
send_question(struct client *c, struct ask *a, const char *base,
    struct slice question, struct dialect_request *parsed)
{
	const struct client_ops ops = { on_header, on_bytes };
	struct slice pieces[EDITS_PIECES_MAX];
	struct encoded out;
	struct errmsg why;
	struct transfer_result result;
	struct transfer_request t = { .method = "POST", .body = pieces };
	struct encode_in in = { .dialect = a->route->dialect,
		.path = a->route->upstream_path,
		.facts = &parsed->facts,
		.body = question,
		.members = parsed->members,
		.n_members = parsed->n_members,
		.model = parsed->model,
		.serving = a->serving,
		.model_name = slice_of(a->serving->upstream) };
	char url[640];
	size_t total;
	bool good = false;

	encoded_init(&out);
	if (a->ops->encode(&in, &out, &why) != OK) {
		printf("BAD: %s\n", why.text);
	} else {
		snprintf(url, sizeof(url), "%s%s", base, out.path);
		t.url = url;
		t.headers = buf_slice(&out.headers);
		t.n_body = edits_pieces(&out.body, pieces, &total);
		transfer_target(&t, a->serving->backend);
		a->sent = clock_now();
		client_send(c, &t, &ops, a, LIVE_TIMEOUT, &result);
		good = verdict(a, &result);
	}
	encoded_fini(&out);
	return good;
}

static bool
ask_serving(struct client *c, const struct conf_serving *s, const char *base)
{
	struct ask a = { .serving = s,
		.ops = backend_find(slice_of(s->backend->adapter)) };
	struct dialect_request *parsed = malloc(sizeof(*parsed));
	struct dialect_error why;
	struct slice question;
	bool good = false;

	printf("%-12s %-20s %-24s ", s->backend->name, s->model->name,
	    s->upstream);
	fflush(stdout);
	a.route = route_for(s, &question);
	sse_init(&a.sse);
	buf_init(&a.partial, LIVE_BODY_MAX);
	buf_init(&a.scratch, LIVE_BODY_MAX);
	if (parsed != NULL &&
	    dialect_get(a.route->dialect)->parse(question, parsed, &why) == OK)
		good = send_question(c, &a, base, question, parsed);
	buf_fini(&a.partial);
	buf_fini(&a.scratch);
	free(parsed);
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
ask_backend(struct client *c, const struct conf *conf,
    const struct conf_backend *b, const char *base)
{
	bool good = true;

	for (size_t i = 0; i < conf->n_servings; i++) {
		const struct conf_serving *s = &conf->servings[i];

		if (s->backend == b && strcmp(s->upstream, "*") != 0)
			good &= ask_serving(c, s, base);
	}
	return good;
}

static bool
ask_child(
    struct client *c, const struct conf *conf, const struct conf_backend *b)
{
	static const struct child_ops ops = { on_up, on_down, withholds };
	struct live_child l = { .conf = conf, .backend = b->id };
	struct child *child;
	bool good;

	uv_loop_init(&l.loop);
	child = child_new(&l.loop, b->name, b->command, NULL, &ops, &l);
	good = child != NULL && wait_healthy(c, &l);
	if (good)
		good = ask_backend(c, conf, b, l.url);
	else
		printf("%-12s BAD: %s did not become healthy\n", b->name,
		    b->command[0]);
	child_stop(&child, on_stopped, &l);
	uv_run(&l.loop, UV_RUN_DEFAULT);
	uv_loop_close(&l.loop);
	return good;
}

int
live_check(const struct conf *conf)
{
	struct errmsg why = { "" };
	struct client *c = client_new(&why);
	bool good = c != NULL;

	for (size_t i = 0; c != NULL && i < conf->n_backends; i++) {
		const struct conf_backend *b = &conf->backends[i];

		if (b->off != NULL)
			printf("%-12s off: %s\n", b->name, b->off);
		else if (b->command != NULL)
			good &= ask_child(c, conf, b);
		else
			good &= ask_backend(c, conf, b, b->url);
	}
	client_free(&c);
	return good ? EXIT_GOOD : EXIT_BAD;
}
