/* gateway/dialects/passed.c - requests whose answers pass as they come: sound,
 * pictures, verdicts. Routing wants the model, whether the answer comes in
 * pieces and, where text is what there is to work on, how much of it. */
#include "gateway/dialects/formats.h"
#include "gateway/dialects/prompt.h"
#include "gateway/dialects/render.h"

#define MODEL FIELD_BIT(FIELD_MODEL)
#define STREAM FIELD_BIT(FIELD_STREAM)
#define INPUT FIELD_BIT(FIELD_INPUT)
#define N FIELD_BIT(FIELD_N)

/* Without `stream`, or with it: sound comes as it is made. */
static enum err
speech_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	struct fields found;
	enum err rc =
	    fields_read(DIALECT_SPEECH, MODEL | INPUT, out, &found, why);
	const struct scan_member *input;

	(void)p;
	if (rc != OK)
		return rc;
	input = found.at[FIELD_INPUT];
	if (input != NULL && input->value.n > FIELD_AT_ONCE)
		return field_too_long(why, FIELD_INPUT, input->value.n);
	if (input != NULL && input->type == SCAN_STRING)
		out->facts.units.characters =
		    (double)scan_characters(input->value);
	out->facts.stream = true;
	return OK;
}

static enum err
transcription_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	struct fields found;

	(void)p;
	return fields_read(
	    DIALECT_TRANSCRIPTION, MODEL | STREAM, out, &found, why);
}

static enum err
images_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	struct fields found;

	(void)p;
	return fields_read(
	    DIALECT_IMAGES, MODEL | STREAM | N, out, &found, why);
}

/* Pictures among it are the same ability's. */
static void
add_text(struct prompt *p, const struct dialect_request *r, const char *name)
{
	prompt_content(p, scan_find(r->members, r->n_members, name));
	p->no_needs = true;
}

static enum err
moderation_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	struct fields found;
	enum err rc = fields_read(DIALECT_MODERATION, MODEL, out, &found, why);

	if (rc == OK)
		add_text(p, out, "input");
	return rc;
}

static enum err
rerank_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	struct fields found;
	enum err rc = fields_read(DIALECT_RERANK, MODEL, out, &found, why);

	if (rc != OK)
		return rc;
	add_text(p, out, "query");
	add_text(p, out, "documents");
	return OK;
}

/* There is no body: its query has said what there is to know. */
static enum err
realtime_parse(
    struct dialect_request *out, struct prompt *p, struct dialect_error *why)
{
	(void)out;
	(void)p;
	(void)why;
	return OK;
}

#define PASSED(which, number, title)                                           \
	const struct dialect_ops dialect_##which = {                           \
		.name = title,                                                 \
		.id = number,                                                  \
		.parse = which##_parse,                                        \
		.render_error = openai_render_error,                           \
		.render_error_event = openai_render_error_event,               \
	}

PASSED(speech, DIALECT_SPEECH, "speech");
PASSED(transcription, DIALECT_TRANSCRIPTION, "transcription");
PASSED(images, DIALECT_IMAGES, "image_generation");
PASSED(moderation, DIALECT_MODERATION, "moderation");
PASSED(rerank, DIALECT_RERANK, "rerank");
PASSED(realtime, DIALECT_REALTIME, "realtime");
