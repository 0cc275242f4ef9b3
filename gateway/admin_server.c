/* gateway/admin_server.c - the admin listener, on the main thread's loop.
 *
 * Takes a picture of the process for each request, lets gateway/admin word
 * the answer, and carries out what it asks for. */
#include "gateway/admin_server.h"

#include <stdlib.h>

#include "gateway/admin/admin.h"
#include "gateway/admin/drill.h"
#include "gateway/admin/drill_page.h"
#include "gateway/admin_door.h"
#include "gateway/children.h"
#include "gateway/front/front.h"
#include "gateway/keys_admin.h"
#include "gateway/ledger/ledger.h"
#include "gateway/usage_job.h"

struct admin_server {
	struct app *app;
	struct front *front;
	struct usage_jobs usage;
	void (*on_closed)(void *);
	void *arg;
};

static size_t
picture_servings(struct app *app, struct serving_view *views, usec now)
{
	size_t n = 0;

	for (size_t i = 0; i < app->conf->n_servings; i++)
		if (switchboard_view(
			app->board, app->conf->servings[i].id, now, &views[n]))
			n++;
	return n;
}

static void
reload(struct app *app, struct admin_reply *reply)
{
	struct complaints c;

	complaints_init(&c);
	if (app_reload(app, &c) == OK) {
		buf_addf(&reply->body, "{\"config_version\":%llu}",
		    (unsigned long long)app->conf->version);
	} else {
		buf_add_char(&c.text, '\0');
		if (buf_err(&c.text) == OK && c.errors > 0)
			admin_error(
			    reply, 400, "invalid_configuration", c.text.p);
		else
			admin_error(
			    reply, 503, "out_of_memory", "out of memory");
	}
	complaints_fini(&c);
}

static void
show_drill(struct app *app, struct admin_reply *reply)
{
	struct drill_view v;

	drill_read(app->drill, clock_now(), &v);
	admin_render_drill(&v, reply);
}

static void
begin_drill(struct app *app, struct admin_reply *reply)
{
	const struct admin_drill *d = &reply->drill;

	switch (drill_begin(
	    app->drill, d->backend, d->tenant, d->span, clock_now())) {
	case OK:
		show_drill(app, reply);
		break;
	case ERR_AGAIN:
		admin_error(reply, 409, "drill_running",
		    "a drill is running: wait for its end, or stop it first "
		    "(pointsman drill --stop)");
		break;
	default:
		admin_error(reply, 400, "invalid_drill",
		    "the name of the backend or tenant is too long for a "
		    "drill: want at most 127 bytes");
	}
}

static void
stop_drill(struct app *app, struct admin_reply *reply)
{
	if (drill_stop(app->drill, DRILL_STOPPED, clock_now()))
		show_drill(app, reply);
	else
		admin_error(reply, 404, "no_drill", "no drill is running");
}

static void
carry_out(struct app *app, struct exchange *x, struct admin_reply *reply)
{
	switch (reply->action) {
	case ADMIN_NOTHING:
	case ADMIN_USAGE: /* on_request() does */
		break;
	case ADMIN_RELOAD:
		reload(app, reply);
		break;
	case ADMIN_DRILL:
		begin_drill(app, reply);
		break;
	case ADMIN_DRILL_STOP:
		stop_drill(app, reply);
		break;
	case ADMIN_KEYS:
		keys_admin(app, exchange_method(x), exchange_query(x), reply);
		break;
	case ADMIN_TENANTS:
		tenants_admin(app, reply);
		break;
	}
}

static void
answer(struct app *app, struct exchange *x, struct admin_reply *reply)
{
	struct admin_picture p = { .conf = app->conf,
		.telemetry = app->telemetry,
		.receipts = app->receipts,
		.book = app->book,
		.ledger = app->ledger != NULL ? ledger_path(app->ledger) : NULL,
		.labels = app->labels,
		.drill = app->drill,
		.path = exchange_path(x),
		.query = exchange_query(x),
		.ready = app->ready,
		.draining = app->draining,
		.now = clock_now() };
	struct serving_view *views =
	    calloc(app->conf->n_servings + 1, sizeof(*views));
	struct admin_child *children = NULL;

	p.n_children = children_picture(app->children, &children);
	if (views == NULL || (children == NULL && p.n_children > 0)) {
		admin_error(reply, 503, "out_of_memory", "out of memory");
	} else {
		p.n_servings = picture_servings(app, views, p.now);
		p.servings = views;
		p.children = children;
		app_gauges(app, &p.gauges);
		admin_handle(&p, exchange_method(x), reply);
		carry_out(app, x, reply);
	}
	free(views);
	free(children);
}

static void
send_reply(struct exchange *x, const struct admin_reply *reply)
{
	struct sink *sink = exchange_sink(x);
	const struct header h[] = {
		{ SLICE("content-type"), slice_of(reply->content_type) },
		{ SLICE("cache-control"), SLICE("no-store") },
		{ SLICE("x-content-type-options"), SLICE("nosniff") },
		{ SLICE("www-authenticate"), SLICE("Bearer") },
	};

	if (buf_err(&reply->body) != OK) {
		sink->ops->end(sink, SINK_ABORT); /* a part would look whole */
		return;
	}
	sink->ops->headers(sink, reply->status, h, reply->status == 401 ? 4 : 3,
	    (int64_t)reply->body.n);
	sink->ops->write(sink, buf_slice(&reply->body));
	sink->ops->end(sink, SINK_CLEAN);
}

/* The whole answer is given at once: there is nothing to go on with. */
static void
on_event(void *arg)
{
	(void)arg;
}

static enum front_verdict
on_headers(void *arg, struct exchange *x)
{
	(void)arg;
	exchange_sink(x)->on_drain = exchange_sink(x)->on_gone = on_event;
	return FRONT_READ;
}

/* Those who are known and not let in leave a line, too. */
static void
admit_and_answer(struct app *app, struct exchange *x, struct admin_reply *reply)
{
	struct admin_asker a;
	bool good;

	admin_asker_init(&a, x);
	good = admin_admit(app, x, &a, reply);
	if (!admin_can_note(app, &a, reply))
		return;
	if (good)
		answer(app, x, reply);
	if (admin_is_noted(app, &a))
		admin_note(app, x, &a, reply);
}

static void
on_request(void *arg, struct exchange *x)
{
	struct admin_server *s = arg;
	const struct exchange_refusal *bad = exchange_refusal(x);
	struct admin_reply reply;

	admin_reply_init(&reply);
	if (bad->status != 0)
		admin_error(&reply, bad->status, bad->code, bad->message);
	else
		admit_and_answer(s->app, x, &reply);
	if (reply.action != ADMIN_USAGE ||
	    !usage_job_begin(&s->usage, x, ledger_path(s->app->ledger), &reply))
		send_reply(x, &reply);
	admin_reply_fini(&reply);
}

static void
on_exchange_closed(void *arg, struct exchange *x)
{
	struct usage_job *job = exchange_arg(x);

	(void)arg;
	if (job != NULL)
		usage_job_forget(job);
}

static const struct front_ops ops = {
	.on_headers = on_headers,
	.on_request = on_request,
	.on_closed = on_exchange_closed,
};

struct admin_server *
admin_server_new(struct app *app, int listen_fd, struct errmsg *why)
{
	struct admin_server *s = calloc(1, sizeof(*s));
	struct front_settings settings = {
		.limits = { .header = 16 << 10,
		    .body = 1 << 20,
		    .bodies = 16 << 20,
		    .connections = 256 },
		.header_timeout = app->conf->header_timeout,
		.body_timeout = app->conf->body_timeout,
		.idle_timeout = app->conf->idle_timeout,
		.client_stall = app->conf->client_stall,
	};

	if (s == NULL) {
		(void)fail(why, ERR_MEMORY, "out of memory");
		return NULL;
	}
	s->app = app;
	s->usage =
	    (struct usage_jobs){ .loop = &app->loop, .done = send_reply };
	s->front = front_new(
	    &app->loop, listen_fd, &settings, &app->admin_budget, &ops, s, why);
	if (s->front == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

bool
admin_server_settle(struct admin_server *s)
{
	return front_settle(s->front);
}

static void
on_front_closed(void *arg)
{
	struct admin_server *s = arg;

	s->on_closed(s->arg);
	free(s);
}

void
admin_server_close(
    struct admin_server **sp, void (*on_closed)(void *), void *arg)
{
	struct admin_server *s = *sp;

	s->on_closed = on_closed;
	s->arg = arg;
	*sp = NULL;
	front_close(&s->front, on_front_closed, s);
}
