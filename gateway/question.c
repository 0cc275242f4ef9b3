/* gateway/question.c - a short question to one serving. */
#include "gateway/question.h"

#include <stdio.h>

#include "gateway/upstream/target.h"

#define BODY_MAX ((size_t)4 << 20)

static const char chat_question[] =
    "{\"model\":\"m\",\"stream\":true,\"max_tokens\":8,"
    "\"messages\":[{\"role\":\"user\",\"content\":\"Count to ten.\"}]}";
static const char embeddings_question[] =
    "{\"model\":\"m\",\"input\":\"hello\"}";

static struct slice
text_of(const struct question *q)
{
	return q->route->dialect == DIALECT_CHAT ? SLICE(chat_question)
						 : SLICE(embeddings_question);
}

void
question_init(struct question *q, const struct conf_serving *s)
{
	bool known, chats = (s->caps & CAP_CHAT) != 0;

	*q = (struct question){ .serving = s,
		.flaw = "",
		.ops = backend_find(slice_of(s->backend->adapter)) };
	q->route = route_find(SLICE("POST"),
	    chats ? SLICE("/v1/chat/completions") : SLICE("/v1/embeddings"),
	    &known);
	q->head.dialect = q->route->dialect;
	sse_init(&q->sse);
	buf_init(&q->body, BODY_MAX);
	buf_init(&q->scratch, BODY_MAX);
	encoded_init(&q->out);
}

void
question_fini(struct question *q)
{
	buf_fini(&q->body);
	buf_fini(&q->scratch);
	encoded_fini(&q->out);
}

enum err
question_encode(struct question *q, const char *base,
    struct transfer_request *t, struct errmsg *why)
{
	struct encode_in in = { .ops = q->ops,
		.dialect = q->route->dialect,
		.path = q->route->upstream_path,
		.facts = &q->parsed.facts,
		.body = text_of(q),
		.serving = q->serving,
		.model_name = slice_of(q->serving->upstream),
		.api_key = q->key,
		.want_usage = true };
	struct dialect_error wrong;
	size_t total;
	enum err rc;

	rc = dialect_read(
	    dialect_get(q->route->dialect), in.body, &q->parsed, &wrong);
	if (rc != OK)
		return fail(why, rc, "%s", wrong.message);
	in.members = q->parsed.members;
	in.n_members = q->parsed.n_members;
	in.model = q->parsed.model;
	rc = backend_encode(&in, &q->out, why);
	if (rc != OK)
		return rc;
	snprintf(q->url, sizeof(q->url), "%s%s", base, q->out.path);
	*t = (struct transfer_request){ .method = "POST",
		.url = q->url,
		.headers = buf_slice(&q->out.headers),
		.body = q->pieces,
		.n_body = edits_pieces(&q->out.body, q->pieces, &total) };
	transfer_target(t, q->serving->backend);
	q->sent = clock_now();
	return OK;
}

void
question_take_header(struct question *q, struct slice name, struct slice value)
{
	q->ops->read_header(name, value, &q->head);
}

static bool
asks_for_stream(const struct question *q)
{
	return q->route->dialect == DIALECT_CHAT;
}

static bool
streams(const struct question *q)
{
	return asks_for_stream(q) && answer_may_stream(&q->head);
}

static void
note(struct question *q, const struct event *e)
{
	q->seen |= e->bits;
	q->limited |= e->limited;
	if ((e->bits & EVENT_USAGE) != 0)
		q->usage = e->usage;
	if ((e->bits & EVENT_TOKEN) == 0)
		return;
	q->last_token = clock_now();
	q->tokens += e->tokens > 0 ? e->tokens : 1;
	if (q->first_token == 0)
		q->first_token = q->last_token;
}

static void
take_event(struct question *q)
{
	struct event e;
	struct sse_fields f;

	buf_reset(&q->scratch);
	sse_parse(buf_slice(&q->body), &f, &q->scratch);
	if (!f.has_data)
		return;
	backend_decode(q->route->dialect, f.event, f.data, &e, &q->scratch);
	note(q, &e);
	if ((e.bits & EVENT_ERROR) == 0)
		buf_reset(&q->body); /* an error is kept, to be told */
}

void
question_take(struct question *q, struct slice bytes)
{
	while (bytes.n > 0) {
		enum sse_state s = SSE_MORE;
		size_t taken = bytes.n;

		if (streams(q))
			s = sse_scan(&q->sse, bytes, &taken);
		buf_add(&q->body, slice_make(bytes.p, taken));
		bytes = slice_make(bytes.p + taken, bytes.n - taken);
		if (s == SSE_LONG)
			return;
		if (s == SSE_EVENT && (q->seen & EVENT_ERROR) == 0)
			take_event(q);
	}
}

/* Where a request's answer is whole, whatever its connection comes to. */
static bool
has_ended(const struct question *q)
{
	const unsigned end = EVENT_FINISH | EVENT_DONE;

	return (q->seen & (end | EVENT_ERROR)) == end;
}

/* As a request would be: a whole document is no stream, and one without an end
 * is cut. Thoughts that are not shown may use up all that it may say. */
struct fault
question_end(struct question *q, const struct transfer_result *t)
{
	struct event e;

	q->head.status = t->status;
	if (t->fault != FAULT_NONE && !has_ended(q))
		return (struct fault){ .kind = t->fault };
	if (t->status == 200 && !asks_for_stream(q)) {
		backend_decode(q->route->dialect, SLICE(""),
		    buf_slice(&q->body), &e, &q->scratch);
		note(q, &e);
	}
	if (t->status != 200 || (q->seen & EVENT_ERROR) != 0 ||
	    ((q->seen & EVENT_TOKEN) == 0 && !q->limited)) {
		if (t->status == 200 && asks_for_stream(q) && !streams(q))
			q->flaw = "no events where a stream was asked for";
		return q->ops->classify(&q->head, buf_slice(&q->body));
	}
	if (asks_for_stream(q) && (q->seen & EVENT_FINISH) == 0) {
		q->flaw = "the stream ended without a finish_reason";
		return (struct fault){ .kind = FAULT_CUT };
	}
	return (struct fault){ .kind = FAULT_NONE };
}
