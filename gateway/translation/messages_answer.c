/* gateway/translation/messages_answer.c - a whole answer of chat as a message
 * of Anthropic's, and what that has in common with a stream. */
#include "gateway/lib/digits.h"
#include "gateway/translation/messages.h"
#include "gateway/translation/returned.h"

/* --- what a stream has, too --- */

static void
add_number(struct buf *out, uint64_t n)
{
	char digits[DIGITS_MAX];

	buf_add(out, slice_make(digits, digits_u64(digits, n)));
}

void
messages_add_head(const struct translation *t, struct buf *out)
{
	buf_add_str(out, "\"id\":\"msg_");
	buf_add_str(out, t->id);
	buf_add_str(
	    out, "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
	buf_add_json(out, slice_of(t->model));
}

/* What was read from a cache Anthropic counts apart. */
void
messages_add_usage(const struct usage *u, struct buf *out)
{
	uint32_t cached = u->cached < u->input ? u->cached : u->input;

	buf_add_str(out, "{\"input_tokens\":");
	add_number(out, u->input - cached);
	buf_add_str(out,
	    ",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":");
	add_number(out, cached);
	buf_add_str(out, ",\"output_tokens\":");
	add_number(out, u->output);
	if (u->reasoning > 0) {
		buf_add_str(
		    out, ",\"output_tokens_details\":{\"thinking_tokens\":");
		add_number(out, u->reasoning);
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

/* Keeps it, too. */
static bool
is_new(struct messages_state *s, struct slice id)
{
	uint64_t hash = slice_hash(id);

	for (size_t i = 0; i < MESSAGES_IDS; i++)
		if (s->ids[i] == hash)
			return false;
	s->ids[s->calls % MESSAGES_IDS] = hash;
	return true;
}

void
messages_add_id(const struct translation *t, struct slice id,
    struct slice extra, struct buf *out)
{
	struct messages_state *s = t->state;

	s->called = true;
	s->calls++;
	buf_add_char(out, '"');
	if (id.n > 0 && is_new(s, id)) {
		buf_add(out, id);
	} else {
		buf_add_str(out, "toolu_");
		buf_add_str(out, t->id);
		buf_add_char(out, '_');
		add_number(out, s->calls);
	}
	returned_add_id(out, SLICE(""), extra, t->origin);
	buf_add_char(out, '"');
}

void
messages_note_finish(struct messages_state *s, const struct chat_answer *a)
{
	s->refused |= a->refusal.n > 0;
	if (a->finish != CHAT_GOES_ON)
		s->finish = a->finish;
	if (s->has_stops && a->stop.n > 0 && a->stop.n < sizeof(s->stop))
		s->n_stop = slice_copy(s->stop, sizeof(s->stop), a->stop);
}

/* Some say `stop` though they made calls, or `tool_calls` though they made
 * none. */
static const char *
stop_reason(const struct messages_state *s)
{
	if (s->finish == CHAT_LENGTH)
		return "max_tokens";
	if (s->finish == CHAT_FILTERED || s->refused)
		return "refusal";
	if (s->called)
		return "tool_use";
	return s->n_stop > 0 ? "stop_sequence" : "end_turn";
}

void
messages_add_stop(const struct messages_state *s, struct buf *out)
{
	const char *reason = stop_reason(s);

	buf_add_str(out, "\"stop_reason\":\"");
	buf_add_str(out, reason);
	buf_add_str(out, "\",\"stop_sequence\":");
	if (slice_is(slice_of(reason), "stop_sequence")) {
		buf_add_char(out, '"');
		buf_add(out, slice_make(s->stop, s->n_stop));
		buf_add_char(out, '"');
	} else {
		buf_add_str(out, "null");
	}
}

/* --- a whole answer --- */

/* The beginning of a block, with whatever has to stand before it. */
static void
begin_block(struct messages_state *s, const char *text, struct buf *out)
{
	if (s->blocks++ > 0)
		buf_add_char(out, ',');
	buf_add_str(out, text);
}

static void
add_text(struct messages_state *s, struct slice raw, struct buf *out)
{
	if (raw.n == 0)
		return;
	begin_block(s, "{\"type\":\"text\",\"text\":\"", out);
	buf_add(out, raw);
	buf_add_str(out, "\"}");
}

static void
add_thought(struct translation *t, struct slice raw, const char *thinks,
    struct buf *out)
{
	struct messages_state *s = t->state;

	if (raw.n == 0 || !s->shows_thinking)
		return;
	begin_block(s, "{\"type\":\"thinking\",\"thinking\":\"", out);
	buf_add(out, raw);
	buf_add_str(out, "\",\"signature\":\"");
	returned_add_mark(out, thinks, t->origin);
	buf_add_str(out, "\"}");
}

/* The object that the string means; an empty one, where it means none. */
static void
add_input(struct slice raw, struct buf *out)
{
	const size_t before = out->n;
	struct errmsg why;
	struct slice input;
	size_t n;

	scan_unescape(slice_make(raw.p - 1, raw.n + 2), out);
	if (buf_err(out) != OK)
		return;
	input = slice_make(out->p + before, out->n - before);
	if (scan_object(input, NULL, 0, &n, &why) == OK)
		return;
	out->n = before;
	buf_add_str(out, "{}");
}

static void
add_call(struct translation *t, const struct chat_call *call, struct buf *out)
{
	if (call->name.n == 0)
		return;
	begin_block(t->state, "{\"type\":\"tool_use\",\"id\":", out);
	messages_add_id(t, call->id, call->extra, out);
	buf_add_str(out, ",\"name\":\"");
	messages_add_meant(t, call->name, out);
	buf_add_str(out, "\",\"input\":");
	if (call->object.n > 0)
		buf_add(out, call->object);
	else if (call->arguments.n > 0)
		add_input(call->arguments, out);
	else
		buf_add_str(out, "{}");
	buf_add_char(out, '}');
}

static void
add_content(struct translation *t, struct chat_answer *a, struct buf *out)
{
	struct messages_state *s = t->state;
	struct chat_part part;
	struct chat_call call;

	add_thought(t, a->reasoning, a->thinks, out);
	while (chat_next_part(&a->parts, &part))
		if (part.thought)
			add_thought(t, part.text, NULL, out);
		else
			add_text(s, part.text, out);
	add_text(s, a->text, out);
	add_text(s, a->refusal, out);
	if (a->calls.n > 0)
		while (chat_next_call(&a->calls, &call))
			add_call(t, &call, out);
}

void
messages_answer(struct translation *t, struct slice body,
    const struct usage *usage, struct buf *out)
{
	struct messages_state *s = t->state;
	struct chat_answer a;

	chat_read(body, &a);
	messages_note_finish(s, &a);
	buf_add_char(out, '{');
	messages_add_head(t, out);
	buf_add_str(out, ",\"content\":[");
	add_content(t, &a, out);
	buf_add_str(out, "],");
	messages_add_stop(s, out);
	buf_add_str(out, ",\"usage\":");
	messages_add_usage(usage, out);
	buf_add_char(out, '}');
}
