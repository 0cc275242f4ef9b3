/* gateway/translation/responses_items.c - parts of an answer of responses, and
 * the answer as an object. */
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/digits.h"
#include "gateway/translation/responses.h"
#include "gateway/translation/returned.h"

const struct responses_words *
responses_words(enum responses_kind kind)
{
	static const struct responses_words words[] = {
		[RESPONSES_REASONED] = { "rs_", "response.content_part.added",
		    "response.reasoning_text.delta",
		    "response.reasoning_text.done",
		    "response.content_part.done", "content_index", "text" },
		[RESPONSES_SUMMARY] = { "rs_",
		    "response.reasoning_summary_part.added",
		    "response.reasoning_summary_text.delta",
		    "response.reasoning_summary_text.done",
		    "response.reasoning_summary_part.done", "summary_index",
		    "text" },
		[RESPONSES_SAID] = { "msg_", "response.content_part.added",
		    "response.output_text.delta", "response.output_text.done",
		    "response.content_part.done", "content_index", "text" },
		[RESPONSES_REFUSED] = { "msg_", "response.content_part.added",
		    "response.refusal.delta", "response.refusal.done",
		    "response.content_part.done", "content_index", "refusal" },
		[RESPONSES_CALL] = { "fc_", NULL,
		    "response.function_call_arguments.delta",
		    "response.function_call_arguments.done", NULL, NULL,
		    "arguments" },
		[RESPONSES_CUSTOM_CALL] = { "ctc_", NULL,
		    "response.custom_tool_call_input.delta",
		    "response.custom_tool_call_input.done", NULL, NULL,
		    "input" },
		[RESPONSES_SEARCH_CALL] = { "tsc_", NULL, NULL, NULL, NULL,
		    NULL, NULL },
	};

	return &words[kind];
}

/* --- the list --- */

static bool
grow(struct responses_state *s)
{
	size_t cap = s->cap > 0 ? 2 * s->cap : 4;
	struct responses_item *items;
	uint16_t *order;

	if (s->n < s->cap)
		return true;
	items = realloc(s->items, cap * sizeof(*items));
	if (items == NULL)
		return false;
	s->items = items;
	order = realloc(s->order, cap * sizeof(*order));
	if (order == NULL)
		return false;
	s->order = order;
	s->cap = cap;
	return true;
}

struct responses_item *
responses_new_item(
    struct translation *t, enum responses_kind kind, struct buf *out)
{
	struct responses_state *s = t->state;
	struct responses_item *item;

	if (s->n == RESPONSES_ITEMS)
		translation_fail(t, ERR_LIMIT, "more than 1024 parts", out);
	else if (!grow(s))
		translation_fail(t, ERR_MEMORY, NULL, out);
	if (buf_err(out) != OK)
		return NULL;
	item = &s->items[s->n++];
	*item = (struct responses_item){ .kind = kind, .status = "completed" };
	buf_init(&item->text, RESPONSES_WHOLE);
	buf_init(&item->call_id, RESPONSES_NAME);
	buf_init(&item->name, RESPONSES_NAME);
	buf_init(&item->extra, RETURNED_MAX);
	return item;
}

void
responses_fini(void *state)
{
	struct responses_state *s = state;

	for (size_t i = 0; i < s->n; i++) {
		buf_fini(&s->items[i].text);
		buf_fini(&s->items[i].call_id);
		buf_fini(&s->items[i].name);
		buf_fini(&s->items[i].extra);
	}
	free(s->items);
	free(s->order);
	map_fini(&s->tools);
}

void
responses_place_item(struct responses_state *s, struct responses_item *item)
{
	item->place = s->n_added;
	item->added = true;
	s->order[s->n_added++] = (uint16_t)(item - s->items);
}

/* --- calls --- */

static bool
has_twin(const struct responses_state *s, const struct responses_item *item)
{
	const struct responses_item *other = s->items;

	for (; other < s->items + s->n; other++)
		if (other != item && other->added &&
		    slice_eq(
			buf_slice(&other->call_id), buf_slice(&item->call_id)))
			return true;
	return false;
}

void
responses_say_call(struct translation *t, struct responses_item *item,
    const struct chat_call *c, struct buf *out)
{
	static const char *const limit =
	    "an id or a name of a call of more than 16 KiB";
	struct responses_state *s = t->state;

	s->bytes += c->id.n + c->name.n;
	if (item->call_id.n == 0)
		buf_add(&item->call_id, c->id);
	buf_add(&item->name, c->name);
	if (item->extra.n == 0 && c->extra.n <= RETURNED_MAX) {
		s->bytes += c->extra.n;
		buf_add(&item->extra, c->extra);
		translation_fail(t, buf_err(&item->extra), NULL, out);
	}
	translation_fail(t, buf_err(&item->call_id), limit, out);
	translation_fail(t, buf_err(&item->name), limit, out);
}

/* Clients answer a call by its id. */
void
responses_name_call(
    struct translation *t, struct responses_item *item, struct buf *out)
{
	enum err rc =
	    responses_find_tool(t, buf_slice(&item->name), &item->tool);

	translation_fail(t, rc, NULL, out);
	item->kind = item->tool.kind;
	responses_place_item(t->state, item);
	if (item->call_id.n > 0 && !has_twin(t->state, item))
		return;
	buf_reset(&item->call_id);
	buf_addf(&item->call_id, "call_%s%02zx", t->id, item->place);
	translation_fail(t, buf_err(&item->call_id), NULL, out);
}

/* Arguments are a string that has JSON in it. What came in pieces nobody has
 * validated yet: false where it is no object. */
static bool
read_arguments(struct slice text, struct buf *json)
{
	struct scan_member m;
	struct errmsg why;
	struct buf quoted;
	size_t n;

	buf_init(&quoted, text.n + 16);
	buf_add_str(&quoted, "{\"\":\"");
	buf_add(&quoted, text);
	buf_add_str(&quoted, "\"}");
	if (scan_object(buf_slice(&quoted), &m, 1, &n, &why) == OK)
		scan_unescape(m.value, json);
	else if (buf_err(&quoted) != OK)
		json->err = buf_err(&quoted);
	buf_fini(&quoted);
	return buf_err(json) == OK &&
	    scan_object(buf_slice(json), NULL, 0, &n, &why) == OK;
}

static void
replace_text(struct responses_item *item, struct slice text)
{
	buf_reset(&item->text);
	buf_add(&item->text, text);
	item->whole = SLICE("");
}

/* Of the arguments {"input": text} that text, without them what there is; or
 * the object on one line, without one an empty one. */
static enum err
take_arguments(struct responses_item *item)
{
	struct slice text = responses_text_of(item);
	struct scan_member m;
	struct buf json;
	enum err rc;
	bool is_object;

	buf_init(&json, text.n + 16);
	is_object = read_arguments(text, &json);
	if (item->kind == RESPONSES_SEARCH_CALL) {
		replace_text(item, is_object ? buf_slice(&json) : SLICE("{}"));
		responses_on_a_line(&item->text, 0);
	} else if (is_object && scan_get(buf_slice(&json), "input", &m) &&
	    m.type == SCAN_STRING) {
		replace_text(item, scan_inside(&m));
	}
	rc = buf_err(&json) != OK ? buf_err(&json) : buf_err(&item->text);
	buf_fini(&json);
	return rc;
}

struct slice
responses_text_of(const struct responses_item *item)
{
	return item->whole.n > 0 ? item->whole : buf_slice(&item->text);
}

void
responses_settle_text(
    struct translation *t, struct responses_item *item, struct buf *out)
{
	if (item->kind > RESPONSES_CALL)
		translation_fail(t, take_arguments(item), NULL, out);
	else if (item->kind == RESPONSES_CALL && responses_text_of(item).n == 0)
		item->whole = SLICE("{}");
}

/* --- as JSON --- */

static void
add_text(const struct responses_item *item, bool begins, struct buf *out)
{
	buf_add_char(out, '"');
	if (!begins)
		buf_add(out, responses_text_of(item));
	buf_add_char(out, '"');
}

void
responses_add_id(const struct translation *t, const struct responses_item *item,
    struct buf *out)
{
	static const char hex[] = "0123456789abcdef";
	char place[3] = { hex[item->place >> 8 & 15],
		hex[item->place >> 4 & 15], hex[item->place & 15] };
	size_t zero = item->place < 256;

	buf_add_char(out, '"');
	buf_add_str(out, responses_words(item->kind)->prefix);
	buf_add_str(out, t->id);
	buf_add(out, slice_make(place + zero, sizeof(place) - zero));
	buf_add_char(out, '"');
}

void
responses_add_part(
    const struct responses_item *item, bool begins, struct buf *out)
{
	static const char *const heads[] = {
		[RESPONSES_REASONED] = "{\"type\":\"reasoning_text\",\"text\":",
		[RESPONSES_SUMMARY] = "{\"type\":\"summary_text\",\"text\":",
		[RESPONSES_SAID] = "{\"type\":\"output_text\","
				   "\"annotations\":[],\"logprobs\":[],"
				   "\"text\":",
		[RESPONSES_REFUSED] = "{\"type\":\"refusal\",\"refusal\":",
	};

	buf_add_str(out, heads[item->kind]);
	add_text(item, begins, out);
	buf_add_char(out, '}');
}

static void
add_parts(const struct responses_item *item, bool begins, struct buf *out)
{
	buf_add_char(out, '[');
	if (!begins)
		responses_add_part(item, false, out);
	buf_add_char(out, ']');
}

static void
add_call(const struct translation *t, const struct responses_item *item,
    bool begins, struct buf *out)
{
	const struct responses_tool *tool = &item->tool;

	buf_add_str(out, ",\"call_id\":\"");
	returned_add_id(
	    out, buf_slice(&item->call_id), buf_slice(&item->extra), t->origin);
	if (item->kind == RESPONSES_SEARCH_CALL) {
		buf_add_str(out, "\",\"execution\":\"client\",\"arguments\":");
		buf_add(out, begins ? SLICE("{}") : buf_slice(&item->text));
		return;
	}
	buf_add_str(out, "\",\"name\":\"");
	buf_add(out, tool->name);
	if (tool->namespace.n > 0) {
		buf_add_str(out, "\",\"namespace\":\"");
		buf_add(out, tool->namespace);
	}
	buf_add_str(out, "\",\"");
	buf_add_str(out, responses_words(item->kind)->text);
	buf_add_str(out, "\":");
	add_text(item, begins, out);
}

/* A client that keeps nothing else of a thought keeps what it cannot read. */
static void
add_mark(const struct translation *t, struct buf *out)
{
	const struct responses_state *s = t->state;

	if (s->thinks == NULL || t->origin == 0)
		return;
	buf_add_str(out, ",\"encrypted_content\":\"");
	returned_add_mark(out, s->thinks, t->origin);
	buf_add_char(out, '"');
}

void
responses_add_item(const struct translation *t,
    const struct responses_item *item, bool begins, struct buf *out)
{
	static const char *const types[] = {
		[RESPONSES_REASONED] = "reasoning",
		[RESPONSES_SUMMARY] = "reasoning",
		[RESPONSES_SAID] = "message",
		[RESPONSES_REFUSED] = "message",
		[RESPONSES_CALL] = "function_call",
		[RESPONSES_CUSTOM_CALL] = "custom_tool_call",
		[RESPONSES_SEARCH_CALL] = "tool_search_call",
	};

	buf_add_str(out, "{\"id\":");
	responses_add_id(t, item, out);
	buf_add_str(out, ",\"type\":\"");
	buf_add_str(out, types[item->kind]);
	buf_add_str(out, "\",\"status\":\"");
	buf_add_str(out, begins ? "in_progress" : item->status);
	buf_add_char(out, '"');
	if (item->kind < RESPONSES_SAID && !begins)
		add_mark(t, out);
	switch (item->kind) {
	case RESPONSES_REASONED:
		buf_add_str(out, ",\"summary\":[],\"content\":");
		add_parts(item, begins, out);
		break;
	case RESPONSES_SUMMARY:
		buf_add_str(out, ",\"summary\":");
		add_parts(item, begins, out);
		break;
	case RESPONSES_SAID:
	case RESPONSES_REFUSED:
		buf_add_str(out, ",\"role\":\"assistant\",\"content\":");
		add_parts(item, begins, out);
		break;
	case RESPONSES_CALL:
	case RESPONSES_CUSTOM_CALL:
	case RESPONSES_SEARCH_CALL:
		add_call(t, item, begins, out);
		break;
	}
	buf_add_char(out, '}');
}

static void
add_usage(const struct usage *usage, struct buf *out)
{
	if (usage == NULL || !usage->known) {
		buf_add_str(out, ",\"usage\":null");
		return;
	}
	buf_addf(out,
	    ",\"usage\":{\"input_tokens\":%u,\"input_tokens_details\":{"
	    "\"cached_tokens\":%u,\"cache_write_tokens\":0},"
	    "\"output_tokens\":%u,\"output_tokens_details\":{"
	    "\"reasoning_tokens\":%u},\"total_tokens\":%llu}",
	    usage->input, usage->cached, usage->output, usage->reasoning,
	    (unsigned long long)usage->input + usage->output);
}

const char *
responses_status(enum chat_finish finish)
{
	return finish == CHAT_LENGTH || finish == CHAT_FILTERED ? "incomplete"
								: "completed";
}

static const char *
why_incomplete(enum chat_finish finish)
{
	switch (finish) {
	case CHAT_LENGTH:
		return "{\"reason\":\"max_output_tokens\"}";
	case CHAT_FILTERED:
		return "{\"reason\":\"content_filter\"}";
	default:
		return "null";
	}
}

void
responses_add_response(
    const struct translation *t, const struct usage *usage, struct buf *out)
{
	const struct responses_state *s = t->state;
	bool begins = usage == NULL;

	buf_addf(out,
	    "{\"id\":\"resp_%s\",\"object\":\"response\",\"created_at\":%lld,"
	    "\"status\":\"%s\",\"error\":null,\"incomplete_details\":%s,"
	    "\"model\":",
	    t->id, (long long)t->created,
	    begins ? "in_progress" : responses_status(s->finish),
	    why_incomplete(begins ? CHAT_GOES_ON : s->finish));
	buf_add_json(out, slice_of(t->model));
	buf_add_str(out, ",\"output\":[");
	for (size_t i = 0; i < s->n_added && !begins; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		responses_add_item(t, &s->items[s->order[i]], false, out);
	}
	buf_add_char(out, ']');
	add_usage(usage, out);
	buf_add(out, slice_make(t->kept.p, s->echoed));
	buf_add_char(out, '}');
}
