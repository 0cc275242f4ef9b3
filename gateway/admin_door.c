/* gateway/admin_door.c - who may ask the admin listener for what. */
#include "gateway/admin_door.h"

#include <stdio.h>

#include "gateway/admin/audit.h"
#include "gateway/admin/routes.h"
#include "gateway/app.h"
#include "gateway/front/front.h"
#include "gateway/head.h"
#include "gateway/lib/log.h"
#include "gateway/origin.h"

struct slice
admin_method(const struct exchange *x)
{
	struct slice method = exchange_method(x);

	return slice_is(method, "HEAD") ? SLICE("GET") : method;
}

void
admin_asker_init(struct admin_asker *a, const struct exchange *x)
{
	bool other;

	*a = (struct admin_asker){ .known = false };
	a->route = admin_route_find(admin_method(x), exchange_path(x), &other);
}

static bool
may(const struct conf_key *k, const struct admin_route *route,
    struct admin_reply *reply)
{
	char text[256];

	if (route == NULL || k->role >= route->role)
		return true;
	snprintf(text, sizeof(text),
	    "want a key with the role %s%s, got \"%.64s\" with the role %s",
	    conf_role_name(route->role),
	    route->role < ROLE_ADMIN ? " or admin" : "", k->name,
	    conf_role_name(k->role));
	admin_error(reply, 403, "role_too_narrow", text);
	return false;
}

static bool
admit_key(const struct conf *c, struct exchange *x, struct admin_asker *a,
    struct admin_reply *reply)
{
	struct slice key = head_presented_key(x);
	const struct conf_key *k;

	/* orchestrators have no key, and these tell them nothing else */
	if (a->route != NULL && a->route->open)
		return true;
	k = conf_authenticate_admin(c, key);
	if (k == NULL) {
		admin_error(reply, 401, "invalid_admin_key",
		    key.n == 0 ? "no key: send `Authorization: Bearer KEY`; "
				 "subcommands take it from $POINTSMAN_ADMIN_KEY"
			       : "the key is none of admin_keys");
		return false;
	}
	a->known = true;
	snprintf(a->name, sizeof(a->name), "%s", k->name);
	return may(k, a->route, reply);
}

/* A page of another site, by what its browser says. It can read no answer, but
 * it could take all places of the live feed. Who follows a link is let in. */
static bool
is_strange_page(const struct exchange *x, const struct admin_asker *a)
{
	return slice_is(exchange_header(x, "sec-fetch-site"), "cross-site") &&
	    !slice_is(exchange_header(x, "sec-fetch-dest"), "document") &&
	    !(a->route != NULL && a->route->open);
}

/* With keys, a name says nothing: whoever has one may come by any. */
bool
admin_admit(const struct app *app, struct exchange *x, struct admin_asker *a,
    struct admin_reply *reply)
{
	const struct conf *c = app->conf;

	if (c->n_admin_keys == 0 &&
	    !origin_host_allowed(
		exchange_header(x, "host"), &app->bound->admin)) {
		admin_error(reply, 403, "host_not_allowed",
		    "the admin listener answers only to the Host localhost, "
		    "127.0.0.1, [::1] or its own address");
		return false;
	}
	if (c->n_admin_keys == 0 && is_strange_page(x, a)) {
		admin_error(reply, 403, "origin_not_allowed",
		    "without admin_keys no page of another site may ask the "
		    "admin listener");
		return false;
	}
	if (c->n_admin_keys > 0 && !admit_key(c, x, a, reply))
		return false;
	if (!slice_is(admin_method(x), "GET") &&
	    exchange_header(x, "origin").n > 0) {
		admin_error(reply, 403, "origin_not_allowed",
		    "no web page may change this gateway");
		return false;
	}
	a->known = true;
	return true;
}

/* --- acts are written down --- */

bool
admin_is_noted(const struct app *app, const struct admin_asker *a)
{
	return app->audit != NULL && a->known && a->route != NULL &&
	    admin_route_acts(a->route);
}

/* What could not be written down is not done. */
bool
admin_can_note(
    struct app *app, const struct admin_asker *a, struct admin_reply *reply)
{
	struct errmsg why;

	if (!admin_is_noted(app, a) || audit_ready(app->audit, &why) == OK)
		return true;
	log_error("audit_log reason=\"%s\"", why.text);
	admin_error(reply, 503, "audit_log", why.text);
	return false;
}

void
admin_note(struct app *app, struct exchange *x, const struct admin_asker *a,
    struct admin_reply *reply)
{
	const struct audit_entry e = { .who =
					   a->name[0] != '\0' ? a->name : NULL,
		.act = a->route->id,
		.target = exchange_query(x),
		.result = reply->status };
	struct errmsg why;

	if (audit_write(app->audit, &e, clock_wall(), &why) == OK)
		return;
	log_error("audit_log reason=\"%s\"", why.text);
	admin_error(reply, 500, "audit_log", why.text);
}
