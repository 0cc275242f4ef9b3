/* gateway/head.c - what the headers say, before a body is read.
 *
 * Runs inside libmicrohttpd's handler: decides and leaves word, writes
 * nothing. A stranger is turned away here and costs no memory. */
#include "gateway/head.h"

#include <string.h>

#include "gateway/app.h"
#include "gateway/keys/keyring.h"
#include "gateway/lib/count.h"
#include "gateway/origin.h"
#include "gateway/realtime/handshake.h"
#include "gateway/refusals.h"

static void
refuse(struct request *r, int status, const char *type, const char *code,
    const char *message)
{
	r->verdict = HEAD_REFUSED;
	r->refusal = (struct error_reply){
		.status = status, .type = type, .code = code, .message = message
	};
}

/* What protects a gateway that asks nobody for a key. A browser sends an
 * Origin with every cross-site POST, also with those that need no preflight. */
static bool
admit_stranger(struct request *r)
{
	const struct conf_listen *listen = &r->worker->app->bound->listen;
	struct slice origin = exchange_header(r->exchange, "origin");
	struct slice host = exchange_header(r->exchange, "host");

	if (!origin_host_allowed(host, listen)) {
		refuse(r, 403, "invalid_request_error", "host_not_allowed",
		    "this gateway has no tenants and answers only to the "
		    "Host localhost, 127.0.0.1, [::1] or its own address");
		return false;
	}
	if (origin.n > 0 && !origin_allowed(r, origin) &&
	    !origin_is_own(origin, host, listen)) {
		refuse(r, 403, "invalid_request_error", "origin_not_allowed",
		    "this gateway has no tenants and answers web pages only "
		    "of its own origin, its operators' page and those in "
		    "cors_origins");
		return false;
	}
	return true;
}

struct slice
head_presented_key(const struct exchange *x)
{
	struct slice value = exchange_header(x, "authorization");
	struct slice bearer = SLICE("bearer ");

	if (slice_istarts(value, bearer))
		return slice_trim(
		    slice_make(value.p + bearer.n, value.n - bearer.n));
	value = exchange_header(x, "x-api-key");
	if (value.n == 0)
		value = exchange_header(x, "api-key");
	if (value.n == 0)
		value = handshake_secret(
		    exchange_header(x, "sec-websocket-protocol"));
	return value;
}

/* Applications whose SDK wants some key send one beside their certificate. */
static bool
know_by_certificate(struct request *r)
{
	struct slice names;

	if (r->conf->tls.client_ca == NULL ||
	    !exchange_certificate(r->exchange, &names))
		return false;
	r->key = NULL;
	r->tenant = conf_authenticate_certificate(r->conf, names);
	return r->tenant != NULL;
}

/* A key made at run time, of a tenant that is still there. */
static bool
know_by_grant(struct request *r, struct slice key)
{
	const struct grant *g =
	    keyring_find(r->worker->app->keyring, key, clock_wall());

	if (g == NULL)
		return false;
	r->tenant = conf_find_tenant(r->conf, slice_of(g->tenant));
	r->grant = r->tenant != NULL ? g : NULL;
	r->key = r->tenant != NULL ? &g->key : NULL;
	return r->tenant != NULL;
}

static bool
has_needed_certificate(struct request *r)
{
	struct slice names;

	if (!r->conf->tls.require_client ||
	    exchange_certificate(r->exchange, &names))
		return true;
	refuse(r, 401, "authentication_error", "certificate_required",
	    "this gateway wants a client certificate that its authority "
	    "vouches for");
	return false;
}

static bool
authenticate(struct request *r)
{
	struct slice key;

	if (!has_needed_certificate(r))
		return false;
	if (r->conf->n_tenants == 0)
		return admit_stranger(r);
	key = head_presented_key(r->exchange);
	r->key = conf_find_key(r->conf, key);
	r->tenant = r->key != NULL ? r->key->tenant : NULL;
	if (r->tenant != NULL || know_by_grant(r, key) ||
	    know_by_certificate(r))
		return true;
	refuse(r, 401, "authentication_error", "invalid_api_key",
	    key.n == 0 ? "no API key: send `Authorization: Bearer KEY`"
		       : "the API key is not one that this gateway knows");
	return false;
}

#define SHOWN_MAX 200 /* bytes of a path that a message repeats */

/* What a provider does beside inference, and only the one that has begun it. */
static bool
is_kept_by_provider(struct slice path)
{
	static const char *const kept[] = { "assistants", "batches",
		"chat/completions/", "containers", "conversations", "evals",
		"files", "fine_tuning/", "messages/batches", "responses/resp_",
		"skills", "threads", "uploads", "vector_stores", "videos" };
	struct slice v1 = SLICE("/v1/");

	if (!slice_starts(path, v1))
		return false;
	path = slice_make(path.p + v1.n, path.n - v1.n);
	for (size_t i = 0; i < COUNT(kept); i++)
		if (slice_starts(path, slice_of(kept[i])))
			return true;
	return false;
}

/* Some SDKs want a base URL that ends in /v1, others add it. */
static const char *
word_unknown_path(struct request *r, struct slice path)
{
	const char *meant = route_but_for_slashes(path);

	if (route_lacks_v1(path))
		return request_say(r,
		    "no such path: %.*s; did you mean /v1%.*s? The base URL "
		    "ends in /v1",
		    SLICE_SHORT(path, SHOWN_MAX), SLICE_SHORT(path, SHOWN_MAX));
	if (slice_starts(path, SLICE("/v1/v1/")))
		return request_say(r,
		    "no such path: %.*s; this client adds /v1 to its base URL "
		    "by itself",
		    SLICE_SHORT(path, SHOWN_MAX));
	if (meant != NULL)
		return request_say(r, "no such path: %.*s; did you mean %s?",
		    SLICE_SHORT(path, SHOWN_MAX), meant);
	if (is_kept_by_provider(path))
		return request_say(r,
		    "no such path: %.*s; files, batches, stored answers and "
		    "the like are kept by one provider: ask it directly",
		    SLICE_SHORT(path, SHOWN_MAX));
	return request_say(
	    r, "no such path: %.*s", SLICE_SHORT(path, SHOWN_MAX));
}

static void
refuse_path(struct request *r, bool known_path)
{
	struct slice path = exchange_path(r->exchange);

	if (known_path) {
		refuse(r, 405, "invalid_request_error", "method_not_allowed",
		    request_say(r, "%.*s wants another method than %.*s",
			SLICE_SHORT(path, SHOWN_MAX),
			SLICE_ARG(exchange_method(r->exchange))));
		return;
	}
	refuse(r, 404, "invalid_request_error", "unknown_url",
	    word_unknown_path(r, path));
}

/* Such a body would be no JSON; SDKs send none. */
static bool
is_encoded(struct request *r)
{
	struct slice coding = exchange_header(r->exchange, "content-encoding");

	if (coding.n == 0 || slice_iis(coding, "identity"))
		return false;
	refuse(r, 415, "invalid_request_error", "unsupported_content_encoding",
	    "request bodies are taken without a Content-Encoding only");
	return true;
}

#define HOPS_MOST 4 /* one more is as good as any number */

static unsigned
hops_of(const struct exchange *x)
{
	uint64_t before = 0;

	if (!slice_starts(
		exchange_header(x, "user-agent"), SLICE("pointsman/")))
		return 0;
	(void)slice_u64(exchange_header(x, "x-pointsman-hops"), &before);
	return before < HOPS_MOST ? (unsigned)before + 1 : HOPS_MOST + 1;
}

/* Each would send it on to the next, until one has no descriptor left. */
static bool
goes_in_circles(struct request *r)
{
	r->hops = hops_of(r->exchange);
	if (r->hops <= HOPS_MOST)
		return false;
	refuse(r, 508, "server_error", "loop_detected",
	    "this request has come through too many gateways: the url of one "
	    "of their backends leads back to them");
	return true;
}

void
head_judge(struct request *r)
{
	const struct exchange *x = r->exchange;
	bool known_path = false, models, get;
	struct slice id;

	r->outcome.path = "other";
	if (exchange_refusal(x)->status != 0) {
		r->verdict = HEAD_REFUSED;
		refusal_of_front(exchange_refusal(x), &r->refusal);
		return;
	}
	/* A preflight carries no credentials. */
	if (slice_is(exchange_method(x), "OPTIONS")) {
		r->verdict = HEAD_LOCAL;
		return;
	}
	/* The route first: it decides the shape of a refusal. */
	r->route =
	    route_find(exchange_method(x), exchange_path(x), &known_path);
	if (r->route != NULL) {
		r->dialect = dialect_get(r->route->dialect);
		r->outcome.dialect = r->route->dialect;
		r->outcome.path = r->route->path;
	} else if (exchange_header(x, "anthropic-version").n > 0) {
		r->dialect = dialect_get(DIALECT_MESSAGES);
	}
	if (!authenticate(r))
		return;
	r->outcome.auth = clock_now() - exchange_received(x);

	if (r->route != NULL) {
		if (!is_encoded(r) && !goes_in_circles(r))
			r->verdict = HEAD_INFERENCE;
		return;
	}
	get = slice_is(exchange_method(x), "GET") ||
	    slice_is(exchange_method(x), "HEAD");
	models = route_is_models(exchange_path(x), &id);
	if (models && get) {
		r->outcome.path = "/v1/models";
		r->verdict = HEAD_LOCAL;
		return;
	}
	refuse_path(r, known_path || models);
}
