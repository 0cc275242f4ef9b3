/* gateway/dialects/responses.c - OpenAI's responses. `input` may be absent: a
 * request may refer to a stored prompt or an earlier response instead. */
#include "gateway/dialects/formats.h"
#include "gateway/dialects/prompt.h"
#include "gateway/dialects/render.h"

#define READS                                                                  \
	(FIELD_BIT(FIELD_MODEL) | FIELD_BIT(FIELD_STREAM) |                    \
	    FIELD_BIT(FIELD_MAX_OUTPUT_TOKENS) | FIELD_BIT(FIELD_TOOLS) |      \
	    FIELD_BIT(FIELD_TEXT) | FIELD_BIT(FIELD_INSTRUCTIONS) |            \
	    FIELD_BIT(FIELD_INPUT) | FIELD_BIT(FIELD_BACKGROUND))

/* Such an answer is fetched later, and that request might reach any backend:
 * better refused than done, billed and lost. */
static enum err
refuse_background(const struct scan_member *m, struct dialect_error *why)
{
	if (m == NULL || m->type != SCAN_TRUE)
		return OK;
	return field_bad(why, "background", "unsupported_value",
	    "'background' must be false: the answer could not be fetched");
}

static enum err
responses_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	struct fields found;
	enum err rc;

	rc = fields_read(DIALECT_RESPONSES, READS, out, &found, why);
	if (rc != OK)
		return rc;
	rc = refuse_background(found.at[FIELD_BACKGROUND], why);
	if (rc != OK)
		return rc;
	prompt_hash(
	    found.at[FIELD_INSTRUCTIONS], found.at[FIELD_INPUT], &out->facts);
	prompt_content(p, found.at[FIELD_INSTRUCTIONS]);
	prompt_content(p, found.at[FIELD_INPUT]);
	return OK;
}

const struct dialect_ops dialect_responses = {
	.name = "responses",
	.id = DIALECT_RESPONSES,
	.parse = responses_parse,
	.render_error = openai_render_error,
	.render_error_event = responses_render_error_event,
	.heartbeat = RENDER_HEARTBEAT,
};
