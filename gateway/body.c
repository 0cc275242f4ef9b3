/* gateway/body.c - the step of BODY: what is asked for, of which model, and by
 * when.
 *
 * A long body is read a part in a turn of the loop; all else is one step.
 */
#include <stdio.h>

#include "gateway/app.h"
#include "gateway/dialects/multipart.h"
#include "gateway/keys/keyring.h"
#include "gateway/lib/count.h"
#include "gateway/lib/uri.h"
#include "gateway/lib/utf8.h"
#include "gateway/refusals.h"
#include "gateway/session.h"
#include "gateway/steps.h"
#include "gateway/stored.h"
#include "gateway/worker.h"
#include "policies/slo.h"
#include "policies/tenant.h"

#define CLIENT_FIRST (50 * USEC_MS) /* before us, by its own clock */

/* Clients may say how long they will wait; never longer than ours. Their own
 * clock is to come first: what they raise then they raise without a gateway. */
static usec
deadline_of(const struct request *r)
{
	static const char *const hints[] = { "x-stainless-timeout",
		"x-stainless-read-timeout" };
	usec limit = r->conf->deadline;
	double seconds;

	for (size_t i = 0; i < COUNT(hints); i++)
		if (slice_double(
			exchange_header(r->exchange, hints[i]), &seconds) &&
		    seconds > 0 && seconds * 1e6 + CLIENT_FIRST < (double)limit)
			limit = (usec)(seconds * 1e6) + CLIENT_FIRST;
	return exchange_received(r->exchange) + limit;
}

static bool
is_form(const struct request *r)
{
	return multipart_is(exchange_header(r->exchange, "content-type"));
}

static bool
takes_form(const struct request *r)
{
	return r->route->body == BODY_JSON_OR_FORM && is_form(r);
}

static enum err
parse(struct request *r, struct dialect_error *why)
{
	struct slice body = exchange_body(r->exchange);
	enum err rc;

	if (takes_form(r))
		return dialect_parse_form(r->route->dialect,
		    exchange_header(r->exchange, "content-type"), body,
		    r->parsed, why);
	if (r->reader != NULL)
		rc = dialect_end(r->reader, why);
	else
		rc = dialect_read(r->dialect, body, r->parsed, why);
	dialect_free(&r->reader);
	if (rc != OK && is_form(r)) {
		*why = (struct dialect_error){ .status = 415,
			.code = "unsupported_media_type" };
		snprintf(why->message, sizeof(why->message),
		    "%s takes application/json, not multipart/form-data",
		    r->route->path);
	}
	return rc;
}

/* A part of a long body, for which others are not to wait. False: there is no
 * more of it to read. */
static bool
read_body(struct request *r)
{
	struct slice body = exchange_body(r->exchange);

	if (r->parsed == NULL) {
		r->parsed = pool_take(&r->worker->parsed);
		if (r->parsed != NULL) /* what is no JSON names none */
			r->parsed->facts.model = SLICE("");
	}
	if (body.n <= SCAN_SLICE || r->parsed == NULL || takes_form(r))
		return false;
	if (r->reader == NULL)
		r->reader = dialect_begin(r->dialect, body, r->parsed);
	return r->reader != NULL && dialect_more(r->reader, SCAN_SLICE);
}

/* What the path says counts, as it does with Azure. */
static bool
name_deployment(struct request *r, struct error_reply *e)
{
	struct slice named = route_deployment(exchange_path(r->exchange));
	struct dialect_request *p = r->parsed;
	struct buf name;

	if (named.n == 0)
		return true;
	buf_on(&name, p->model_name, sizeof(p->model_name));
	uri_unescape(named, &name);
	r->facts.model = buf_slice(&name);
	if (utf8_is_text(name.p, name.n))
		return true;
	*e = (struct error_reply){ .status = 400,
		.type = "invalid_request_error",
		.code = "invalid_value",
		.message = "the deployment in the path must be text, without "
			   "control characters" };
	return false;
}

/* Of a refused request too it is logged, if there is such a one. */
static void
note_model(struct request *r)
{
	struct model_choice choice;
	struct errmsg why;

	if (r->facts.model.n > 0 &&
	    model_resolve(r->conf, r->tenant, r->facts.model, &choice, &why) ==
		OK)
		r->outcome.model = choice.model->name;
}

static bool
parse_body(struct request *r, struct error_reply *e)
{
	struct dialect_error why = { .status = 400 };

	if (r->parsed == NULL) {
		*e = refusal_memory;
		return false;
	}
	if (r->route->body == BODY_NONE) {
		if (!session_parse(r, e))
			return false;
	} else if (parse(r, &why) != OK) {
		r->facts.model = r->parsed->facts.model;
		note_model(r);
		*e = (struct error_reply){ .status = why.status,
			.type = "invalid_request_error",
			.code = why.code,
			.param = why.param,
			.message = request_say(r, "%s", why.message) };
		return false;
	}
	r->facts = r->parsed->facts;
	r->outcome.stream = r->facts.stream;
	return name_deployment(r, e);
}

/* Of those that serve the model the backend that keeps the response which this
 * one follows: others would not know it. NULL: none, or it is not known. */
static const struct conf_backend *
keeper_of(const struct request *r, const struct conf_model *model)
{
	const struct dialect_request *p = r->parsed;
	const struct scan_member *previous;
	uint32_t backend;

	if (r->dialect->id != DIALECT_RESPONSES)
		return NULL;
	previous = scan_find(p->members, p->n_members, "previous_response_id");
	if (previous == NULL || !scan_nonempty_string(previous) ||
	    !stored_find(
		r->worker->app->stored, scan_inside(previous), &backend))
		return NULL;
	for (size_t i = 0; i < model->n_servings; i++)
		if (model->servings[i].backend->id == backend)
			return model->servings[i].backend;
	return NULL;
}

/* The model, and what its name says besides. */
static bool
resolve_model(
    struct request *r, struct model_choice *choice, struct error_reply *e)
{
	struct errmsg why;
	enum err rc =
	    model_resolve(r->conf, r->tenant, r->facts.model, choice, &why);

	if (rc == OK && r->grant != NULL &&
	    !grant_allows(r->grant, choice->model))
		rc = fail(&why, ERR_NOT_FOUND,
		    "the key %s is not for the model %s", r->key->name,
		    choice->model->name);
	if (rc != OK) {
		refusal_of_model(rc, r->facts.model.n > 0, e);
		e->message = request_say(r, "%s", why.text);
		return false;
	}
	r->facts.model = choice->name; /* without its suffix */
	r->routing.model = choice->model;
	r->outcome.model = choice->model->name;
	r->routing.pin =
	    choice->pin != NULL ? choice->pin : keeper_of(r, choice->model);
	r->routing.prefer = choice->prefer;
	return true;
}

static bool
resolve_slo(struct request *r, const struct slo *suffix, struct error_reply *e)
{
	const struct exchange *x = r->exchange;
	struct slo_headers asked = {
		.slo_class = exchange_header(x, "x-slo-class"),
		.ttft_ms = exchange_header(x, "x-slo-ttft-ms"),
		.itl_ms = exchange_header(x, "x-slo-itl-ms"),
		.total_ms = exchange_header(x, "x-slo-total-ms"),
	};
	struct errmsg why;

	if (asked.itl_ms.n == 0)
		asked.itl_ms = exchange_header(x, "x-slo-tpot-ms");
	if (slo_resolve(r->conf, r->tenant, &asked, suffix, &r->routing.slo,
		&why) == OK)
		return true;
	*e = (struct error_reply){ .status = 400,
		.type = "invalid_request_error",
		.code = "invalid_slo",
		.message = request_say(r, "%s", why.text) };
	return false;
}

enum step
step_body(struct request *r)
{
	struct model_choice choice;
	struct error_reply e = { 0 };

	if (read_body(r)) {
		request_yield(r);
		return STEP_WAIT;
	}
	if (!parse_body(r, &e) || !resolve_model(r, &choice, &e) ||
	    !resolve_slo(r, choice.slo, &e))
		return request_refuse(r, &e);
	/* there is nothing between its tokens */
	if (dialect_passes(r->facts.dialect))
		r->routing.slo.itl = 0;
	/* it lasts as long as its client likes */
	if (r->session != NULL)
		r->routing.slo.total = 0;
	r->deadline = deadline_of(r);
	r->outcome.slo = r->routing.slo.name;
	r->routing.facts = &r->facts;
	r->routing.tenant = r->tenant;
	r->routing.arrived = exchange_received(r->exchange);
	r->routing.deadline = r->deadline;
	r->routing.worker = r->worker->index;
	r->routing.owner = r;
	if (r->facts.stream && r->conf->heartbeat > 0 &&
	    r->dialect->heartbeat.n > 0)
		r->beat_at = r->routing.arrived + r->conf->heartbeat;
	request_enter(r, replay_wanted(r) ? REQ_HOLD : REQ_PLAN);
	return STEP_AGAIN;
}
