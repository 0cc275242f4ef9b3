/* gateway/dialects/embeddings.c - OpenAI's embeddings. They have no prefix
 * worth caching and no stream. */
#include "gateway/dialects/formats.h"
#include "gateway/dialects/prompt.h"
#include "gateway/dialects/render.h"

#define READS                                                                  \
	(FIELD_BIT(FIELD_MODEL) | FIELD_BIT(FIELD_INPUT) |                     \
	    FIELD_BIT(FIELD_ENCODING_FORMAT))

static enum err
read_encoding(const struct scan_member *format, struct facts *facts,
    struct dialect_error *why)
{
	if (format == NULL || scan_string_is(format, "float"))
		return OK;
	if (!scan_string_is(format, "base64"))
		return field_bad(why, "encoding_format", "invalid_value",
		    "'encoding_format' must be \"float\" or \"base64\"");
	facts->base64 = true;
	return OK;
}

static enum err
embeddings_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	struct fields found;
	enum err rc;

	rc = fields_read(DIALECT_EMBEDDINGS, READS, out, &found, why);
	if (rc != OK)
		return rc;
	rc = read_encoding(found.at[FIELD_ENCODING_FORMAT], &out->facts, why);
	if (rc != OK)
		return rc;
	if (found.at[FIELD_INPUT] == NULL)
		return field_missing(why, FIELD_INPUT);
	prompt_texts(p, &found, FIELD_INPUT);
	return OK;
}

const struct dialect_ops dialect_embeddings = {
	.name = "embeddings",
	.id = DIALECT_EMBEDDINGS,
	.parse = embeddings_parse,
	.render_error = openai_render_error,
	.render_error_event = openai_render_error_event,
	.heartbeat = RENDER_HEARTBEAT,
};
