/* gateway/lib/inference.c - the words that all rooms share: their names. */
#include "gateway/lib/inference.h"

#include "gateway/lib/count.h"

static const struct {
	const char *name;
	unsigned cap;
} dialects[DIALECT_COUNT] = {
	[DIALECT_CHAT] = { "chat", CAP_CHAT },
	[DIALECT_COMPLETIONS] = { "completions", CAP_COMPLETIONS },
	[DIALECT_EMBEDDINGS] = { "embeddings", CAP_EMBEDDINGS },
	[DIALECT_RESPONSES] = { "responses", CAP_RESPONSES },
	[DIALECT_MESSAGES] = { "messages", CAP_MESSAGES },
	[DIALECT_SPEECH] = { "speech", CAP_SPEECH },
	[DIALECT_TRANSCRIPTION] = { "transcription", CAP_TRANSCRIPTION },
	[DIALECT_IMAGES] = { "image_generation", CAP_IMAGE_GENERATION },
	[DIALECT_MODERATION] = { "moderation", CAP_MODERATION },
	[DIALECT_RERANK] = { "rerank", CAP_RERANK },
	[DIALECT_COUNTING] = { "count_tokens", CAP_MESSAGES },
	[DIALECT_REALTIME] = { "realtime", CAP_REALTIME },
};

static const struct fault_rule faults[FAULT_COUNT] = {
	[FAULT_NONE] = { "none", false, BLAME_NONE, 0 },
	[FAULT_REFUSED] = { "refused", true, BLAME_OPEN, 502 },
	[FAULT_UNREACHABLE] = { "unreachable", true, BLAME_OPEN, 502 },
	[FAULT_DNS] = { "dns", true, BLAME_OPEN, 502 },
	[FAULT_TLS] = { "tls", true, BLAME_OPEN, 502 },
	[FAULT_RESET] = { "reset", true, BLAME_OPEN, 502 },
	[FAULT_CUT] = { "cut", true, BLAME_BACKEND, 502 },
	[FAULT_FRAMING] = { "framing", true, BLAME_BACKEND, 502 },
	[FAULT_CONNECT_TIMEOUT] = { "connect_timeout", true, BLAME_BACKEND,
	    504 },
	[FAULT_TTFT_TIMEOUT] = { "ttft_timeout", true, BLAME_BACKEND, 504 },
	[FAULT_GAP_TIMEOUT] = { "gap_timeout", true, BLAME_BACKEND, 504 },
	[FAULT_TOTAL_TIMEOUT] = { "total_timeout", true, BLAME_BACKEND, 504 },
	[FAULT_SERVER_ERROR] = { "server_error", true, BLAME_BACKEND, 502 },
	[FAULT_BAD_ANSWER] = { "bad_answer", true, BLAME_BACKEND, 502 },
	[FAULT_TOO_LARGE] = { "too_large", true, BLAME_BACKEND, 502 },
	[FAULT_LOADING] = { "loading", true, BLAME_COLD, 503 },
	[FAULT_RATE_LIMITED] = { "rate_limited", true, BLAME_CAPACITY, 503 },
	[FAULT_KEY] = { "key", true, BLAME_KEY, 502 },
	[FAULT_MODEL] = { "model", true, BLAME_SERVING, 502 },
	[FAULT_UNSUITED] = { "unsuited", true, BLAME_NONE, 0 },
	[FAULT_REQUEST] = { "request", false, BLAME_NONE, 0 },
	[FAULT_CLIENT_GONE] = { "client_gone", false, BLAME_NONE, 0 },
	[FAULT_DEADLINE] = { "deadline", false, BLAME_NONE, 504 },
	[FAULT_INTERNAL] = { "internal", false, BLAME_NONE, 500 },
	[FAULT_MEMORY] = { "memory", false, BLAME_NONE, 503 },
	[FAULT_OUTRUN] = { "outrun", false, BLAME_NONE, 0 },
	[FAULT_DRILL] = { "drill", true, BLAME_NONE, 502 },
};

static const char *const priorities[] = { "premium", "standard", "batch" };
static const char *const connections[] = { "none", "warm", "cold" };
static const char *const phases[PHASE_COUNT] = { "queue", "connect", "tls",
	"ttft", "itl", "total" };
static const char *const results[] = { "ok", "error", "broken", "refused",
	"client_gone" };
static const char *const caps[] = { "chat", "completions", "embeddings",
	"responses", "messages", "tools", "images", "audio", "json_mode",
	"speech", "transcription", "image_generation", "moderation", "rerank",
	"realtime" };

uint32_t
tokens_of_bytes(uint64_t bytes)
{
	uint64_t tokens = bytes / TOKEN_BYTES + 1;

	return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

const struct fault_rule *
fault_rule(enum fault_kind kind)
{
	return &faults[kind];
}

const char *
dialect_name(enum dialect d)
{
	return dialects[d].name;
}

unsigned
dialect_cap(enum dialect d)
{
	return dialects[d].cap;
}

const char *
priority_name(enum priority p)
{
	return priorities[p];
}

const char *
connection_name(enum connection_kind c)
{
	return connections[c];
}

const char *
phase_name(enum phase p)
{
	return phases[p];
}

const char *
result_name(enum result r)
{
	return results[r];
}

const char *
cap_name(enum cap c)
{
	return caps[__builtin_ctz(c)];
}

bool
cap_parse(struct slice s, enum cap *out)
{
	for (unsigned i = 0; i < COUNT(caps); i++)
		if (slice_is(s, caps[i])) {
			*out = (enum cap)(1u << i);
			return true;
		}
	return false;
}

bool
priority_parse(struct slice s, enum priority *out)
{
	for (unsigned i = 0; i < COUNT(priorities); i++)
		if (slice_is(s, priorities[i])) {
			*out = (enum priority)i;
			return true;
		}
	return false;
}
