/* gateway/refusals.c - how a failure is worded for the client. */
#include "gateway/refusals.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/wire_error.h"
#include "gateway/front/front.h"
#include "gateway/lib/count.h"
#include "gateway/lib/mask.h"

#define RETRY_AFTER_MAX (60 * USEC_SEC) /* SDKs ignore longer hints */
#define PLAIN_MAX 256 /* bytes of an error in plain text */

const struct error_reply refusal_memory = {
	.status = 503,
	.type = "server_error",
	.code = "out_of_memory",
	.message = "the gateway is out of memory for this request",
	.retry_after = USEC_SEC,
};

const struct error_reply refusal_overloaded = {
	.status = 503,
	.type = "server_error",
	.code = "overloaded",
	.message = "the gateway uses as much memory as it may",
	.retry_after = USEC_SEC,
};

const struct error_reply refusal_deadline = {
	.status = 504,
	.type = "server_error",
	.code = "deadline_exceeded",
	.message = "no backend answered before the request's deadline",
};

const struct error_reply refusal_loading = {
	.status = 503,
	.type = "server_error",
	.code = "model_loading",
	.message = "the model is still loading",
	.retry_after = USEC_SEC,
};

const struct error_reply refusal_draining = {
	.status = 503,
	.type = "server_error",
	.code = "shutting_down",
	.message = "the gateway is shutting down",
	.retry_after = USEC_SEC,
};

const struct error_reply refusal_key_reused = {
	.status = 409,
	.type = "invalid_request_error",
	.code = "idempotency_key_reused",
	.message = "this Idempotency-Key has been used for a request with "
		   "another path or body: send a key of its own for each",
};

void
refusal_of_front(const struct exchange_refusal *why, struct error_reply *e)
{
	*e = (struct error_reply){
		.status = why->status,
		.type = why->status < 500 ? "invalid_request_error"
					  : "server_error",
		.code = why->code,
		.message = why->message,
		.retry_after = why->status == 503 ? USEC_SEC : 0,
	};
}

void
refusal_of_model(enum err err, bool named, struct error_reply *e)
{
	*e = (struct error_reply){
		.status = err == ERR_NOT_FOUND ? 404
		    : err == ERR_UNSUPPORTED   ? 403
					       : 400,
		.type = "invalid_request_error",
		.code = !named             ? "model_required"
		    : err == ERR_NOT_FOUND ? "model_not_found"
					   : "invalid_model",
		.param = "model",
	};
}

/* One row per reason a router may give for PLAN_NO. */
static const struct {
	int status;
	const char *code, *message;
} plan_refusals[REASON_COUNT] = {
	[REASON_NO_SERVING] = { 400, "unsupported_capability",
	    "no backend of this model can do what the request asks for" },
	[REASON_BOUNDARY] = { 403, "not_allowed",
	    "no backend of this model is within the tenant's boundaries "
	    "(regions, backends, quality)" },
	[REASON_UNAVAILABLE] = { 503, "no_backend_available",
	    "no backend of this model is available now" },
	[REASON_RATE_LIMITED] = { 429, "rate_limit_exceeded",
	    "every backend of this model is at its rate limit" },
	[REASON_LOADING] = { 503, "model_loading",
	    "the model is still loading" },
	[REASON_SLO_UNATTAINABLE] = { 503, "slo_unattainable",
	    "no backend is expected to meet the request's SLO" },
	[REASON_QUEUE_FULL] = { 503, "queue_full",
	    "too many requests are waiting" },
	[REASON_DEADLINE] = { 504, "deadline_exceeded",
	    "no backend answered before the request's deadline" },
	[REASON_EXHAUSTED] = { 502, "all_backends_failed",
	    "every backend of this model has been tried" },
	[REASON_RETRY_BUDGET] = { 503, "retry_budget_exhausted",
	    "the retry budget is spent" },
	[REASON_DRAINED] = { 503, "backends_drained",
	    "an operator has drained every backend of this model" },
};

static usec
bounded(usec retry_after)
{
	return retry_after < RETRY_AFTER_MAX ? retry_after : RETRY_AFTER_MAX;
}

void
refusal_of_plan(const struct plan *plan, struct error_reply *e)
{
	int status = plan_refusals[plan->reason].status;

	*e = (struct error_reply){
		.status = status != 0 ? status : 503,
		.type = status == 429               ? "rate_limit_error"
		    : status >= 400 && status < 500 ? "invalid_request_error"
						    : "server_error",
		.code = status != 0 ? plan_refusals[plan->reason].code
				    : "no_capacity",
		.message = status != 0 ? plan_refusals[plan->reason].message
				       : "no capacity",
	};
	/* What will not come back by itself is not worth a retry. */
	if (plan->retry_after == 0 &&
	    (plan->reason == REASON_UNAVAILABLE ||
		plan->reason == REASON_DRAINED))
		return;
	if (e->status == 503 || e->status == 429)
		e->retry_after = bounded(
		    plan->retry_after > 0 ? plan->retry_after : USEC_SEC);
	/* a place is kept for then, and not before */
	if (plan->reason == REASON_QUEUE_FULL && plan->retry_after > 0)
		e->retry_after = plan->retry_after;
}

/* --- a backend's own error --- */

/* Strings as they are, numbers (llama.cpp's code) in digits; an empty one says
 * nothing. */
static char *
text_of(const json_t *v)
{
	char digits[32];

	if (json_is_string(v) && json_string_length(v) > 0)
		return strdup(json_string_value(v));
	if (!json_is_integer(v))
		return NULL;
	snprintf(
	    digits, sizeof(digits), "%lld", (long long)json_integer_value(v));
	return strdup(digits);
}

/* Mistral's is an object at times, FastAPI's a list. */
static char *
message_of(const json_t *v)
{
	if (json_object_size(v) > 0 || json_array_size(v) > 0)
		return json_dumps(v, JSON_COMPACT);
	return text_of(v);
}

static void
read_members(struct upstream_error *out, const json_t *error)
{
	out->message = message_of(json_object_get(error, "message"));
	out->type = text_of(json_object_get(error, "type"));
	out->param = text_of(json_object_get(error, "param"));
	out->code = text_of(json_object_get(error, "code"));
}

/* What jansson wrote without its first and last byte: a bracket or a quotation
 * mark. NULL stays that. */
static char *
inside(char *dumped)
{
	size_t n;

	if (dumped == NULL)
		return NULL;
	n = strlen(dumped) - 2;
	memmove(dumped, dumped + 1, n);
	dumped[n] = '\0';
	return dumped;
}

/* What programs read beside the four: failed_generation, innererror, n_ctx. */
static char *
more_of(json_t *error)
{
	static const char *const known[] = { "message", "type", "param",
		"code" };

	for (size_t i = 0; i < COUNT(known); i++)
		json_object_del(error, known[i]);
	return json_object_size(error) > 0
	    ? inside(json_dumps(error, JSON_COMPACT))
	    : NULL;
}

static bool
is_text(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
			return false;
	return true;
}

/* Some say it in plain text: the first line of what is no page, and not packed
 * against our wish. */
static char *
plain_of(struct slice body)
{
	struct slice line;

	if (!slice_next(&body, '\n', &line) || line.n == 0 ||
	    strchr("<{[", line.p[0]) != NULL)
		return NULL;
	line = slice_trim(line);
	if (!is_text(line))
		return NULL;
	return slice_dup(
	    slice_make(line.p, line.n < PLAIN_MAX ? line.n : PLAIN_MAX));
}

void
upstream_error_read(
    struct upstream_error *out, struct slice body, const char *otherwise)
{
	struct buf scratch;
	json_t *doc, *error;

	buf_init(&scratch, body.n);
	body = wire_error_text(body, &scratch);
	doc = json_loadb(body.p != NULL ? body.p : "", body.n, 0, NULL);
	error = json_object_get(doc, "error");
	*out = (struct upstream_error){ 0 };
	if (error == NULL) /* of response.failed */
		error =
		    json_object_get(json_object_get(doc, "response"), "error");
	if (json_is_object(error)) {
		read_members(out, error);
		out->more = more_of(error);
	} else if (json_is_string(error)) { /* TGI, Ollama, xAI */
		out->message = text_of(error);
		out->type = text_of(json_object_get(doc, "error_type"));
		out->code = text_of(json_object_get(doc, "code"));
	} else if (json_is_object(doc)) { /* older vLLM; FastAPI's detail */
		read_members(out, doc);
		if (out->message == NULL)
			out->message =
			    message_of(json_object_get(doc, "detail"));
		if (out->message == NULL) /* AWS */
			out->message = text_of(json_object_get(doc, "Message"));
	}
	if (doc == NULL && otherwise[0] == '\0')
		out->message = plain_of(body);
	json_decref(doc);
	buf_fini(&scratch);
	if (out->message == NULL && otherwise[0] != '\0')
		out->message = strdup(otherwise);
}

/* The key as it stands in what has been dumped, or NULL. */
static char *
dumped(const char *key)
{
	json_t *text = key != NULL ? json_string(key) : NULL;
	char *quoted = inside(json_dumps(text, JSON_ENCODE_ANY));

	json_decref(text);
	return quoted;
}

void
upstream_error_mask(struct upstream_error *e, const char *key)
{
	char *in_json = dumped(key);

	mask_text(e->message, key);
	mask_text(e->message, in_json); /* an object, or a list */
	mask_text(e->type, key);
	mask_text(e->param, key);
	mask_text(e->code, key);
	if (e->more != NULL && key != NULL &&
	    (in_json == NULL || mask_finds(e->more, in_json))) {
		free(e->more);
		e->more = NULL;
	}
	free(in_json);
}

void
upstream_error_fini(struct upstream_error *e)
{
	free(e->message);
	free(e->type);
	free(e->param);
	free(e->code);
	free(e->more);
}

static void
quote(const struct fault *fault, const struct upstream_error *said,
    struct error_reply *e)
{
	*e = (struct error_reply){
		.status = fault->status,
		.type =
		    said->type != NULL ? said->type : "invalid_request_error",
		.param = said->param,
		.code = said->code,
		.message = said->message != NULL ? said->message
						 : "the backend refused it",
		.more = said->more,
	};
}

static const char *
code_of_status(int status)
{
	switch (status) {
	case 429:
		return "rate_limit_exceeded";
	case 500:
		return "internal_error";
	case 503:
		return "no_backend_available";
	case 504:
		return "upstream_timeout";
	default:
		return "all_backends_failed";
	}
}

void
refusal_of_fault(const struct fault *fault, const struct plan *plan,
    bool all_rate_limited, const struct upstream_error *said,
    struct error_reply *e)
{
	int status = fault_rule(fault->kind)->client_status;

	if (status == 0 && fault->status >= 400) {
		quote(fault, said, e);
		return;
	}
	if (fault->kind == FAULT_MEMORY) {
		*e = refusal_overloaded;
		return;
	}
	if (fault->kind == FAULT_RATE_LIMITED && all_rate_limited)
		status = 429;
	*e = (struct error_reply){
		.status = status != 0 ? status : 502,
		.type = status == 429 ? "rate_limit_error" : "server_error",
		.code = code_of_status(status),
	};
	if (status == 429 || status == 503)
		e->retry_after = bounded(plan != NULL && plan->retry_after > 0
			? plan->retry_after
			: fault->retry_after > 0 ? fault->retry_after
						 : USEC_SEC);
}
