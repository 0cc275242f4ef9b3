/* gateway/translation/responses.c - OpenAI's responses as chat. */
#include "gateway/translation/responses.h"

struct slice
responses_get_text(struct slice object, const char *name)
{
	struct scan_member m;

	return scan_get(object, name, &m) ? scan_inside(&m) : SLICE("");
}

const struct translation_format translation_responses = {
	.dialect = DIALECT_RESPONSES,
	.state_bytes = sizeof(struct responses_state),
	.request = responses_request,
	.event = responses_event,
	.end = responses_end,
	.answer = responses_answer,
	.fini = responses_fini,
};
