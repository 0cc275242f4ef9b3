/* gateway/admin_server.c - the admin listener, on the main thread's loop.
 *
 * Takes a picture of the process for each request, lets gateway/admin word
 * the answer, and carries out what it asks for. */
#include "gateway/admin_server.h"

#include <stdlib.h>

#include "gateway/admin/admin.h"
#include "gateway/admin/drill.h"
#include "gateway/admin/drill_page.h"
#include "gateway/admin/restraint_page.h"
#include "gateway/admin/routes.h"
#include "gateway/admin_door.h"
#include "gateway/admin_picture.h"
#include "gateway/feed.h"
#include "gateway/front/front.h"
#include "gateway/keys_admin.h"
#include "gateway/ledger/ledger.h"
#include "gateway/lib/log.h"
#include "gateway/usage_job.h"

struct admin_server {
	struct app *app;
	struct front *front;
	struct usage_jobs usage;
	struct feed *feed;
	void (*on_closed)(void *);
	void *arg;
};

static void
add_strings(struct buf *out, const char *name, struct slice all, char sep)
{
	const char *comma = "";
	struct slice one;

	buf_addf(out, ",\"%s\":[", name);
	while (slice_next(&all, sep, &one)) {
		one = slice_trim(one);
		if (one.n == 0)
			continue;
		buf_add_str(out, comma);
		buf_add_json(out, one);
		comma = ",";
	}
	buf_add_char(out, ']');
}

/* What was read, and is not as whoever changed the file may think. */
static void
tell_reload(
    const struct app *app, const struct complaints *c, struct admin_reply *r)
{
	struct buf names;

	buf_init(&names, 1024);
	conf_restart_needed(app->bound, app->conf, &names);
	buf_addf(&r->body, "{\"config_version\":%llu",
	    (unsigned long long)app->conf->version);
	add_strings(&r->body, "needs_restart", buf_slice(&names), ',');
	add_strings(&r->body, "warnings", buf_slice(&c->text), '\n');
	buf_add_char(&r->body, '}');
	buf_fini(&names);
}

static void
reload(struct app *app, struct admin_reply *reply)
{
	struct complaints c;

	complaints_init(&c);
	if (app_reload(app, &c) == OK) {
		tell_reload(app, &c, reply);
	} else {
		buf_add_char(&c.text, '\0');
		if (buf_err(&c.text) == OK && c.errors > 0)
			admin_error(
			    reply, 400, "invalid_configuration", c.text.p);
		else
			admin_no_memory(reply);
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

/* What is held back of it is the router's to keep, by its name, until the
 * process ends. */
static void
restrain(
    struct app *app, const struct admin_picture *p, struct admin_reply *reply)
{
	const struct admin_restraint *what = &reply->restraint;
	struct restraint r = { .drained = false };
	uint32_t serving;

	for (size_t i = 0; admin_restrained(p, what, i, &serving, &r); i++) {
		admin_restrain(what, &r);
		switchboard_restrain(
		    app->board, what->backend->id, serving, &r, p->now);
		if (serving == 0)
			break;
	}
	log_warn("backend_restrained backend=%s model=%s drained=%d "
		 "weight=%.3f",
	    what->backend->name, what->model != NULL ? what->model->name : "-",
	    r.drained, 1 - r.withheld);
}

static void
carry_out(struct app *app, struct exchange *x, const struct admin_picture *p,
    struct admin_reply *reply)
{
	switch (reply->action) {
	case ADMIN_NOTHING:
	case ADMIN_USAGE: /* begin_long() does */
	case ADMIN_LIVE:
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
	case ADMIN_RESTRAIN:
		restrain(app, p, reply);
		break;
	case ADMIN_KEYS:
		keys_admin(app, admin_method(x), exchange_query(x), reply);
		break;
	case ADMIN_TENANTS:
		tenants_admin(app, reply);
		break;
	}
}

static void
answer(struct app *app, struct exchange *x, struct admin_reply *reply)
{
	struct admin_snapshot s;
	struct admin_picture *p = &s.picture;

	if (admin_snapshot_take(app, &s)) {
		p->path = exchange_path(x);
		p->query = exchange_query(x);
		p->host = exchange_header(x, "host");
		p->if_none_match = exchange_header(x, "if-none-match");
		admin_handle(p, admin_method(x), reply);
		carry_out(app, x, p, reply);
		if (reply->action == ADMIN_RESTRAIN) {
			admin_snapshot_servings(app, &s);
			admin_render_restrained(p, &reply->restraint, reply);
		}
	} else {
		admin_no_memory(reply);
	}
	admin_snapshot_drop(&s);
}

static void
send_headers(struct sink *sink, const struct admin_reply *reply, int64_t length)
{
	struct header_list h = { .n = 0 };

	header_add(&h, "content-type", slice_of(reply->content_type));
	header_add(&h, "cache-control",
	    slice_of(reply->etag[0] != '\0' ? "no-cache" : "no-store"));
	header_add(&h, "x-content-type-options", SLICE("nosniff"));
	if (reply->etag[0] != '\0')
		header_add(&h, "etag", slice_of(reply->etag));
	if (reply->policy[0] != '\0') {
		header_add(
		    &h, "content-security-policy", slice_of(reply->policy));
		header_add(&h, "referrer-policy", SLICE("no-referrer"));
	}
	if (reply->allow[0] != '\0')
		header_add(&h, "allow", slice_of(reply->allow));
	if (reply->status == 401)
		header_add(&h, "www-authenticate", SLICE("Bearer"));
	sink->ops->headers(sink, reply->status, h.list, h.n, length);
}

/* -1: it was not made, as only its head is asked for. */
static int64_t
length_of(const struct admin_reply *reply)
{
	return reply->body.n == 0 && reply->action != ADMIN_NOTHING
	    ? -1
	    : (int64_t)reply->body.n;
}

static void
send_reply(struct exchange *x, const struct admin_reply *reply)
{
	struct sink *sink = exchange_sink(x);

	if (buf_err(&reply->body) != OK) {
		sink->ops->end(sink, SINK_ABORT); /* a part would look whole */
		return;
	}
	send_headers(sink, reply, length_of(reply));
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
	if (good) {
		/* of what has been answered all is to be found */
		if (a.route != NULL && a.route->tells)
			workers_await_told(app->workers, app->n_workers);
		answer(app, x, reply);
	}
	if (admin_is_noted(app, &a))
		admin_note(app, x, &a, reply);
}

/* What is not answered at once. False: the reply is the answer. */
static bool
begin_long(
    struct admin_server *s, struct exchange *x, struct admin_reply *reply)
{
	if (slice_is(exchange_method(x), "HEAD"))
		return false;
	switch (reply->action) {
	case ADMIN_USAGE:
		return usage_job_begin(&s->usage, x, s->app->ledger, reply);
	case ADMIN_LIVE:
		return feed_begin(s->feed, exchange_sink(x), reply);
	default:
		return false;
	}
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
	if (!begin_long(s, x, &reply))
		send_reply(x, &reply);
	admin_reply_fini(&reply);
}

static void
on_exchange_closed(void *arg, struct exchange *x)
{
	struct admin_server *s = arg;
	struct usage_job *job = exchange_arg(x);

	feed_forget(s->feed, exchange_sink(x));
	if (job != NULL)
		usage_job_forget(job);
}

static const struct front_ops ops = {
	.on_headers = on_headers,
	.on_request = on_request,
	.on_closed = on_exchange_closed,
};

/* Borrowed from the configuration. */
static struct front_settings
settings_of(const struct conf *c)
{
	return (struct front_settings){
		.limits = { .header = 16 << 10,
		    .body = 1 << 20,
		    .bodies = 16 << 20,
		    .connections = 256 },
		.header_timeout = c->header_timeout,
		.body_timeout = c->body_timeout,
		.idle_timeout = c->idle_timeout,
		.client_stall = c->client_stall,
		.tls = c->admin_tls.certificate != NULL ? &c->admin_tls : NULL,
	};
}

void
admin_server_configure(struct admin_server *s, const struct conf *conf)
{
	const struct front_settings settings = settings_of(conf);

	front_configure(s->front, &settings);
}

struct admin_server *
admin_server_new(struct app *app, int listen_fd, struct errmsg *why)
{
	struct admin_server *s = calloc(1, sizeof(*s));
	const struct front_settings settings = settings_of(app->conf);

	if (s == NULL) {
		(void)fail(why, ERR_MEMORY, "out of memory");
		return NULL;
	}
	s->feed = feed_new(app, clock_now());
	s->app = app;
	s->usage =
	    (struct usage_jobs){ .loop = &app->loop, .done = send_reply };
	if (s->feed != NULL)
		s->front = front_new(&app->loop, listen_fd, &settings,
		    &app->admin_budget, &ops, s, why);
	else
		(void)fail(why, ERR_MEMORY, "out of memory");
	if (s->front == NULL) {
		feed_free(&s->feed);
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

void
admin_server_tick(struct admin_server *s, usec now)
{
	feed_tick(s->feed, now);
}

static void
on_front_closed(void *arg)
{
	struct admin_server *s = arg;

	feed_free(&s->feed);
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
