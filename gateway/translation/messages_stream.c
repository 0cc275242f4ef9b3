/* gateway/translation/messages_stream.c - a stream of chat as Anthropic's
 * events.
 *
 *	message_start
 *	  ( content_block_start content_block_delta* content_block_stop )*
 *	message_delta message_stop
 *
 * A block ends where the next begins. The one exception is a call whose
 * arguments are not whole by then: some backends make calls at the same time,
 * and what comes of it later goes to its block. */
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/digits.h"
#include "gateway/translation/messages.h"
#include "gateway/translation/returned.h"

/* --- how far the arguments of a call have come --- */

/* The character that an escape in a string of JSON means, cut off the front;
 * what is not ASCII is an x. */
static char
next_character(const char *p, size_t n, size_t *taken)
{
	static const char digits[] = "0123456789abcdef";
	unsigned c = 0;

	*taken = 1;
	if (p[0] != '\\' || n < 2)
		return p[0];
	*taken = 2;
	if (strchr("\"\\/", p[1]) != NULL)
		return p[1];
	if (p[1] != 'u' || n < 6)
		return ' ';
	*taken = 6;
	for (size_t i = 2; i < 6; i++) {
		const char *d = strchr(digits, p[i] | 0x20);

		c = c << 4 | (d != NULL ? (unsigned)(d - digits) : 0);
	}
	return c < 0x80 ? (char)c : 'x';
}

static void
follow(struct messages_json *j, char c)
{
	if (j->in_string) {
		if (!j->escaped && c == '"')
			j->in_string = false;
		j->escaped = !j->escaped && c == '\\';
	} else if (c == '"') {
		j->in_string = true;
	} else if (c == '{' || c == '[') {
		j->begun = true;
		j->depth++;
	} else if ((c == '}' || c == ']') && j->depth > 0) {
		j->depth--;
	}
}

static bool
is_whole(const struct messages_json *j)
{
	return j->begun && j->depth == 0;
}

/* As much of it as belongs to the arguments. */
static struct slice
take_arguments(struct messages_json *j, struct slice raw)
{
	size_t n = 0, taken;

	while (n < raw.n && !is_whole(j)) {
		follow(j, next_character(raw.p + n, raw.n - n, &taken));
		n += taken;
	}
	return slice_make(raw.p, n);
}

/* --- events --- */

/* Its beginning, up to the first member behind its type. */
#define EVENT(type) "event: " type "\ndata: {\"type\":\"" type "\""
#define BLOCK_EVENT(type) EVENT(type) ",\"index\":"

/* What stands before a delta's string. */
#define DELTA(type, name) ",\"delta\":{\"type\":\"" type "\",\"" name "\":\""

static void
begin_block_event(struct buf *out, const char *event, uint32_t block)
{
	char digits[DIGITS_MAX];

	buf_add_str(out, event);
	buf_add(out, slice_make(digits, digits_u64(digits, block)));
}

static void
end_event(struct buf *out)
{
	buf_add_str(out, "}\n\n");
}

/* The string as it is written. */
static void
add_delta(struct buf *out, uint32_t block, const char *delta, struct slice raw)
{
	begin_block_event(out, BLOCK_EVENT("content_block_delta"), block);
	buf_add_str(out, delta);
	buf_add(out, raw);
	buf_add_str(out, "\"}}\n\n");
}

static void
stop_block(struct buf *out, uint32_t block)
{
	begin_block_event(out, BLOCK_EVENT("content_block_stop"), block);
	end_event(out);
}

static void
begin(struct translation *t, struct buf *out)
{
	static const struct usage none = { .known = false };
	struct messages_state *s = t->state;

	if (s->begun)
		return;
	s->begun = true;
	buf_add_str(out, EVENT("message_start"));
	buf_add_str(out, ",\"message\":{");
	messages_add_head(t, out);
	buf_add_str(out,
	    ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
	    "\"usage\":");
	messages_add_usage(&none, out);
	buf_add_char(out, '}');
	end_event(out);
}

/* While a model thinks unseen: proxies cut connections that look dead. */
#define PING_EVERY 64 /* pieces of reasoning */

static void
add_ping(struct buf *out)
{
	buf_add_str(out, EVENT("ping"));
	end_event(out);
}

/* --- blocks of text and thinking --- */

/* Signatures are for Anthropic to check: here one says no more than who it was
 * that thought. */
static void
add_signature(const struct translation *t, struct buf *out)
{
	const struct messages_state *s = t->state;

	begin_block_event(out, BLOCK_EVENT("content_block_delta"), s->at);
	buf_add_str(out, DELTA("signature_delta", "signature"));
	returned_add_mark(out, s->thinks, t->origin);
	buf_add_str(out, "\"}}\n\n");
}

static void
end_open(const struct translation *t, struct buf *out)
{
	struct messages_state *s = t->state;

	if (s->open == BLOCK_NONE)
		return;
	if (s->open == BLOCK_THINKING)
		add_signature(t, out);
	stop_block(out, s->at);
	s->open = BLOCK_NONE;
}

static void
end_call(struct messages_state *s, size_t at, struct buf *out)
{
	struct messages_call *c = &s->calls_open[at];

	stop_block(out, c->block);
	s->n_open--;
	memmove(c, c + 1, (s->n_open - at) * sizeof(*c));
}

/* All that are whole, or all. */
static void
end_calls(struct messages_state *s, bool all, struct buf *out)
{
	for (size_t i = 0; i < s->n_open;)
		if (all || is_whole(&s->calls_open[i].json))
			end_call(s, i, out);
		else
			i++;
}

static void
begin_piece(
    const struct translation *t, enum messages_block kind, struct buf *out)
{
	struct messages_state *s = t->state;

	end_open(t, out);
	end_calls(s, false, out);
	s->open = kind;
	s->at = s->blocks++;
	begin_block_event(out, BLOCK_EVENT("content_block_start"), s->at);
	buf_add_str(out, ",\"content_block\":");
	buf_add_str(out,
	    kind == BLOCK_THINKING
		? "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"
		: "{\"type\":\"text\",\"text\":\"\"}");
	end_event(out);
}

static void
add_piece(const struct translation *t, enum messages_block kind,
    struct slice raw, struct buf *out)
{
	struct messages_state *s = t->state;
	const bool thinks = kind == BLOCK_THINKING;

	if (raw.n == 0)
		return;
	if (thinks && !s->shows_thinking) {
		if (++s->hidden % PING_EVERY == 0)
			add_ping(out);
		return;
	}
	if (s->open != kind)
		begin_piece(t, kind, out);
	add_delta(out, s->at,
	    thinks ? DELTA("thinking_delta", "thinking")
		   : DELTA("text_delta", "text"),
	    raw);
}

/* --- calls --- */

/* The one that a part belongs to by its index; without one, the last. */
static struct messages_call *
find_call(struct messages_state *s, const struct chat_call *part)
{
	for (size_t i = s->n_open; i-- > 0;)
		if (!part->indexed || s->calls_open[i].index == part->index)
			return &s->calls_open[i];
	return NULL;
}

static uint64_t
hash_of(struct slice id)
{
	return id.n > 0 ? slice_hash(id) : 0;
}

/* Whether it begins a call. Several may have one index, and the parts of one
 * call several ids: where the index or the id does not tell, a name does. */
static bool
begins(const struct messages_call *open, const struct chat_call *part)
{
	if (part->name.n == 0)
		return false;
	if (open == NULL)
		return true;
	if (part->id.n > 0)
		return hash_of(part->id) != open->id;
	return !part->indexed || is_whole(&open->json);
}

static struct messages_call *
open_call(struct translation *t, struct buf *out)
{
	struct messages_state *s = t->state;
	size_t cap = s->cap_open > 0 ? 2 * s->cap_open : 4;
	struct messages_call *calls;

	if (s->n_open == MESSAGES_CALLS_OPEN) {
		translation_fail(
		    t, ERR_LIMIT, "more than 1024 calls at a time", out);
		return NULL;
	}
	if (s->n_open == s->cap_open) {
		calls = realloc(s->calls_open, cap * sizeof(*calls));
		if (calls == NULL) {
			translation_fail(t, ERR_MEMORY, NULL, out);
			return NULL;
		}
		s->calls_open = calls;
		s->cap_open = cap;
	}
	return &s->calls_open[s->n_open++];
}

static void
begin_call_event(struct translation *t, struct messages_call *c,
    struct slice id, const struct chat_call *part, struct buf *out)
{
	c->id = hash_of(id);
	begin_block_event(out, BLOCK_EVENT("content_block_start"), c->block);
	buf_add_str(out, ",\"content_block\":{\"type\":\"tool_use\",\"id\":");
	messages_add_id(t, id, part->extra, out);
	buf_add_str(out, ",\"name\":\"");
	messages_add_meant(t, part->name, out);
	buf_add_str(out, "\",\"input\":{}}");
	end_event(out);
}

static void
add_arguments(struct messages_call *c, struct slice raw, struct buf *out)
{
	struct slice arguments = take_arguments(&c->json, raw);

	if (arguments.n > 0)
		add_delta(out, c->block,
		    DELTA("input_json_delta", "partial_json"), arguments);
}

static struct messages_call *
begin_call(struct translation *t, const struct chat_call *part, struct buf *out)
{
	struct messages_state *s = t->state;
	struct messages_early *early;
	struct messages_call *c;
	struct slice id = part->id;

	end_open(t, out);
	end_calls(s, false, out);
	c = open_call(t, out);
	if (c == NULL)
		return NULL;
	*c = (struct messages_call){ .index = part->index,
		.block = s->blocks++ };
	early = messages_early_take(s, part);
	if (early != NULL && id.n == 0)
		id = messages_early_id(early);
	begin_call_event(t, c, id, part, out);
	if (early != NULL)
		add_arguments(c, messages_early_arguments(early), out);
	messages_early_free(&early);
	return c;
}

static void
add_object(struct buf *out, uint32_t block, struct slice object)
{
	begin_block_event(out, BLOCK_EVENT("content_block_delta"), block);
	buf_add_str(
	    out, ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":");
	buf_add_json(out, object);
	buf_add_char(out, '}');
	end_event(out);
}

/* What comes of a call that has been ended is dropped. */
static void
add_call(struct translation *t, const struct chat_call *part, struct buf *out)
{
	struct messages_state *s = t->state;
	struct messages_call *c = find_call(s, part);

	if (begins(c, part))
		c = begin_call(t, part, out);
	else if (c == NULL)
		messages_early_keep(t, part, out);
	if (c == NULL)
		return;
	if (part->object.n > 0 && !is_whole(&c->json)) {
		c->json.begun = true;
		add_object(out, c->block, part->object);
	}
	add_arguments(c, part->arguments, out);
}

/* --- all of it --- */

void
messages_event(struct translation *t, struct slice data, struct buf *out)
{
	struct messages_state *s = t->state;
	struct chat_answer a;
	struct chat_part piece;
	struct chat_call part;

	chat_read(data, &a);
	begin(t, out);
	if (a.reasoning.n > 0)
		s->thinks = a.thinks;
	add_piece(t, BLOCK_THINKING, a.reasoning, out);
	while (chat_next_part(&a.parts, &piece))
		add_piece(t, piece.thought ? BLOCK_THINKING : BLOCK_TEXT,
		    piece.text, out);
	add_piece(t, BLOCK_TEXT, a.text, out);
	add_piece(t, BLOCK_TEXT, a.refusal, out);
	if (a.calls.n > 0)
		while (chat_next_call(&a.calls, &part))
			add_call(t, &part, out);
	messages_note_finish(s, &a);
}

void
messages_end(struct translation *t, const struct usage *usage, struct buf *out)
{
	struct messages_state *s = t->state;

	begin(t, out);
	end_open(t, out);
	end_calls(s, true, out);
	buf_add_str(out, EVENT("message_delta"));
	buf_add_str(out, ",\"delta\":{");
	messages_add_stop(s, out);
	buf_add_str(out, "},\"usage\":");
	messages_add_usage(usage, out);
	end_event(out);
	buf_add_str(out, EVENT("message_stop"));
	end_event(out);
}
