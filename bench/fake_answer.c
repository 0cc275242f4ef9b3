/* bench/fake_answer.c - what fakellm says, and how it breaks off. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/fake.h"

#define ANSWER_MAX ((size_t)64 << 20)

/* --- plain replies --- */

void
fake_reply(struct fake_call *c, int status, const char *type, const char *extra,
    struct slice body)
{
	struct buf wire;

	buf_init(&wire, ANSWER_MAX + 4096);
	buf_addf(&wire,
	    "HTTP/1.1 %d X\r\ncontent-type: %s\r\ncontent-length: %zu\r\n%s"
	    "\r\n",
	    status, type, body.n + (c->fault == FAKE_SHORT ? 1000 : 0), extra);
	buf_add(&wire, body);
	fake_count(c, body);
	fake_send_raw(c->conn, buf_slice(&wire));
	buf_fini(&wire);
	if (c->fault == FAKE_SHORT)
		fake_hang_up(c, false);
	else
		fake_done(c);
}

void
fake_reply_json(struct fake_call *c, int status, struct buf *body)
{
	fake_reply(c, status, "application/json", "", buf_slice(body));
}

void
fake_reply_error(struct fake_call *c, int status)
{
	static const char loading[] =
	    "{\"error\":{\"code\":503,\"message\":\"Loading model\","
	    "\"type\":\"unavailable_error\"}}";
	static const char context[] =
	    "{\"error\":{\"message\":\"This model's maximum context length is "
	    "10 tokens\",\"type\":\"invalid_request_error\",\"param\":null,"
	    "\"code\":\"context_length_exceeded\"}}";
	static const char other[] =
	    "{\"error\":{\"message\":\"scripted failure\","
	    "\"type\":\"fake_error\",\"param\":null,\"code\":\"scripted\"}}";
	char extra[96] = "";
	const char *body = status == 503 ? loading : other;

	if (status == 413)
		body = context;
	if (c->retry_after_ms >= 0)
		snprintf(extra, sizeof(extra),
		    "retry-after: %.0f\r\nretry-after-ms: %.0f\r\n",
		    ceil(c->retry_after_ms / 1e3), c->retry_after_ms);
	fake_reply(c, status, "application/json", extra, slice_of(body));
}

/* --- bodies --- */

static void
add_words(struct fake *f, struct buf *b, unsigned n)
{
	for (unsigned i = 0; i < n && buf_err(b) == OK; i++)
		buf_addf(b, "%sword%u", i > 0 ? " " : "", i);
	if (f->o.pad > 0 && buf_reserve(b, f->o.pad)) {
		memset(b->p + b->n, 'x', f->o.pad);
		b->n += f->o.pad;
	}
}

static void
add_usage(struct fake_call *c, struct buf *b)
{
	unsigned prompt = c->prompt;

	buf_addf(b,
	    "\"usage\":{\"prompt_tokens\":%u,\"completion_tokens\":%u,"
	    "\"total_tokens\":%u}",
	    prompt, c->tokens, prompt + c->tokens);
}

static void
render_embeddings(struct fake *f, struct fake_call *c, struct buf *b)
{
	buf_add_str(b, "{\"object\":\"list\",\"data\":[");
	for (unsigned i = 0; i < c->inputs; i++) {
		buf_addf(b,
		    "%s{\"object\":\"embedding\",\"index\":%u,\"embedding\":[",
		    i > 0 ? "," : "", i);
		for (unsigned k = 0; k < f->o.embedding_size; k++)
			buf_addf(b, "%s%g", k > 0 ? "," : "",
			    (double)(i + 1) / (double)(k + 2));
		buf_add_str(b, "]}");
	}
	buf_addf(b,
	    "],\"model\":\"%s\",\"usage\":{\"prompt_tokens\":%u,"
	    "\"total_tokens\":%u}}",
	    f->o.model, c->inputs, c->inputs);
}

static void
render_whole(struct fake *f, struct fake_call *c, struct buf *b)
{
	unsigned n = c->fault == FAKE_NO_TOKENS ? 0 : c->tokens;
	bool chat = strcmp(c->path, "chat") == 0;

	if (fake_media_whole(f, c, b))
		return;
	if (strcmp(c->path, "embeddings") == 0) {
		render_embeddings(f, c, b);
		return;
	}
	buf_addf(b,
	    "{\"id\":\"fake-1\",\"object\":\"%s\",\"created\":1,"
	    "\"model\":\"%s\",\"choices\":[{\"index\":0,%s",
	    chat ? "chat.completion" : "text_completion", f->o.model,
	    chat ? "\"message\":{\"role\":\"assistant\",\"content\":\""
		 : "\"text\":\"");
	add_words(f, b, n);
	buf_addf(b, "\"%s,\"finish_reason\":\"stop\"}],", chat ? "}" : "");
	add_usage(c, b);
	buf_add_char(b, '}');
	c->sent = n;
	f->tokens += n;
}

/* --- streams --- */

static void
chunk(struct fake_call *c, struct slice body)
{
	char size[16];
	struct buf wire;
	int n = snprintf(size, sizeof(size), "%zx\r\n", body.n);

	buf_init(&wire, ANSWER_MAX);
	buf_reserve(&wire, body.n + sizeof(size) + 2);
	buf_add(&wire, slice_make(size, (size_t)n));
	buf_add(&wire, body);
	buf_add_str(&wire, "\r\n");
	fake_count(c, body); /* what a client decodes, not what is sent */
	fake_send_raw(c->conn, buf_slice(&wire));
	buf_fini(&wire);
}

/* Put together without formats: there are 100,000 of them a second. */
static void
event(
    struct fake *f, struct fake_call *c, const char *delta, const char *finish)
{
	struct buf b;
	bool chat = strcmp(c->path, "chat") == 0;

	buf_init(&b, ANSWER_MAX);
	buf_reserve(&b, 256);
	buf_add_str(&b, "data: {\"id\":\"fake-1\",\"object\":\"");
	buf_add_str(&b, chat ? "chat.completion.chunk" : "text_completion");
	buf_add_str(&b, "\",\"created\":1,\"model\":\"");
	buf_add_str(&b, f->o.model);
	buf_add_str(&b, "\",\"choices\":[{\"index\":0,");
	buf_add_str(&b, chat ? "\"delta\":{" : "\"text\":");
	if (chat)
		buf_add_str(&b, delta);
	else
		buf_add_str(
		    &b, delta[0] != '\0' ? strchr(delta, ':') + 1 : "\"\"");
	buf_add_str(&b, chat ? "},\"finish_reason\":" : ",\"finish_reason\":");
	buf_add_str(&b, finish);
	buf_add_str(&b, "}]}\n\n");
	chunk(c, buf_slice(&b));
	buf_fini(&b);
}

static void
error_event(struct fake_call *c)
{
	chunk(c,
	    SLICE("data: {\"error\":{\"message\":\"scripted failure\","
		  "\"type\":\"fake_error\",\"param\":null,"
		  "\"code\":500}}\n\n"));
}

static void
end_stream(struct fake *f, struct fake_call *c)
{
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	if (fake_media_end(c, &b)) {
		if (b.n > 0)
			chunk(c, buf_slice(&b));
		buf_fini(&b);
		fake_send_raw(c->conn, SLICE("0\r\n\r\n"));
		fake_done(c);
		return;
	}
	if (c->fault != FAKE_NO_FINISH)
		event(f, c, "", "\"stop\"");
	if (c->usage) {
		buf_init(&b, 4096);
		buf_addf(&b,
		    "data: {\"id\":\"fake-1\",\"object\":"
		    "\"chat.completion.chunk\",\"created\":1,\"model\":\"%s\","
		    "\"choices\":[],",
		    f->o.model);
		add_usage(c, &b);
		buf_add_str(&b, "}\n\n");
		chunk(c, buf_slice(&b));
		buf_fini(&b);
	}
	if (c->fault != FAKE_NO_DONE)
		chunk(c, SLICE("data: [DONE]\n\n"));
	fake_send_raw(c->conn, SLICE("0\r\n\r\n"));
	fake_done(c);
}

static void
send_token(struct fake *f, struct fake_call *c)
{
	char delta[96];
	struct buf b;

	c->sent++;
	f->tokens++;
	buf_init(&b, ANSWER_MAX);
	if (fake_media_piece(c, &b)) {
		chunk(c, buf_slice(&b));
		buf_fini(&b);
		return;
	}
	snprintf(delta, sizeof(delta), "\"content\":\"%sword%u\"",
	    c->sent > 1 ? " " : "", c->sent - 1);
	event(f, c, delta, "null");
}

/* True: the fault ended or froze the stream. */
static bool
break_off(struct fake_call *c)
{
	if (c->fault == FAKE_HEADERS)
		return true; /* an engine goes on asking */
	if (c->sent < c->after)
		return false;
	switch (c->fault) {
	case FAKE_STALL:
		return true;
	case FAKE_CUT:
	case FAKE_CUT_RESET:
		fake_hang_up(c, c->fault == FAKE_CUT_RESET);
		return true;
	case FAKE_CUT_INSIDE:
		chunk(c, SLICE("data: {\"choices\":[{\"delta\":{\"cont"));
		fake_hang_up(c, false);
		return true;
	case FAKE_BAD_CHUNK:
		fake_send_raw(c->conn, SLICE("zz\r\nnot a chunk\r\n"));
		fake_hang_up(c, false);
		return true;
	case FAKE_ERROR_LATER:
		error_event(c);
		fake_send_raw(c->conn, SLICE("0\r\n\r\n"));
		fake_done(c);
		return true;
	default:
		return false;
	}
}

/* True: it goes on, at c->due. */
static bool
say_next(struct fake *f, struct fake_call *c)
{
	double gap = c->itl_ms;

	if (break_off(c))
		return false;
	if (c->sent >= c->tokens || c->fault == FAKE_NO_TOKENS) {
		end_stream(f, c);
		return false;
	}
	send_token(f, c);
	if (f->engine != NULL) {
		if (c->sent >= c->tokens)
			end_stream(f, c);
		return false;
	}
	if (c->itl_ms < 0)
		gap = fake_draw(f, f->o.itl_ms);
	c->due += (usec)(gap * 1e3 * f->slow);
	return true;
}

/* Tokens of a pace that are late by more than a gap leave together, as from
 * any server that has fallen behind; those without a pace one by one. */
void
fake_continue(struct fake *f, struct fake_call *c)
{
	struct fake_conn *conn = c->conn;
	bool more;

	if (c->itl_ms > 0)
		fake_cork(conn);
	do
		more = say_next(f, c);
	while (more && c->due <= clock_now());
	if (more)
		fake_at(f, c, c->due);
	fake_uncork(conn);
}

static void
begin_stream(struct fake *f, struct fake_call *c)
{
	char head[128];
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\ncontent-type: %s\r\n"
	    "transfer-encoding: chunked\r\n\r\n",
	    fake_media_type(c));

	fake_send_raw(c->conn, slice_make(head, (size_t)n));
	c->began = true;
	if (c->fault == FAKE_HEADERS)
		return;
	if (strcmp(c->path, "chat") == 0)
		event(f, c, "\"role\":\"assistant\",\"content\":\"\"", "null");
	if (c->fault == FAKE_ERROR_FIRST) {
		error_event(c);
		chunk(c, SLICE("data: [DONE]\n\n"));
		fake_send_raw(c->conn, SLICE("0\r\n\r\n"));
		fake_done(c);
		return;
	}
	fake_continue(f, c);
}

/* Its slot is taken and the time to the first token has passed. */
void
fake_begin(struct fake *f, struct fake_call *c)
{
	struct buf b;

	c->began_at = clock_now();
	switch (c->fault) {
	case FAKE_EMPTY:
		fake_reply(c, 200, "application/json", "", SLICE(""));
		return;
	case FAKE_HTML:
		fake_reply(c, 200, "text/html", "",
		    SLICE("<html><body>Welcome to nginx!</body></html>"));
		return;
	case FAKE_ERROR_200:
		fake_reply(c, 200, "application/json", "",
		    SLICE("{\"error\":{\"message\":\"scripted failure\","
			  "\"type\":\"fake_error\",\"code\":500}}"));
		return;
	default:
		break;
	}
	if (c->stream) {
		begin_stream(f, c);
		return;
	}
	if (c->fault == FAKE_CUT || c->fault == FAKE_CUT_RESET) {
		fake_send_raw(c->conn,
		    SLICE("HTTP/1.1 200 OK\r\ncontent-type: application/json"
			  "\r\ncontent-length: 500\r\n\r\n{\"choices\":["));
		fake_hang_up(c, c->fault == FAKE_CUT_RESET);
		return;
	}
	buf_init(&b, ANSWER_MAX);
	render_whole(f, c, &b);
	fake_reply_json(c, 200, &b);
	buf_fini(&b);
}
