/* gateway/dialects/completions.c - OpenAI's legacy completions. */
#include "gateway/dialects/formats.h"
#include "gateway/dialects/prompt.h"
#include "gateway/dialects/render.h"

#define READS                                                                  \
	(FIELD_BIT(FIELD_MODEL) | FIELD_BIT(FIELD_STREAM) |                    \
	    FIELD_BIT(FIELD_STREAM_OPTIONS) | FIELD_BIT(FIELD_MAX_TOKENS) |    \
	    FIELD_BIT(FIELD_PROMPT))

static enum err
completions_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	struct fields found;
	enum err rc;

	rc = fields_read(DIALECT_COMPLETIONS, READS, out, &found, why);
	if (rc != OK)
		return rc;
	prompt_hash(found.at[FIELD_PROMPT], NULL, &out->facts);
	prompt_texts(p, &found, FIELD_PROMPT);
	return OK;
}

const struct dialect_ops dialect_completions = {
	.name = "completions",
	.id = DIALECT_COMPLETIONS,
	.parse = completions_parse,
	.render_error = openai_render_error,
	.render_error_event = openai_render_error_event,
	.done_event = RENDER_DONE,
	.heartbeat = RENDER_HEARTBEAT,
};
