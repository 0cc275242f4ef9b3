/* gateway/admin/admin.c - the admin API's routes. */
#include "gateway/admin/admin.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/admin/drill_page.h"
#include "gateway/dialects/dialect.h"

#define ADMIN_BODY_MAX ((size_t)64 << 20)

typedef void (*handler)(const struct admin_picture *, struct admin_reply *);

void
admin_reply_init(struct admin_reply *r)
{
	*r = (struct admin_reply){ .status = 200,
		.content_type = "application/json" };
	buf_init(&r->body, ADMIN_BODY_MAX);
}

void
admin_reply_fini(struct admin_reply *r)
{
	buf_fini(&r->body);
}

void
admin_error(
    struct admin_reply *r, int status, const char *code, const char *message)
{
	const struct error_reply e = { .status = status,
		.type = status < 500 ? "invalid_request_error" : "server_error",
		.code = code,
		.message = message };

	buf_reset(&r->body);
	r->status = status;
	r->content_type = "application/json";
	openai_render_error(&e, &r->body);
}

void
admin_send_json(json_t *doc, struct admin_reply *r)
{
	char *text = doc != NULL
	    ? json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(9))
	    : NULL;

	if (text != NULL)
		buf_add_str(&r->body, text);
	else
		admin_error(r, 503, "out_of_memory", "out of memory");
	free(text);
	json_decref(doc);
}

static void
get_healthz(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->content_type = "text/plain";
	buf_add_str(&r->body, "ok\n");
}

static void
get_readyz(const struct admin_picture *p, struct admin_reply *r)
{
	r->content_type = "text/plain";
	if (p->ready && !p->draining) {
		buf_add_str(&r->body, "ready\n");
		return;
	}
	r->status = 503;
	buf_add_str(&r->body, p->draining ? "draining\n" : "starting\n");
}

static void
get_metrics(const struct admin_picture *p, struct admin_reply *r)
{
	r->content_type = "text/plain; version=0.0.4; charset=utf-8";
	admin_render_metrics(p, &r->body);
}

static void
get_backends(const struct admin_picture *p, struct admin_reply *r)
{
	admin_render_backends(p, &r->body);
}

static void
get_config(const struct admin_picture *p, struct admin_reply *r)
{
	conf_dump(p->conf, &r->body);
}

static void
get_status(const struct admin_picture *p, struct admin_reply *r)
{
	const struct telemetry_gauges *g = &p->gauges;

	buf_addf(&r->body,
	    "{\"version\":\"%s\",\"ready\":%s,\"draining\":%s,"
	    "\"uptime_s\":%.1f,\"config_version\":%llu,\"requests\":%u,"
	    "\"connections\":%u,\"queued\":%u,\"upstream_transfers\":%u,"
	    "\"upstream_connections_made\":%u,\"body_bytes\":%llu}",
	    POINTSMAN_VERSION, p->ready ? "true" : "false",
	    p->draining ? "true" : "false", (double)g->uptime / 1e6,
	    (unsigned long long)g->config_version, g->requests, g->connections,
	    g->queue, g->transfers, g->connections_made,
	    (unsigned long long)g->body_bytes);
}

static void
post_reload(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->action = ADMIN_RELOAD;
}

static void
any_keys(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->action = ADMIN_KEYS;
}

static void
get_tenants(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->action = ADMIN_TENANTS;
}

static const struct {
	const char *method, *path;
	handler handle;
} routes_table[] = {
	{ "GET", "/healthz", get_healthz },
	{ "GET", "/readyz", get_readyz },
	{ "GET", "/metrics", get_metrics },
	{ "GET", "/admin/v1/status", get_status },
	{ "GET", "/admin/v1/backends", get_backends },
	{ "GET", "/admin/v1/config", get_config },
	{ "GET", "/admin/v1/receipts", admin_get_receipts },
	{ "GET", "/admin/v1/slo", admin_get_slo },
	{ "GET", "/admin/v1/usage", admin_get_usage },
	{ "POST", "/admin/v1/reload", post_reload },
	{ "GET", "/admin/v1/drill", admin_get_drill },
	{ "POST", "/admin/v1/drill", admin_post_drill },
	{ "DELETE", "/admin/v1/drill", admin_delete_drill },
	{ "GET", "/admin/v1/keys", any_keys },
	{ "POST", "/admin/v1/keys", any_keys },
	{ "DELETE", "/admin/v1/keys", any_keys },
	{ "GET", "/admin/v1/tenants", get_tenants },
};
#define N_ROUTES (sizeof(routes_table) / sizeof(routes_table[0]))

void
admin_handle(const struct admin_picture *p, struct slice method,
    struct slice path, struct admin_reply *r)
{
	const struct slice one = SLICE("/admin/v1/receipts/");
	bool known = slice_starts(path, one) && path.n > one.n;

	if (known && slice_is(method, "GET")) {
		admin_get_receipt(
		    p, slice_make(path.p + one.n, path.n - one.n), r);
		return;
	}
	for (size_t i = 0; i < N_ROUTES; i++) {
		if (!slice_is(path, routes_table[i].path))
			continue;
		known = true;
		if (slice_is(method, routes_table[i].method)) {
			routes_table[i].handle(p, r);
			return;
		}
	}
	if (known)
		admin_error(r, 405, "method_not_allowed",
		    "this path wants another method");
	else
		admin_error(r, 404, "unknown_url",
		    "no such path; there are /healthz, /readyz, /metrics, "
		    "/admin/v1/status, /admin/v1/backends, /admin/v1/config, "
		    "/admin/v1/receipts, /admin/v1/receipts/ID, "
		    "/admin/v1/slo, /admin/v1/usage, /admin/v1/drill, "
		    "/admin/v1/keys, /admin/v1/tenants and POST "
		    "/admin/v1/reload");
}
