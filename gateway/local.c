/* gateway/local.c - what the gateway answers by itself: the list of models,
 * one model, and CORS preflights. */
#include <string.h>

#include "gateway/app.h"
#include "gateway/keys/keyring.h"
#include "gateway/lib/map.h"
#include "gateway/lib/uri.h"
#include "gateway/listed.h"
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
render_model(const struct request *r, struct buf *out, struct slice id)
{
	usec created = app_started_wall(r->worker->app);
	char text[CLOCK_TEXT];

	buf_add_str(out, "{\"id\":");
	buf_add_json(out, id);
	if (!is_for_anthropic(r)) {
		buf_addf(out,
		    ",\"object\":\"model\",\"created\":%lld,"
		    "\"owned_by\":\"pointsman\"}",
		    (long long)(created / USEC_SEC));
		return;
	}
	buf_add_str(out, ",\"type\":\"model\",\"display_name\":");
	buf_add_json(out, id);
	buf_addf(out, ",\"created_at\":\"%.*s\"}",
	    (int)clock_text(text, created, 3), text);
}

static bool
may_ask_for(const struct request *r, const struct conf_model *m)
{
	return boundary_model(r->tenant, m) &&
	    (r->grant == NULL || grant_allows(r->grant, m));
}

/* --- the names a caller may ask for, one a line --- */

static bool
has_name(const struct buf *names, struct slice name)
{
	struct slice rest = buf_slice(names), line;

	while (slice_next(&rest, '\n', &line))
		if (name.n > 0 && slice_eq(line, name))
			return true;
	return false;
}

static void
add_name(struct buf *names, struct slice name)
{
	buf_add(names, name);
	buf_add_char(names, '\n');
}

/* What the backend lists, by the names that clients have for it. */
static void
add_list(
    const struct request *r, const struct conf_serving *s, struct buf *names)
{
	const struct slice start =
	    slice_make(s->upstream, strlen(s->upstream) - 1);
	const struct conf_starts differ = conf_starts(s);
	struct slice rest, line;
	struct buf list;

	buf_init(&list, MODELS_MAX);
	listed_add(r->worker->app->listed, s->backend->id, &list);
	rest = buf_slice(&list);
	while (slice_next(&rest, '\n', &line))
		if (line.n > 0 && slice_starts(line, start)) {
			buf_add(names, differ.here);
			add_name(names,
			    slice_make(line.p + differ.there.n,
				line.n - differ.there.n));
		}
	buf_fini(&list);
}

/* What the backends of a name with a star list, as far as it is not another
 * model here. */
static void
add_listed(
    const struct request *r, const struct conf_model *m, struct buf *names)
{
	struct buf all;
	struct map seen;
	struct slice rest, line;

	map_init(&seen);
	buf_init(&all, MODELS_MAX);
	for (size_t i = 0; i < m->n_servings; i++)
		if (conf_is_pattern(m->servings[i].upstream) &&
		    boundary_backend(r->tenant, m->servings[i].backend))
			add_list(r, &m->servings[i], &all);
	rest = buf_slice(&all);
	while (slice_next(&rest, '\n', &line))
		if (line.n > 0 && conf_find_model(r->conf, line) == NULL &&
		    conf_find_pattern(r->conf, line) == m &&
		    map_get(&seen, line) == NULL &&
		    map_put(&seen, line, names) == OK)
			add_name(names, line);
	map_fini(&seen);
	buf_fini(&all);
}

/* Each model and its aliases. */
static void
gather(const struct request *r, struct buf *names)
{
	for (size_t i = 0; i < r->conf->n_models; i++) {
		const struct conf_model *m = &r->conf->models[i];

		if (!may_ask_for(r, m))
			continue;
		if (conf_is_pattern(m->name))
			add_listed(r, m, names);
		else
			add_name(names, slice_of(m->name));
		for (size_t k = 0; m->aliases != NULL && m->aliases[k]; k++)
			if (!conf_is_pattern(m->aliases[k]))
				add_name(names, slice_of(m->aliases[k]));
	}
}

/* All of it is one page. */
static void
render_page(struct buf *out, struct slice first, struct slice last)
{
	buf_add_str(out, ",\"has_more\":false,\"first_id\":");
	if (last.n == 0) {
		buf_add_str(out, "null,\"last_id\":null");
		return;
	}
	buf_add_json(out, first);
	buf_add_str(out, ",\"last_id\":");
	buf_add_json(out, last);
}

static void
render_models(const struct request *r, const struct buf *names, struct buf *out)
{
	struct slice rest = buf_slice(names), line;
	struct slice first = SLICE(""), last = SLICE("");

	buf_add_str(out,
	    is_for_anthropic(r) ? "{\"data\":["
				: "{\"object\":\"list\",\"data\":[");
	while (slice_next(&rest, '\n', &line) && line.n > 0) {
		if (last.n > 0)
			buf_add_char(out, ',');
		else
			first = line;
		render_model(r, out, line);
		last = line;
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
answer_model(struct request *r, const struct buf *names, struct slice id)
{
	struct buf name, body;
	enum step step;

	buf_init(&name, 1024);
	uri_unescape(id, &name);
	if (buf_err(&name) == ERR_MEMORY || buf_err(names) != OK) {
		step = request_refuse(r, &refusal_memory);
	} else if (buf_err(&name) != OK || !has_name(names, buf_slice(&name))) {
		step = refuse_unknown(r, buf_slice(&name));
	} else {
		buf_init(&body, MODELS_MAX);
		render_model(r, &body, buf_slice(&name));
		step = send_json(r, &body);
		buf_fini(&body);
	}
	buf_fini(&name);
	return step;
}

static enum step
answer_models(struct request *r, const struct buf *names)
{
	struct buf body;
	enum step step;

	buf_init(&body, MODELS_MAX);
	render_models(r, names, &body);
	step = buf_err(names) == OK ? send_json(r, &body)
				    : request_refuse(r, &refusal_memory);
	buf_fini(&body);
	return step;
}

enum step
local_answer(struct request *r)
{
	struct slice id;
	struct buf names;
	enum step step;

	if (slice_is(exchange_method(r->exchange), "OPTIONS")) {
		reply_headers(r, 204, NULL, 0, NULL);
		r->sink->ops->end(r->sink, SINK_CLEAN);
		return request_finish(r, RESULT_OK, FAULT_NONE, NULL);
	}
	buf_init(&names, MODELS_MAX);
	gather(r, &names);
	(void)route_is_models(exchange_path(r->exchange), &id);
	if (id.n > 0)
		step = answer_model(r, &names, id);
	else
		step = answer_models(r, &names);
	buf_fini(&names);
	return step;
}
