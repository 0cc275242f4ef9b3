/* gateway/dialects/routes.c - the tables of wire formats and of routes. */
#include "gateway/dialects/formats.h"
#include "gateway/lib/count.h"

static const struct dialect_ops *const formats[DIALECT_COUNT] = {
	[DIALECT_CHAT] = &dialect_chat,
	[DIALECT_COMPLETIONS] = &dialect_completions,
	[DIALECT_EMBEDDINGS] = &dialect_embeddings,
	[DIALECT_RESPONSES] = &dialect_responses,
	[DIALECT_MESSAGES] = &dialect_messages,
	[DIALECT_SPEECH] = &dialect_speech,
	[DIALECT_TRANSCRIPTION] = &dialect_transcription,
	[DIALECT_IMAGES] = &dialect_images,
	[DIALECT_MODERATION] = &dialect_moderation,
	[DIALECT_RERANK] = &dialect_rerank,
	[DIALECT_COUNTING] = &dialect_counting,
	[DIALECT_REALTIME] = &dialect_realtime,
};

static const struct route table[] = {
	{ "POST", "/v1/chat/completions", DIALECT_CHAT, BODY_JSON,
	    "/chat/completions" },
	{ "POST", "/v1/completions", DIALECT_COMPLETIONS, BODY_JSON,
	    "/completions" },
	{ "POST", "/v1/embeddings", DIALECT_EMBEDDINGS, BODY_JSON,
	    "/embeddings" },
	{ "POST", "/v1/responses", DIALECT_RESPONSES, BODY_JSON, "/responses" },
	{ "POST", "/v1/messages", DIALECT_MESSAGES, BODY_JSON, "/messages" },
	{ "POST", "/v1/messages/count_tokens", DIALECT_COUNTING, BODY_JSON,
	    "/messages/count_tokens" },
	{ "POST", "/v1/audio/speech", DIALECT_SPEECH, BODY_JSON,
	    "/audio/speech" },
	{ "POST", "/v1/audio/transcriptions", DIALECT_TRANSCRIPTION,
	    BODY_JSON_OR_FORM, "/audio/transcriptions" },
	{ "POST", "/v1/audio/translations", DIALECT_TRANSCRIPTION,
	    BODY_JSON_OR_FORM, "/audio/translations" },
	{ "POST", "/v1/images/generations", DIALECT_IMAGES, BODY_JSON,
	    "/images/generations" },
	{ "POST", "/v1/images/edits", DIALECT_IMAGES, BODY_JSON_OR_FORM,
	    "/images/edits" },
	{ "POST", "/v1/images/variations", DIALECT_IMAGES, BODY_JSON_OR_FORM,
	    "/images/variations" },
	{ "POST", "/v1/moderations", DIALECT_MODERATION, BODY_JSON,
	    "/moderations" },
	{ "POST", "/v1/rerank", DIALECT_RERANK, BODY_JSON, "/rerank" },
	{ "GET", "/v1/realtime", DIALECT_REALTIME, BODY_NONE, "/realtime" },
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

static struct slice
behind(struct slice path, size_t n)
{
	return slice_make(path.p + n, path.n - n);
}

static bool
skip(struct slice *path, struct slice prefix)
{
	if (!slice_starts(*path, prefix))
		return false;
	*path = behind(*path, prefix.n);
	return true;
}

struct slice
route_deployment(struct slice path)
{
	size_t n = 0;

	if (!skip(&path, SLICE("/openai/deployments/")))
		return SLICE("");
	while (n < path.n && path.p[n] != '/')
		n++;
	return slice_make(path.p, n);
}

/* What follows the base URL: "/v1", or what Azure's clients put there, which is
 * "/openai", and for most a deployment's name. False: neither. */
static bool
skip_base(struct slice *path)
{
	struct slice name = route_deployment(*path);

	if (skip(path, SLICE("/v1")))
		return true;
	if (skip(path, SLICE("/openai/deployments/"))) {
		*path = behind(*path, name.n);
		return name.n > 0 && name.n <= DEPLOYMENT_MAX;
	}
	if (!skip(path, SLICE("/openai")))
		return false;
	skip(path, SLICE("/v1"));
	return true;
}

const struct route *
route_find(struct slice method, struct slice path, bool *known_path)
{
	*known_path = false;
	if (!skip_base(&path))
		return NULL;
	for (const struct route *r = table; r < table + ROUTES; r++) {
		if (!slice_is(path, r->upstream_path))
			continue;
		if (slice_is(method, r->method))
			return r;
		*known_path = true;
	}
	return NULL;
}

static bool
is_models(struct slice path, struct slice *id)
{
	*id = SLICE("");
	if (!skip(&path, SLICE("/models/")))
		return slice_is(path, "/models");
	*id = path;
	return true;
}

bool
route_is_models(struct slice path, struct slice *id)
{
	*id = SLICE("");
	if (slice_is(path, "/openai/deployments"))
		return true;
	return skip_base(&path) && is_models(path, id);
}

bool
route_lacks_v1(struct slice path)
{
	struct slice id;

	for (const struct route *r = table; r < table + ROUTES; r++)
		if (slice_is(path, r->upstream_path))
			return true;
	return is_models(path, &id); /* answered elsewhere, but a route */
}

static bool
is_but_for_slashes(struct slice path, const char *want)
{
	char before = '\0';

	for (size_t i = 0; i < path.n; before = path.p[i++]) {
		if (path.p[i] == '/' && (before == '/' || *want == '\0'))
			continue;
		if (*want == '\0' || path.p[i] != *want++)
			return false;
	}
	return *want == '\0';
}

const char *
route_but_for_slashes(struct slice path)
{
	static const char models[] = "/v1/models";

	for (const struct route *r = table; r < table + ROUTES; r++)
		if (is_but_for_slashes(path, r->path))
			return r->path;
	return is_but_for_slashes(path, models) ? models : NULL;
}
