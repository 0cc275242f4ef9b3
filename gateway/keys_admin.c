/* gateway/keys_admin.c - /admin/v1/keys and /admin/v1/tenants. */
#include "gateway/keys_admin.h"

#include <stdio.h>
#include <string.h>

#include "gateway/admin/query.h"
#include "gateway/admin/values.h"
#include "gateway/app.h"
#include "gateway/conf/value.h"
#include "gateway/keys/keyring.h"
#include "gateway/lib/log.h"

#define EXPIRES_MAX ((usec)36500 * 86400 * USEC_SEC)

/* What is asked for; texts are in `names`. */
struct asked {
	struct app *app;
	struct admin_reply *reply;
	bool makes, names_one; /* what the method is for; else a list */
	struct arena names;
	struct grant wish;
	const char *models[KEY_MODELS_MAX + 1];
};

static bool
bad(struct asked *a, const char *want, const char *name, struct slice got)
{
	return query_refuse(a->reply, "invalid_key", want, name, got);
}

/* --- parameters --- */

static bool
name_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-_.@",
			s.p[i]) == NULL)
			return false;
	return s.n > 0 && s.n <= KEY_NAME_MAX;
}

static bool
read_models(struct asked *a, struct slice list)
{
	const struct conf_model *m;
	struct slice name;
	size_t n = 0;

	while (slice_next(&list, ',', &name)) {
		m = conf_find_model(a->app->conf, name);
		if (m == NULL || n == KEY_MODELS_MAX)
			return bad(
			    a, "names of models, 64 at most", "models", name);
		a->models[n] = arena_dup(&a->names, slice_of(m->name));
		if (a->models[n++] == NULL)
			return false;
	}
	if (n == 0)
		return bad(a, "names of models", "models", list);
	a->wish.models = a->models;
	return true;
}

static bool
read_expires(struct asked *a, struct slice value)
{
	usec span;

	if (!duration_parse(value, &span) || span < USEC_SEC ||
	    span > EXPIRES_MAX)
		return bad(a, "a duration of 1s..36500d", "expires", value);
	a->wish.expires = clock_wall() + span;
	return true;
}

static bool
read_limit(struct asked *a, const struct setting *l, struct slice value)
{
	char want[64];
	struct buf text;
	double v;

	if (!slice_double(value, &v) || !grant_limit_fits(l, v)) {
		buf_on(&text, want, sizeof(want) - 1);
		buf_add_str(
		    &text, l->type == SETTING_INT ? "a whole number of " : "");
		setting_write_bounds(l, &text);
		want[text.n] = '\0';
		return bad(a, want, l->name, value);
	}
	grant_limit_set(&a->wish.limits, l, v);
	a->wish.limited = true;
	return true;
}

/* Of a key that is made alone. */
static bool
read_wish(struct asked *a, struct slice name, struct slice value)
{
	const struct setting *l;

	if (slice_is(name, "expires"))
		return read_expires(a, value);
	if (slice_is(name, "models"))
		return read_models(a, value);
	for (size_t i = 0; (l = grant_limit_at(i)) != NULL; i++)
		if (slice_is(name, l->name))
			return read_limit(a, l, value);
	return bad(a,
	    "tenant, name, expires, models or a limit such as "
	    "requests_per_minute",
	    "the query", name);
}

static bool
read_name(struct asked *a, struct slice value)
{
	if (!name_ok(value))
		return bad(a, "1..64 letters, digits, - _ . @", "name", value);
	a->wish.key.name = arena_dup(&a->names, value);
	return a->wish.key.name != NULL;
}

/* What would be passed over in silence is refused. */
static bool
read_parameter(void *arg, struct slice name, struct slice value)
{
	struct asked *a = arg;

	if (slice_find(value, '\0') >= 0)
		return bad(a, "no byte of zero", "the query", name);
	if (slice_is(name, "tenant")) {
		a->wish.tenant = arena_dup(&a->names, value);
		return a->wish.tenant != NULL;
	}
	if (slice_is(name, "name") && a->names_one)
		return read_name(a, value);
	if (a->makes)
		return read_wish(a, name, value);
	return bad(
	    a, a->names_one ? "tenant and name" : "tenant", "the query", name);
}

static bool
has_names(struct asked *a)
{
	/* not as the file has it by now: what was let in can be put out */
	if (keyring_path(a->app->keyring) == NULL)
		admin_error(a->reply, 409, "no_keys_file",
		    "keys can be made and revoked at run time where "
		    "gateway.conf says keys_file = \"PATH\"; that takes a "
		    "restart");
	else if (a->wish.tenant == NULL || a->wish.key.name == NULL)
		admin_error(a->reply, 400, "invalid_key",
		    "want tenant and name in the query");
	return a->reply->status == 200;
}

/* --- answers --- */

static void
add_use(json_t *o, const struct quota *q)
{
	static const struct conf_quota unlimited = { 0 };
	struct quota_view v;

	if (q == NULL)
		return;
	quota_view(q, &unlimited, clock_now(), &v);
	set(o, "open", count(v.open));
	set(o, "spent_today_usd", json_real(v.day));
	set(o, "spent_month_usd", json_real(v.month));
}

static json_t *
grant_row(const struct grant *g)
{
	json_t *o = grant_json(g);

	set(o, "source", json_string("keys_file"));
	set(o, "good",
	    json_boolean(g->expires == 0 || g->expires > clock_wall()));
	add_use(o, g->quota);
	return o;
}

static json_t *
conf_row(const struct conf *c, const struct conf_key *k)
{
	json_t *o = json_object();

	set(o, "tenant", json_string(k->tenant->name));
	set(o, "name", json_string(k->name));
	set(o, "source", json_string("gateway.conf"));
	set(o, "good", json_true());
	add_use(o, conf_key_quota(c, k));
	return o;
}

static bool
is_of(const struct asked *a, const char *tenant)
{
	return a->wish.tenant == NULL || strcmp(a->wish.tenant, tenant) == 0;
}

static void
list_keys(struct asked *a)
{
	const struct conf *c = a->app->conf;
	json_t *doc = json_object(), *keys = json_array();
	const struct grant *g;

	for (size_t i = 0; i < c->n_keys; i++)
		if (c->keys[i].tenant != NULL &&
		    is_of(a, c->keys[i].tenant->name))
			json_array_append_new(keys, conf_row(c, &c->keys[i]));
	for (size_t i = 0; (g = keyring_at(a->app->keyring, i)) != NULL; i++)
		if (!atomic_load(&g->revoked) && is_of(a, g->tenant))
			json_array_append_new(keys, grant_row(g));
	set(doc, "keys", keys);
	admin_send_json(doc, a->reply);
}

static void
refuse(struct asked *a, enum err rc, const struct errmsg *why)
{
	if (rc == ERR_AGAIN)
		admin_error(a->reply, 409, "key_exists", why->text);
	else if (rc == ERR_NOT_FOUND)
		admin_error(a->reply, 404, "key_not_found", why->text);
	else
		admin_error(a->reply, 503, "key_not_kept", why->text);
}

/* What is spent is summed by name, whichever way a key came. */
static bool
is_in_conf(const struct conf *c, const struct grant *wish)
{
	const struct conf_key *k;

	for (size_t i = 0; i < c->n_keys; i++) {
		k = &c->keys[i];
		if (k->tenant != NULL &&
		    strcmp(k->tenant->name, wish->tenant) == 0 &&
		    strcmp(k->name, wish->key.name) == 0)
			return true;
	}
	return false;
}

static enum err
make_key(struct asked *a, char key[KEY_BYTES], struct errmsg *why)
{
	if (is_in_conf(a->app->conf, &a->wish))
		return fail(why, ERR_AGAIN,
		    "want a name of its own, got \"%s\", which tenant %s has "
		    "a key of in gateway.conf",
		    a->wish.key.name, a->wish.tenant);
	a->wish.created = clock_wall();
	return keyring_add(a->app->keyring, &a->wish, key, why);
}

static void
add_key(struct asked *a)
{
	struct errmsg why = { "" };
	char key[KEY_BYTES];
	enum err rc;
	json_t *doc;

	if (!has_names(a))
		return;
	if (conf_find_tenant(a->app->conf, slice_of(a->wish.tenant)) == NULL) {
		query_unknown(a->reply, "invalid_key", "tenant", query_tenants,
		    a->app->conf, slice_of(a->wish.tenant));
		return;
	}
	rc = make_key(a, key, &why);
	if (rc != OK) {
		refuse(a, rc, &why);
		return;
	}
	log_info(
	    "key_added tenant=%s key=%s", a->wish.tenant, a->wish.key.name);
	doc = grant_json(&a->wish);
	set(doc, "key", json_string(key));
	admin_send_json(doc, a->reply);
	explicit_bzero(key, sizeof(key));
}

static void
revoke_key(struct asked *a)
{
	struct errmsg why = { "" };
	json_t *doc = NULL;
	enum err rc;

	if (!has_names(a))
		return;
	rc = keyring_revoke(a->app->keyring, slice_of(a->wish.tenant),
	    slice_of(a->wish.key.name), &why);
	if (rc != OK) {
		refuse(a, rc, &why);
		return;
	}
	log_info(
	    "key_revoked tenant=%s key=%s", a->wish.tenant, a->wish.key.name);
	doc = json_object();
	set(doc, "revoked", json_string(a->wish.key.name));
	admin_send_json(doc, a->reply);
}

void
keys_admin(struct app *app, struct slice method, struct slice query,
    struct admin_reply *reply)
{
	const bool list = slice_is(method, "GET");
	struct asked a = { .app = app,
		.reply = reply,
		.makes = slice_is(method, "POST"),
		.names_one = !list };

	arena_init(&a.names, 1 << 20);
	if (query_read(query, read_parameter, &a, "invalid_key", reply)) {
		if (list)
			list_keys(&a);
		else if (a.makes)
			add_key(&a);
		else
			revoke_key(&a);
	}
	arena_fini(&a.names);
}

void
tenants_admin(struct app *app, struct admin_reply *reply)
{
	const struct conf *c = app->conf;
	json_t *doc = json_object(), *rows = json_array(), *o;

	for (size_t i = 0; i < c->n_tenants; i++) {
		o = json_object();
		set(o, "tenant", json_string(c->tenants[i].name));
		set(o, "limits", limits_json(&c->tenants[i].limits));
		add_use(o, c->quotas[i]);
		json_array_append_new(rows, o);
	}
	set(doc, "tenants", rows);
	admin_send_json(doc, reply);
}
