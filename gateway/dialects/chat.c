/* gateway/dialects/chat.c - OpenAI's chat completions. */
#include "gateway/dialects/formats.h"
#include "gateway/dialects/prompt.h"
#include "gateway/dialects/render.h"

#define READS                                                                  \
	(FIELD_BIT(FIELD_MODEL) | FIELD_BIT(FIELD_STREAM) |                    \
	    FIELD_BIT(FIELD_STREAM_OPTIONS) | FIELD_BIT(FIELD_MAX_TOKENS) |    \
	    FIELD_BIT(FIELD_MAX_COMPLETION_TOKENS) | FIELD_BIT(FIELD_TOOLS) |  \
	    FIELD_BIT(FIELD_FUNCTIONS) | FIELD_BIT(FIELD_RESPONSE_FORMAT) |    \
	    FIELD_BIT(FIELD_MODALITIES) | FIELD_BIT(FIELD_MESSAGES))

static enum err
chat_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	struct fields found;
	enum err rc;

	rc = fields_read(DIALECT_CHAT, READS, out, &found, why);
	if (rc != OK)
		return rc;
	prompt_hash(found.at[FIELD_MESSAGES], NULL, &out->facts);
	return prompt_messages(p, &found, why);
}

const struct dialect_ops dialect_chat = {
	.name = "chat",
	.id = DIALECT_CHAT,
	.parse = chat_parse,
	.render_error = openai_render_error,
	.render_error_event = openai_render_error_event,
	.done_event = RENDER_DONE,
	.heartbeat = RENDER_HEARTBEAT,
};
