/* gateway/translation/responses_echo.c - what an answer repeats of its request,
 * as OpenAI's do. */
#include "gateway/lib/count.h"
#include "gateway/translation/responses.h"

/* A stream has all that is repeated three times. */
#define ECHO_MAX ((size_t)128 << 10)

/* Where it says nothing, or more than that. Only what is said of sampling is
 * known. */
static const struct {
	enum responses_field field;
	const char *name, *otherwise;
} echoes[] = {
	{ RESPONSES_INSTRUCTIONS, "instructions", "null" },
	{ RESPONSES_MAX_OUTPUT_TOKENS, "max_output_tokens", "null" },
	{ RESPONSES_MAX_TOOL_CALLS, "max_tool_calls", "null" },
	{ RESPONSES_METADATA, "metadata", "{}" },
	{ RESPONSES_PARALLEL_TOOL_CALLS, "parallel_tool_calls", "true" },
	{ RESPONSES_PROMPT_CACHE_KEY, "prompt_cache_key", "null" },
	{ RESPONSES_REASONING, "reasoning",
	    "{\"effort\":null,\"summary\":null}" },
	{ RESPONSES_SAFETY_IDENTIFIER, "safety_identifier", "null" },
	{ RESPONSES_TEMPERATURE, "temperature", "null" },
	{ RESPONSES_TEXT, "text", "{\"format\":{\"type\":\"text\"}}" },
	{ RESPONSES_TOOL_CHOICE, "tool_choice", "\"auto\"" },
	{ RESPONSES_TOOLS, "tools", "[]" },
	{ RESPONSES_TOP_LOGPROBS, "top_logprobs", "0" },
	{ RESPONSES_TOP_P, "top_p", "null" },
	{ RESPONSES_TRUNCATION, "truncation", "\"disabled\"" },
	{ RESPONSES_USER, "user", "null" },
};

void
responses_on_a_line(struct buf *out, size_t from)
{
	for (; from < out->n; from++)
		if (out->p[from] == '\n' || out->p[from] == '\r')
			out->p[from] = ' ';
}

void
responses_echo(const struct responses_body *body, struct buf *out)
{
	buf_add_str(out,
	    ",\"background\":false,\"previous_response_id\":null,"
	    "\"store\":false");
	for (size_t i = 0; i < COUNT(echoes); i++) {
		const struct scan_member *m = &body->at[echoes[i].field];

		buf_add_str(out, ",\"");
		buf_add_str(out, echoes[i].name);
		buf_add_str(out, "\":");
		if (m->type != SCAN_NULL && m->value.n <= ECHO_MAX)
			buf_add(out, m->value);
		else
			buf_add_str(out, echoes[i].otherwise);
	}
	responses_on_a_line(out, 0);
}
