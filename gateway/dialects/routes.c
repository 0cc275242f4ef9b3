/* gateway/dialects/routes.c - the tables of wire formats and of routes. */
#include "gateway/dialects/formats.h"
#include "gateway/lib/count.h"

static const struct dialect_ops *const formats[DIALECT_COUNT] = {
	[DIALECT_CHAT] = &dialect_chat,
	[DIALECT_COMPLETIONS] = &dialect_completions,
	[DIALECT_EMBEDDINGS] = &dialect_embeddings,
	[DIALECT_RESPONSES] = &dialect_responses,
	[DIALECT_MESSAGES] = &dialect_messages,
};

static const struct route table[] = {
	{ "POST", "/v1/chat/completions", DIALECT_CHAT, REPLY_JSON_OR_SSE,
	    "/chat/completions" },
	{ "POST", "/v1/completions", DIALECT_COMPLETIONS, REPLY_JSON_OR_SSE,
	    "/completions" },
	{ "POST", "/v1/embeddings", DIALECT_EMBEDDINGS, REPLY_JSON,
	    "/embeddings" },
	{ "POST", "/v1/responses", DIALECT_RESPONSES, REPLY_JSON_OR_SSE,
	    "/responses" },
	{ "POST", "/v1/messages", DIALECT_MESSAGES, REPLY_JSON_OR_SSE,
	    "/messages" },
};
#define ROUTES COUNT(table)

const struct dialect_ops *
dialect_get(enum dialect d)
{
	return formats[d];
}

const struct route *
routes(size_t *n)
{
	*n = ROUTES;
	return table;
}

const struct route *
route_find(struct slice method, struct slice path, bool *known_path)
{
	*known_path = false;
	for (const struct route *r = table; r < table + ROUTES; r++) {
		if (!slice_is(path, r->path))
			continue;
		if (slice_is(method, r->method))
			return r;
		*known_path = true;
	}
	return NULL;
}

bool
route_lacks_v1(struct slice path)
{
	for (const struct route *r = table; r < table + ROUTES; r++)
		if (slice_is(path, r->upstream_path))
			return true;
	/* answered elsewhere, but a route for all that */
	return slice_is(path, "/models") ||
	    slice_starts(path, SLICE("/models/"));
}
