/* gateway/translation/responses_request.c - a request of responses as one of
 * chat. */
#include "gateway/lib/count.h"
#include "gateway/translation/responses.h"

static const char *const names[RESPONSES_FIELDS] = {
	[RESPONSES_INPUT] = "input",
	[RESPONSES_INSTRUCTIONS] = "instructions",
	[RESPONSES_MAX_OUTPUT_TOKENS] = "max_output_tokens",
	[RESPONSES_PARALLEL_TOOL_CALLS] = "parallel_tool_calls",
	[RESPONSES_REASONING] = "reasoning",
	[RESPONSES_STREAM] = "stream",
	[RESPONSES_TEMPERATURE] = "temperature",
	[RESPONSES_TEXT] = "text",
	[RESPONSES_TOOL_CHOICE] = "tool_choice",
	[RESPONSES_TOOLS] = "tools",
	[RESPONSES_TOP_LOGPROBS] = "top_logprobs",
	[RESPONSES_TOP_P] = "top_p",
	[RESPONSES_MAX_TOOL_CALLS] = "max_tool_calls",
	[RESPONSES_METADATA] = "metadata",
	[RESPONSES_PROMPT_CACHE_KEY] = "prompt_cache_key",
	[RESPONSES_SAFETY_IDENTIFIER] = "safety_identifier",
	[RESPONSES_TRUNCATION] = "truncation",
	[RESPONSES_USER] = "user",
	[RESPONSES_INCLUDE] = "include",
	[RESPONSES_MODERATION] = "moderation",
	[RESPONSES_CONVERSATION] = "conversation",
	[RESPONSES_PREVIOUS_RESPONSE_ID] = "previous_response_id",
	[RESPONSES_PROMPT] = "prompt",
};

static void
find_fields(struct slice object, struct responses_body *out)
{
	struct scan_member m;

	for (size_t i = 0; i < RESPONSES_FIELDS; i++)
		out->at[i].type = SCAN_NULL;
	while (scan_next_member(&object, &m))
		for (size_t i = 0; i < RESPONSES_FIELDS; i++)
			if (out->at[i].type == SCAN_NULL &&
			    scan_key_is(&m, names[i]))
				out->at[i] = m;
}

/* What only who has stored it knows. */
static enum err
refuse_stored(const struct responses_body *body, struct errmsg *why)
{
	for (size_t i = RESPONSES_CONVERSATION; i < RESPONSES_FIELDS; i++)
		if (body->at[i].type != SCAN_NULL)
			return fail(why, ERR_UNSUPPORTED,
			    "%s: nothing is stored for chat: send all items as "
			    "input, or use a backend that speaks /v1/responses",
			    names[i]);
	return OK;
}

static void
add_as(struct buf *chat, const char *name, const struct scan_member *m)
{
	if (m->type == SCAN_NULL)
		return;
	buf_add_str(chat, ",\"");
	buf_add_str(chat, name);
	buf_add_str(chat, "\":");
	buf_add(chat, m->value);
}

/* The three words that all know who know any; those at the ends become the
 * nearest of them. None is no word to a model that does not reason. */
static void
add_effort(const struct scan_member *reasoning, struct buf *chat)
{
	static const struct {
		const char *theirs, *ours;
	} words[] = {
		{ "minimal", "low" },
		{ "low", "low" },
		{ "medium", "medium" },
		{ "high", "high" },
		{ "xhigh", "high" },
		{ "max", "high" },
	};
	struct slice effort;

	if (reasoning->type != SCAN_OBJECT)
		return;
	effort = responses_get_text(reasoning->value, "effort");
	for (size_t i = 0; i < COUNT(words); i++)
		if (slice_is(effort, words[i].theirs)) {
			buf_add_str(chat, ",\"reasoning_effort\":\"");
			buf_add_str(chat, words[i].ours);
			buf_add_char(chat, '"');
		}
}

static void
add_schema(struct slice format, struct buf *chat)
{
	static const char *const members[] = { "name", "description", "schema",
		"strict" };
	struct scan_member m;
	bool any = false;

	buf_add_str(chat, "json_schema\",\"json_schema\":{");
	for (size_t i = 0; i < COUNT(members); i++) {
		if (!scan_get(format, members[i], &m) || m.type == SCAN_NULL)
			continue;
		if (any)
			buf_add_char(chat, ',');
		buf_add(chat, m.whole);
		any = true;
	}
	buf_add_str(chat, "}}");
}

static enum err
add_format(const struct scan_member *text, struct buf *chat, struct errmsg *why)
{
	struct scan_member format;
	struct slice type;

	if (text->type != SCAN_OBJECT ||
	    !scan_get(text->value, "format", &format) ||
	    format.type == SCAN_NULL)
		return OK;
	type = format.type == SCAN_OBJECT
	    ? responses_get_text(format.value, "type")
	    : SLICE("");
	if (slice_is(type, "text"))
		return OK;
	if (!slice_is(type, "json_object") && !slice_is(type, "json_schema"))
		return fail(why, ERR_INVALID,
		    "text.format: its type is none of text, json_object, "
		    "json_schema");
	buf_add_str(chat, ",\"response_format\":{\"type\":\"");
	if (slice_is(type, "json_schema"))
		add_schema(format.value, chat);
	else
		buf_add_str(chat, "json_object\"}");
	return OK;
}

static bool
includes(const struct scan_member *include, const char *what)
{
	struct scan_member one;
	struct slice rest = include->value;

	if (include->type != SCAN_ARRAY)
		return false;
	while (scan_next_element(&rest, &one.value, &one.type))
		if (scan_string_is(&one, what))
			return true;
	return false;
}

/* How likely words were is told of chat in other shapes, by few. */
static void
leave_out(struct translation *t, const struct responses_body *body)
{
	const struct scan_member *likely = &body->at[RESPONSES_TOP_LOGPROBS];
	uint64_t n = 0;

	if (likely->type == SCAN_NUMBER && scan_u64(likely->value, &n) && n > 0)
		translation_leave_out(t, "top_logprobs");
	else if (includes(&body->at[RESPONSES_INCLUDE],
		     "message.output_text.logprobs"))
		translation_leave_out(t, "logprobs");
	if (body->at[RESPONSES_MODERATION].type != SCAN_NULL)
		translation_leave_out(t, "moderation");
}

static void
add_settings(
    struct translation *t, const struct responses_body *body, struct buf *chat)
{
	add_as(chat, t->length, &body->at[RESPONSES_MAX_OUTPUT_TOKENS]);
	add_as(chat, "temperature", &body->at[RESPONSES_TEMPERATURE]);
	add_as(chat, "top_p", &body->at[RESPONSES_TOP_P]);
	add_effort(&body->at[RESPONSES_REASONING], chat);
	if (body->at[RESPONSES_STREAM].type == SCAN_TRUE)
		buf_add_str(chat, ",\"stream\":true");
}

static bool
wants_summary(const struct scan_member *reasoning)
{
	return reasoning->type == SCAN_OBJECT &&
	    (responses_get_text(reasoning->value, "summary").n > 0 ||
		responses_get_text(reasoning->value, "generate_summary").n > 0);
}

enum err
responses_request(struct translation *t, struct slice object, struct buf *chat,
    struct errmsg *why)
{
	struct responses_state *s = t->state;
	struct responses_body body;
	enum err rc;

	find_fields(object, &body);
	rc = refuse_stored(&body, why);
	if (rc != OK)
		return rc;
	s->summary = wants_summary(&body.at[RESPONSES_REASONING]);
	responses_echo(&body, &t->kept);
	s->echoed = t->kept.n;
	buf_add_char(chat, '{');
	rc = responses_add_messages(t, &body, chat, why);
	if (rc == OK)
		rc = responses_add_tools(t, &body, chat, why);
	if (rc == OK)
		rc = add_format(&body.at[RESPONSES_TEXT], chat, why);
	if (rc != OK)
		return rc;
	add_settings(t, &body, chat);
	leave_out(t, &body);
	buf_add_char(chat, '}');
	return OK;
}
