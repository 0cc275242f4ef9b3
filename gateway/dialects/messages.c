/* gateway/dialects/messages.c - Anthropic's messages, and how many tokens of
 * theirs there would be. */
#include "gateway/dialects/formats.h"
#include "gateway/dialects/prompt.h"
#include "gateway/dialects/render.h"

#define READS                                                                  \
	(FIELD_BIT(FIELD_MODEL) | FIELD_BIT(FIELD_STREAM) |                    \
	    FIELD_BIT(FIELD_MAX_TOKENS) | FIELD_BIT(FIELD_TOOLS) |             \
	    FIELD_BIT(FIELD_SYSTEM) | FIELD_BIT(FIELD_MESSAGES))

static enum err
read_messages(enum dialect dialect, struct dialect_request *out,
    struct prompt *p, struct dialect_error *why)
{
	struct fields found;
	enum err rc;

	rc = fields_read(dialect, READS, out, &found, why);
	if (rc != OK)
		return rc;
	prompt_hash(
	    found.at[FIELD_SYSTEM], found.at[FIELD_MESSAGES], &out->facts);
	prompt_content(p, found.at[FIELD_SYSTEM]);
	return prompt_messages(p, &found, why);
}

static enum err
messages_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	return read_messages(DIALECT_MESSAGES, out, p, why);
}

/* No model reads them. */
static enum err
counting_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	enum err rc = read_messages(DIALECT_COUNTING, out, p, why);

	p->no_text = true;
	out->facts.stream = false;
	out->facts.prompt_bytes = out->facts.prefix_hash = 0;
	out->facts.max_tokens = 0;
	return rc;
}

const struct dialect_ops dialect_messages = {
	.name = "messages",
	.id = DIALECT_MESSAGES,
	.parse = messages_parse,
	.render_error = anthropic_render_error,
	.render_error_event = anthropic_render_error_event,
	.heartbeat = RENDER_HEARTBEAT,
};

const struct dialect_ops dialect_counting = {
	.name = "count_tokens",
	.id = DIALECT_COUNTING,
	.parse = counting_parse,
	.render_error = anthropic_render_error,
	.render_error_event = anthropic_render_error_event,
};
