/* backends/classify.c - what a refusal, or an answer that is none, means.
 *
 * Decides whose fault it is. When in doubt whether a request or the backend
 * is wrong, the request is tried elsewhere and the backend not blamed. */
#include "backends/adapters.h"
#include "backends/wire_error.h"
#include "gateway/lib/count.h"

#define ERROR_MEMBERS_MAX 32

/* --- the body --- */

/* False: the body is not JSON, was cut off, or holds no error. The error
 * points into body or scratch. */
static bool
read_error(
    struct slice body, bool failed, struct wire_error *out, struct buf *scratch)
{
	struct scan_member members[ERROR_MEMBERS_MAX];
	struct errmsg why;
	size_t n;

	body = wire_error_text(body, scratch);
	if (scan_object(body, members, COUNT(members), &n, &why) != OK)
		return false;
	if (n > COUNT(members))
		n = COUNT(members);
	return wire_error_find(members, n, failed, out);
}

/* --- what errors say --- */

static bool
is_any(const struct wire_error *e, const char *const *words)
{
	for (; *words != NULL; words++)
		if (wire_error_is(e, *words))
			return true;
	return false;
}

static bool
says_any(const struct wire_error *e, const char *const *phrases)
{
	for (; *phrases != NULL; phrases++)
		if (wire_error_says(e, *phrases))
			return true;
	return false;
}

/* For what puts a serving aside: further on in a message may stand what the
 * client wrote, and nobody may put it aside for all by that. */
static bool
begins_any(const struct wire_error *e, const char *const *phrases)
{
	for (; *phrases != NULL; phrases++)
		if (wire_error_begins(e, *phrases))
			return true;
	return false;
}

static bool
is_loading(const struct wire_error *e)
{
	static const char *const phrases[] = { "loading model",
		"model is loading", "currently loading", "still loading",
		"model not ready", NULL };

	return wire_error_is(e, "unavailable_error") || says_any(e, phrases);
}

static bool
is_about_model(const struct wire_error *e)
{
	static const char *const words[] = { "model_not_found",
		"model_not_supported", "model_decommissioned",
		"model_not_available", "invalid_model",
		"model_permission_blocked_org",
		"model_permission_blocked_project", "key_model_access_denied",
		"team_model_access_denied", "model_terms_required", NULL };
	static const char *const phrases[] = { "model not exist",
		"model does not exist",
		"invalid model:", "the provided model identifier is invalid",
		"/chat/completions: invalid model name",
		"/embeddings: invalid model name", "failed to load model",
		"model unloaded", "model is unloaded",
		"you don't have access to the model", NULL };

	return is_any(e, words) || begins_any(e, phrases);
}

/* Of a 400 or 403: that we may not, whatever is asked. */
static bool
is_about_key(const struct wire_error *e)
{
	static const char *const words[] = { "invalid_api_key",
		"authentication_error", "permission_error", "permission_denied",
		"PERMISSION_DENIED", "unsupported_country_region_territory",
		"account_deactivated", "insufficient_permissions",
		"AccessDeniedException", "organization_restricted", NULL };
	static const char *const phrases[] = { "invalid api key",
		"incorrect api key", "api key not valid", "api key not found",
		"api key expired", "your api key", "this api key",
		"key limit exceeded", "country, region, or territory",
		"user location is not supported", "access denied due to",
		"public access is disabled", "permission denied",
		"authentication failed", "authorization failed",
		"this authentication method does not",
		"this organization has been disabled",
		"your account is not authorized",
		"the security token included in the request is", NULL };

	return is_any(e, words) || begins_any(e, phrases);
}

/* Of a key that is good for other endpoints. */
static bool
is_about_scope(const struct wire_error *e)
{
	static const char *const words[] = { "missing_scope", NULL };
	static const char *const phrases[] = { "missing scopes:", NULL };

	return is_any(e, words) || says_any(e, phrases);
}

/* It would be a 402, had it a status of its own. */
static bool
is_about_credit(const struct wire_error *e)
{
	static const char *const words[] = { "billing_hard_limit_reached",
		"budget_exceeded", "Arrearage", NULL };
	static const char *const phrases[] = { "your credit balance is too low",
		"you have reached your specified", "your newly created team",
		"sorry, your account balance is insufficient", NULL };

	return is_any(e, words) || begins_any(e, phrases);
}

/* One with a longer context may take it. */
static bool
is_about_prompt(const struct wire_error *e)
{
	static const char *const words[] = { "context_length_exceeded",
		"exceed_context_size_error", "request_too_large", NULL };
	static const char *const phrases[] = { "context length", "context size",
		"context window", "context limit", "maximum context",
		"maximum input length", "maximum allowed input length",
		"maximum model length", "maximum prompt length",
		"maximum number of tokens", "max_seq_len", "model token limit",
		"prompt token count", "prompt is too long", "input is too long",
		"range of input length", "too many tokens", NULL };

	return is_any(e, words) || says_any(e, phrases);
}

/* Likewise, or one with a larger limit on answers. */
static bool
is_about_length(const struct wire_error *e)
{
	static const char *const phrases[] = { "max_new_tokens",
		"max_num_tokens", "max_tokens is too large",
		"maximum allowed number of output tokens",
		"must have less than", "supports at most",
		"exceeds the model limit", "range of max_tokens", NULL };

	return is_about_prompt(e) || says_any(e, phrases);
}

/* One that knows the member or the kind of content, has the option switched
 * on, or whose model keeps to its own grammar. */
static bool
is_about_ability(const struct wire_error *e)
{
	static const char *const words[] = { "unsupported_parameter",
		"unsupported_value", "wrong_api_format", "not_supported_error",
		"OperationNotSupported", "tool_use_failed",
		"json_validate_failed", "template_error", NULL };
	static const char *const phrases[] = { "not supported", "not support",
		"isn't supported", "only supported", "unsupported",
		"not permitted", "not enabled", "unrecognized",
		"unknown parameter", "unknown field", "unknown name",
		"unknown variant", "unknown part type", "invalid value: 'file'",
		"untagged enum", "invalid type: sequence",
		"value must be a string", "not implemented", "requires --",
		"may be provided in one", "not a multimodal model",
		"chat template", "roles must alternate", "parse grammar",
		"is not a valid model", "no endpoints found that", NULL };

	return is_any(e, words) || says_any(e, phrases);
}

/* What was made at another backend, and is only of use there: the response that
 * this one follows, thoughts that nobody else can read; or thoughts that it
 * misses, since they were another's. */
static bool
is_about_origin(const struct wire_error *e)
{
	static const char *const words[] = { "previous_response_not_found",
		"invalid_encrypted_content", NULL };
	static const char *const phrases[] = {
		"invalid `signature` in `thinking`",
		"missing a thought_signature", "missing a `thought_signature`",
		"in the thinking mode must be passed back",
		"missing `reasoning_content` field",
		"call_id': string too long",
		"reasoning_content is missing in assistant", NULL
	};

	return is_any(e, words) || says_any(e, phrases);
}

/* llama.cpp says with a 500 that it was not built, or not started, for it, and
 * what its template or its reader of calls made of this conversation. */
static bool
lacks_ability(const struct wire_error *e)
{
	static const char *const phrases[] = { "input is not supported",
		"requires --jinja", "missing data required for image",
		"too large to process", "jinja exception",
		"roles must alternate", "failed to parse input at pos",
		"failed to parse tool call", NULL };

	return says_any(e, phrases);
}

/* SGLang says with a 503 that others come first: it is busy, not broken. */
static bool
is_full(const struct wire_error *e)
{
	static const char *const phrases[] = { "the request queue is full",
		"the request is aborted by a higher priority", NULL };

	return begins_any(e, phrases);
}

/* LM Studio says with a 400 that it broke. */
static bool
is_broken(const struct wire_error *e)
{
	static const char *const phrases[] = { "the model has crashed", NULL };

	return begins_any(e, phrases);
}

/* --- statuses --- */

/* How long a rate limit lasts: what was said, else when the limit that is used
 * up is filled again. */
static usec
limited_for(const struct answer_head *h, const struct wire_error *e)
{
	const struct load *l = &h->limits;
	usec span = h->retry_after;

	if (span == 0 && e != NULL)
		read_span(e->retry_delay, &span);
	if (span > 0)
		return span;
	if ((l->has & LOAD_LIMIT_REQUESTS) != 0 && l->left_requests < 1)
		span = l->reset_requests;
	if ((l->has & LOAD_LIMIT_TOKENS) != 0 && l->left_tokens < 1 &&
	    l->reset_tokens > span)
		span = l->reset_tokens;
	return span;
}

static enum fault_kind
kind_of_server_error(int status, const struct wire_error *e)
{
	if (status == 501 || (e != NULL && lacks_ability(e)))
		return FAULT_UNSUITED;
	if (status == 503 && e != NULL && is_loading(e))
		return FAULT_LOADING;
	return status == 503 && e != NULL && is_full(e) ? FAULT_RATE_LIMITED
							: FAULT_SERVER_ERROR;
}

/* Of chat, which all of them have, a missing path means a wrong URL, and the
 * serving is of no use; of another dialect it says nothing about the rest. */
static enum fault_kind
kind_of_missing(enum dialect dialect, const struct wire_error *e)
{
	static const char *const named[] = { "model", "the model",
		"the requested model", "unable to access model", "deployment",
		"the api deployment", NULL };

	if (e != NULL && (is_about_model(e) || begins_any(e, named)))
		return FAULT_MODEL;
	if (e != NULL && is_about_ability(e))
		return FAULT_UNSUITED;
	return dialect == DIALECT_CHAT ? FAULT_MODEL : FAULT_UNSUITED;
}

static enum fault_kind
kind_of_bad_request(const struct wire_error *e)
{
	if (e == NULL)
		return FAULT_REQUEST;
	if (is_about_credit(e))
		return FAULT_RATE_LIMITED;
	if (is_about_model(e))
		return FAULT_MODEL;
	if (is_about_key(e))
		return FAULT_KEY;
	if (is_broken(e))
		return FAULT_SERVER_ERROR;
	return is_about_length(e) || is_about_ability(e) || is_about_origin(e)
	    ? FAULT_UNSUITED
	    : FAULT_REQUEST;
}

/* What a filter in front of the backend, or its moderation, found in this
 * request says nothing of the others. */
static enum fault_kind
kind_of_forbidden(const struct wire_error *e)
{
	if (e == NULL)
		return FAULT_UNSUITED;
	if (is_about_credit(e))
		return FAULT_RATE_LIMITED;
	if (is_about_model(e))
		return FAULT_MODEL;
	return is_about_key(e) ? FAULT_KEY : FAULT_UNSUITED;
}

/* One request that is more than the limit of a minute never fits. */
static enum fault_kind
kind_of_limit(const struct wire_error *e)
{
	static const char *const phrases[] = { "request too large", NULL };

	return e != NULL && begins_any(e, phrases) ? FAULT_UNSUITED
						   : FAULT_RATE_LIMITED;
}

static enum fault_kind
kind_of_refusal(int status, enum dialect dialect, const struct wire_error *e)
{
	if ((status == 401 || status == 403) && dialect_passes(dialect) &&
	    e != NULL && is_about_scope(e))
		return FAULT_UNSUITED;
	switch (status) {
	case 401:
		return e != NULL && is_about_model(e) ? FAULT_MODEL : FAULT_KEY;
	case 403:
		return kind_of_forbidden(e);
	case 429:
		return kind_of_limit(e);
	case 402: /* out of credit: back when it is paid */
	case 412: /* Fireworks: suspended, likewise */
	case 498: /* Groq: its spare capacity is used up */
		return FAULT_RATE_LIMITED;
	case 404:
	case 405:
	case 410: /* it was there once */
		return kind_of_missing(dialect, e);
	case 407: /* a proxy before it wants what it was not told */
	case 408: /* it gave up waiting, as a 504 would say */
	case 421: /* not over this connection */
	case 425: /* not yet, though nothing was sent early */
	case 424: /* TGI: what it stands on failed */
	case 499: /* Google: what it stands on gave up; nginx: who it is for */
		return FAULT_SERVER_ERROR;
	case 413:
		return FAULT_UNSUITED;
	case 400:
	case 422:
		return kind_of_bad_request(e);
	}
	return FAULT_REQUEST;
}

/* A page is not an API's word on a request: whatever stands before the backend
 * has said it. */
static bool
is_page(const struct answer_head *h)
{
	return slice_istarts(slice_of(h->content_type), SLICE("text/html"));
}

struct fault
openai_classify(const struct answer_head *h, struct slice body)
{
	struct fault f = { .kind = FAULT_BAD_ANSWER, .status = h->status };
	bool failed = h->status >= 400;
	struct wire_error e;
	struct buf scratch;
	bool said;

	buf_init(&scratch, SSE_EVENT_MAX);
	said = read_error(body, failed, &e, &scratch);
	if (!failed && said && e.status != 0)
		f.status = e.status;
	if (f.status >= 500)
		f.kind = kind_of_server_error(f.status, said ? &e : NULL);
	else if (f.status >= 400)
		f.kind =
		    kind_of_refusal(f.status, h->dialect, said ? &e : NULL);
	if (h->challenged) /* whoever asks, and for whatever */
		f.kind = FAULT_SERVER_ERROR;
	else if (f.kind == FAULT_REQUEST && is_page(h))
		f.kind = FAULT_UNSUITED;
	f.retry_after = f.kind == FAULT_RATE_LIMITED
	    ? limited_for(h, said ? &e : NULL)
	    : h->retry_after;
	buf_fini(&scratch);
	return f;
}

bool
wire_error_is_long_prompt(struct slice body)
{
	struct wire_error e;
	struct buf scratch;
	bool is;

	buf_init(&scratch, SSE_EVENT_MAX);
	is = read_error(body, true, &e, &scratch) && is_about_prompt(&e);
	buf_fini(&scratch);
	return is;
}
