/* gateway/dialects/render.h - errors in OpenAI's and Anthropic's shapes.
 *
 * Private to the dialects; openai_render_error() is in dialect.h. */
#ifndef GATEWAY_DIALECTS_RENDER_H
#define GATEWAY_DIALECTS_RENDER_H

#include "gateway/dialects/dialect.h"

/* Initializers of a struct slice. */
#define RENDER_LITERAL(text)                                                   \
	{                                                                      \
		(text), sizeof(text) - 1                                       \
	}
#define RENDER_DONE RENDER_LITERAL("data: [DONE]\n\n")
#define RENDER_HEARTBEAT RENDER_LITERAL(": keep-alive\n\n")

/* data: {"error":{...}} */
void openai_render_error_event(const struct error_reply *, struct buf *out);

/* A message of a session's WebSocket, an event with that id. */
void realtime_render_error(
    const struct error_reply *, const char *id, struct buf *out);

/* event: error, with the members both at the top and under "error": readers
 * of the format look at the one, those of the SDK that fail on an error at the
 * other. */
void responses_render_error_event(const struct error_reply *, struct buf *out);

/* {"type":"error","error":{"type","message"}}; the type follows from the
 * status. */
void anthropic_render_error(const struct error_reply *, struct buf *out);
void anthropic_render_error_event(const struct error_reply *, struct buf *out);

#endif
