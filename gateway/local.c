/* gateway/local.c - what the gateway answers by itself: the list of models,
 * one model, and CORS preflights. */
#include <string.h>

#include "gateway/app.h"
#include "gateway/keys/keyring.h"
#include "gateway/lib/uri.h"
#include "gateway/refusals.h"
#include "gateway/steps.h"
#include "policies/boundaries.h"

#define MODELS_MAX ((size_t)16 << 20) /* bytes of /v1/models */

/* Anthropic's SDKs page through a list of their own shape. */
static bool
is_for_anthropic(const struct request *r)
{
	return r->dialect != NULL && dialect_is_anthropic(r->dialect->id);
}

static void
render_model(const struct request *r, struct buf *out, const char *id)
{
	usec created = app_started_wall(r->worker->app);
	char text[CLOCK_TEXT];

	buf_add_str(out, "{\"id\":");
	buf_add_json(out, slice_of(id));
	if (!is_for_anthropic(r)) {
		buf_addf(out,
		    ",\"object\":\"model\",\"created\":%lld,"
		    "\"owned_by\":\"pointsman\"}",
		    (long long)(created / USEC_SEC));
		return;
	}
	buf_add_str(out, ",\"type\":\"model\",\"display_name\":");
	buf_add_json(out, slice_of(id));
	buf_addf(out, ",\"created_at\":\"%.*s\"}",
	    (int)clock_text(text, created, 3), text);
}

static bool
may_ask_for(const struct request *r, const struct conf_model *m)
{
	return boundary_model(r->tenant, m) &&
	    (r->grant == NULL || grant_allows(r->grant, m));
}

static void
render_id(struct buf *out, const char *member, const char *id)
{
	buf_addf(out, ",\"%s\":", member);
	if (id != NULL)
		buf_add_json(out, slice_of(id));
	else
		buf_add_str(out, "null");
}

/* All of it is one page. */
static void
render_page(struct buf *out, const char *first, const char *last)
{
	buf_add_str(out, ",\"has_more\":false");
	render_id(out, "first_id", first);
	render_id(out, "last_id", last);
}

/* The names a caller may ask for: each model and its aliases. */
static void
render_models(const struct request *r, struct buf *out)
{
	const char *comma = "", *first = NULL, *last = NULL;

	buf_add_str(out,
	    is_for_anthropic(r) ? "{\"data\":["
				: "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < r->conf->n_models; i++) {
		const struct conf_model *m = &r->conf->models[i];

		if (strcmp(m->name, "*") == 0 || !may_ask_for(r, m))
			continue;
		buf_add_str(out, comma);
		render_model(r, out, m->name);
		comma = ",";
		first = first != NULL ? first : m->name;
		last = m->name;
		for (size_t k = 0; m->aliases != NULL && m->aliases[k]; k++) {
			buf_add_char(out, ',');
			render_model(r, out, m->aliases[k]);
			last = m->aliases[k];
		}
	}
	buf_add_char(out, ']');
	if (is_for_anthropic(r))
		render_page(out, first, last);
	buf_add_char(out, '}');
}

static enum step
send_json(struct request *r, struct buf *body)
{
	if (buf_err(body) != OK)
		return request_refuse(r, &refusal_memory);
	reply_headers(r, 200, "application/json", (int64_t)body->n, NULL);
	r->sink->ops->write(r->sink, buf_slice(body));
	r->sink->ops->end(r->sink, SINK_CLEAN);
	r->outcome.bytes_out += body->n;
	return request_finish(r, RESULT_OK, FAULT_NONE, NULL);
}

static enum step
refuse_unknown(struct request *r, struct slice id)
{
	const char *text = request_say(r,
	    "the model `%.*s` does not exist; GET /v1/models lists those that "
	    "do",
	    SLICE_SHORT(id, 200));

	return request_refuse(r,
	    &(struct error_reply){ .status = 404,
		.type = "invalid_request_error",
		.code = "model_not_found",
		.param = "model",
		.message = text });
}

/* Ids may hold slashes and, from some clients, %2F. */
static enum step
answer_model(struct request *r, struct slice id)
{
	const struct conf_model *m;
	struct buf name, body;
	enum step step;

	buf_init(&name, 1024);
	uri_unescape(id, &name);
	m = conf_find_model(r->conf, buf_slice(&name));
	if (buf_err(&name) == ERR_MEMORY) {
		step = request_refuse(r, &refusal_memory);
	} else if (buf_err(&name) != OK || m == NULL || !may_ask_for(r, m)) {
		step = refuse_unknown(r, buf_slice(&name));
	} else {
		buf_init(&body, MODELS_MAX);
		buf_add_char(&name, '\0');
		render_model(r, &body, name.p);
		step = send_json(r, &body);
		buf_fini(&body);
	}
	buf_fini(&name);
	return step;
}

enum step
local_answer(struct request *r)
{
	struct slice path = exchange_path(r->exchange);
	struct slice prefix = SLICE("/v1/models/");
	struct buf body;
	enum step step;

	if (slice_is(exchange_method(r->exchange), "OPTIONS")) {
		reply_headers(r, 204, NULL, 0, NULL);
		r->sink->ops->end(r->sink, SINK_CLEAN);
		return request_finish(r, RESULT_OK, FAULT_NONE, NULL);
	}
	if (slice_starts(path, prefix) && path.n > prefix.n)
		return answer_model(
		    r, slice_make(path.p + prefix.n, path.n - prefix.n));
	buf_init(&body, MODELS_MAX);
	render_models(r, &body);
	step = send_json(r, &body);
	buf_fini(&body);
	return step;
}
