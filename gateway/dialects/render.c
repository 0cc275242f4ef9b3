/* gateway/dialects/render.c - errors in OpenAI's and Anthropic's shapes. */
#include "gateway/dialects/render.h"
#include "gateway/lib/count.h"

static void
add_string_or_null(struct buf *out, const char *text)
{
	if (text == NULL)
		buf_add_str(out, "null");
	else
		buf_add_json(out, slice_of(text));
}

static void
add_more(struct buf *out, const char *more)
{
	if (more == NULL)
		return;
	buf_add_char(out, ',');
	buf_add_str(out, more);
}

/* The four members and what else there is, braces included. */
static void
add_openai_object(struct buf *out, const struct error_reply *e)
{
	buf_add_str(out, "{\"message\":");
	buf_add_json(out, slice_of(e->message));
	buf_add_str(out, ",\"type\":");
	buf_add_json(out, slice_of(e->type));
	buf_add_str(out, ",\"param\":");
	add_string_or_null(out, e->param);
	buf_add_str(out, ",\"code\":");
	add_string_or_null(out, e->code);
	add_more(out, e->more);
	buf_add_char(out, '}');
}

void
openai_render_error(const struct error_reply *e, struct buf *out)
{
	buf_add_str(out, "{\"error\":");
	add_openai_object(out, e);
	buf_add_char(out, '}');
}

void
openai_render_error_event(const struct error_reply *e, struct buf *out)
{
	buf_add_str(out, "data: ");
	openai_render_error(e, out);
	buf_add_str(out, "\n\n");
}

void
realtime_render_error(
    const struct error_reply *e, const char *id, struct buf *out)
{
	buf_addf(out, "{\"type\":\"error\",\"event_id\":\"%s\",\"error\":", id);
	add_openai_object(out, e);
	buf_add_char(out, '}');
}

void
responses_render_error_event(const struct error_reply *e, struct buf *out)
{
	buf_add_str(out, "event: error\ndata: {\"type\":\"error\",\"code\":");
	add_string_or_null(out, e->code);
	buf_add_str(out, ",\"message\":");
	buf_add_json(out, slice_of(e->message));
	buf_add_str(out, ",\"param\":");
	add_string_or_null(out, e->param);
	buf_add_str(out, ",\"sequence_number\":0,\"error\":");
	add_openai_object(out, e);
	buf_add_str(out, "}\n\n");
}

static const char *
anthropic_type(int status)
{
	static const struct {
		int status;
		const char *type;
	} types[] = {
		{ 400, "invalid_request_error" },
		{ 401, "authentication_error" },
		{ 403, "permission_error" },
		{ 404, "not_found_error" },
		{ 413, "request_too_large" },
		{ 429, "rate_limit_error" },
		{ 503, "overloaded_error" },
		{ 504, "timeout_error" },
		{ 529, "overloaded_error" },
	};

	for (size_t i = 0; i < COUNT(types); i++)
		if (types[i].status == status)
			return types[i].type;
	return status >= 400 && status < 500 ? "invalid_request_error"
					     : "api_error";
}

void
anthropic_render_error(const struct error_reply *e, struct buf *out)
{
	buf_addf(out,
	    "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":",
	    anthropic_type(e->status));
	buf_add_json(out, slice_of(e->message));
	add_more(out, e->more);
	buf_add_str(out, "}}");
}

void
anthropic_render_error_event(const struct error_reply *e, struct buf *out)
{
	buf_add_str(out, "event: error\ndata: ");
	anthropic_render_error(e, out);
	buf_add_str(out, "\n\n");
}
