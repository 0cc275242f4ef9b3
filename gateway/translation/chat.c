/* gateway/translation/chat.c - what an answer of chat says. */
#include "gateway/translation/chat.h"

static void
read_reasoning(
    const struct scan_member *m, const char *name, struct chat_answer *out)
{
	if (out->reasoning.n > 0)
		return;
	out->reasoning = scan_inside(m);
	out->thinks = name;
}

/* A delta, or the message of a whole answer. */
static void
read_message(struct slice message, struct chat_answer *out)
{
	struct scan_member m;

	while (scan_next_member(&message, &m)) {
		if (scan_key_is(&m, "content") && m.type == SCAN_ARRAY)
			out->parts = m.value;
		else if (scan_key_is(&m, "content"))
			out->text = scan_inside(&m);
		else if (scan_key_is(&m, "reasoning_content"))
			read_reasoning(&m, "reasoning_content", out);
		else if (scan_key_is(&m, "reasoning"))
			read_reasoning(&m, "reasoning", out);
		else if (scan_key_is(&m, "refusal"))
			out->refusal = scan_inside(&m);
		else if (scan_key_is(&m, "tool_calls") && m.type == SCAN_ARRAY)
			out->calls = m.value;
	}
}

static void
read_choice(struct slice choice, struct chat_answer *out)
{
	struct scan_member m;

	while (scan_next_member(&choice, &m)) {
		if ((scan_key_is(&m, "delta") || scan_key_is(&m, "message")) &&
		    m.type == SCAN_OBJECT)
			read_message(m.value, out);
		else if (scan_key_is(&m, "finish_reason"))
			out->finish = chat_finish_of(&m);
		else if (scan_key_is(&m, "stop_reason") || /* vLLM's */
		    scan_key_is(&m, "matched_stop")) /* SGLang's */
			out->stop = scan_inside(&m);
	}
}

void
chat_read(struct slice json, struct chat_answer *out)
{
	struct scan_member choices;
	enum scan_type type;
	struct slice choice;

	*out = (struct chat_answer){ .finish = CHAT_GOES_ON };
	if (scan_get(json, "choices", &choices) && choices.type == SCAN_ARRAY &&
	    scan_next_element(&choices.value, &choice, &type) &&
	    type == SCAN_OBJECT)
		read_choice(choice, out);
}

/* {"type":"text","text":"a"}, or {"type":"thinking","thinking":[one such]} */
static void
read_part(struct slice part, struct chat_part *out)
{
	struct slice inner;
	enum scan_type type;
	struct scan_member m;

	while (scan_next_member(&part, &m)) {
		if (scan_key_is(&m, "text")) {
			out->text = scan_inside(&m);
		} else if (scan_key_is(&m, "thinking")) {
			out->thought = true;
			if (m.type == SCAN_ARRAY &&
			    scan_next_element(&m.value, &inner, &type) &&
			    type == SCAN_OBJECT && scan_get(inner, "text", &m))
				out->text = scan_inside(&m);
		}
	}
}

bool
chat_next_part(struct slice *parts, struct chat_part *out)
{
	struct slice part;
	enum scan_type type;

	*out = (struct chat_part){ .thought = false };
	if (parts->n == 0 || !scan_next_element(parts, &part, &type))
		return false;
	if (type == SCAN_OBJECT)
		read_part(part, out);
	return true;
}

static void
read_function(struct slice function, struct chat_call *out)
{
	struct scan_member m;

	while (scan_next_member(&function, &m)) {
		if (scan_key_is(&m, "name"))
			out->name = scan_inside(&m);
		else if (scan_key_is(&m, "arguments") && m.type == SCAN_OBJECT)
			out->object = m.value;
		else if (scan_key_is(&m, "arguments"))
			out->arguments = scan_inside(&m);
	}
}

bool
chat_next_call(struct slice *calls, struct chat_call *out)
{
	struct slice call;
	struct scan_member m;
	enum scan_type type;

	*out = (struct chat_call){ .index = 0 };
	if (calls->n == 0 || !scan_next_element(calls, &call, &type))
		return false;
	if (type != SCAN_OBJECT)
		return true;
	while (scan_next_member(&call, &m)) {
		if (scan_key_is(&m, "index"))
			out->indexed = scan_u64(m.value, &out->index);
		else if (scan_key_is(&m, "id"))
			out->id = scan_inside(&m);
		else if (scan_key_is(&m, "function") && m.type == SCAN_OBJECT)
			read_function(m.value, out);
		else if (scan_key_is(&m, "extra_content") &&
		    m.type == SCAN_OBJECT)
			out->extra = m.value;
	}
	return true;
}

struct slice
chat_arguments(const struct chat_call *c, struct buf *room)
{
	struct slice quoted;

	if (c->object.n == 0)
		return c->arguments;
	buf_add_json(room, c->object);
	quoted = buf_slice(room);
	return buf_err(room) == OK ? slice_make(quoted.p + 1, quoted.n - 2)
				   : SLICE("");
}
