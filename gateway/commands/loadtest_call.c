/* gateway/commands/loadtest_call.c - one request of a load test. */
#include "gateway/commands/loadtest_call.h"

#include <stdlib.h>
#include <string.h>

#include "bench/load/prompt.h"

#define BODY_MAX ((size_t)64 << 20)
#define HEADERS_MAX ((size_t)128 << 10)
#define CONNECT_TIMEOUT (10 * USEC_SEC)

static void
on_header(void *arg, struct slice name, struct slice value)
{
	struct call *c = arg;

	if (slice_iis(name, "content-type"))
		c->events = slice_istarts(value, SLICE("text/event-stream"));
	else
		seen_header(&c->seen, name, value);
}

static void
on_headers_end(void *arg, int status)
{
	struct call *c = arg;

	c->seen.status = status;
}

static void
on_token(void *arg, const struct answer *a, usec now)
{
	(void)arg;
	(void)a;
	(void)now;
}

static bool
on_bytes(void *arg, struct slice bytes)
{
	struct call *c = arg;

	if (!c->events) {
		if (bytes.n > CALL_FLAW_MAX - c->flaw.n)
			bytes.n = CALL_FLAW_MAX - c->flaw.n;
		buf_add(&c->flaw, bytes);
	} else if (!c->too_long) {
		c->too_long = !answer_events(
		    &c->answer, bytes, clock_now(), on_token, NULL);
	}
	return true;
}

static void
on_done(void *arg, const struct transfer_result *r)
{
	struct call *c = arg;

	c->transfer = NULL;
	c->seen.ended = clock_now();
	c->seen.status = r->status;
	c->seen.fault = c->too_long ? FAULT_TOO_LARGE : r->fault;
	seen_answer(&c->seen, &c->answer);
	if (r->fault != FAULT_NONE && c->flaw.n == 0)
		buf_add(&c->flaw, slice_of(r->message));
	c->on_over(c);
}

static const struct transfer_ops ops = {
	.on_header = on_header,
	.on_headers_end = on_headers_end,
	.on_bytes = on_bytes,
	.on_done = on_done,
};

static void
render(struct call *c, const struct loadtest_options *o, const struct offer *d,
    struct rng *words)
{
	const struct prompt_setup p = {
		.model = c->seen.class->model,
		.tokens = d->prompt,
		.max_tokens = o->honour_lengths ? d->output : o->max_tokens,
		.extra = o->extra,
	};

	prompt_render(&p, words, &c->body);
	c->piece = buf_slice(&c->body);
}

static void
send_request(
    struct call *c, struct upstream *u, const struct loadtest_options *o)
{
	struct buf headers;

	buf_init(&headers, HEADERS_MAX);
	buf_add_str(&headers,
	    "content-type: application/json\naccept: text/event-stream\n");
	load_class_headers(c->seen.class, &headers);
	if (buf_err(&headers) == OK && buf_err(&c->body) == OK)
		c->transfer = transfer_start(u,
		    &(struct transfer_request){ .method = "POST",
			.url = o->url,
			.ca_file = o->ca_file,
			.headers = buf_slice(&headers),
			.body = &c->piece,
			.n_body = 1,
			.connect_timeout = CONNECT_TIMEOUT },
		    &ops, c);
	buf_fini(&headers);
}

struct call *
call_start(struct upstream *u, const struct loadtest_options *o,
    const struct offer *d, usec due, struct rng *words)
{
	struct call *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	list_init(&c->on);
	answer_init(&c->answer);
	buf_init(&c->body, BODY_MAX);
	buf_init(&c->flaw, CALL_FLAW_MAX);
	c->seen.class = &o->classes[d->class];
	c->seen.prompt = d->prompt;
	c->seen.due = due;
	render(c, o, d, words);
	c->seen.sent = clock_now();
	send_request(c, u, o);
	if (c->transfer == NULL) {
		call_free(c);
		return NULL;
	}
	return c;
}

void
call_give_up(struct call *c)
{
	c->seen.ended = clock_now();
	c->seen.gave_up = true;
	seen_answer(&c->seen, &c->answer);
	transfer_cancel(&c->transfer);
}

void
call_free(struct call *c)
{
	if (c == NULL)
		return;
	if (c->transfer != NULL)
		transfer_cancel(&c->transfer);
	list_remove(&c->on);
	answer_fini(&c->answer);
	buf_fini(&c->body);
	buf_fini(&c->flaw);
	free(c);
}
