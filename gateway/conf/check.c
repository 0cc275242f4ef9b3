/* gateway/conf/check.c - what no single setting can know is wrong.
 *
 * Runs also over a file that has been complained about: a NULL stands for a
 * setting that was wrong and is passed over. */
#include <string.h>
#include <sys/un.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/conf/loader.h"
#include "gateway/conf/value.h"
#include "gateway/lib/count.h"

/* --- the top --- */

static void
check_limits(struct loader *l)
{
	const config_setting_t *root = config_root_setting(&l->tree);
	const struct conf_limits *limits = &l->conf->limits;
	const config_setting_t *s = loader_member(root,
	    loader_is_set(root, "body_limit") ? "body_limit"
					      : "body_limit_total");

	if (limits->body > limits->bodies)
		complain(
		    l, s, "want body_limit at most body_limit_total, got more");
}

static bool
origin_ok(struct slice s)
{
	size_t scheme = slice_starts(s, SLICE("https://")) ? 8
	    : slice_starts(s, SLICE("http://"))            ? 7
							   : 0;

	s = slice_make(s.p + scheme, s.n - scheme);
	return scheme > 0 && s.n > 0 && slice_find(s, '/') < 0 &&
	    slice_find(s, ' ') < 0 && slice_find(s, '*') < 0;
}

static void
check_origins(struct loader *l)
{
	const config_setting_t *s =
	    loader_member(config_root_setting(&l->tree), "cors_origins");
	const char *const *origins = l->conf->cors_origins;

	for (unsigned i = 0; origins[i] != NULL; i++)
		if (!origin_ok(slice_of(origins[i])))
			complain(l, config_setting_get_elem(s, i),
			    "want an origin such as \"https://app.example\", "
			    "got \"%s\"",
			    origins[i]);
}

/* More than the "/" that is asked for anyway. */
static bool
has_path(struct slice url)
{
	if (url.p[url.n - 1] == '/')
		url.n--;
	return slice_rfind(url, '/') >= (ptrdiff_t)sizeof("https://") - 1;
}

/* Where spans are posted to; what it is asked may stand behind a "?". */
static void
check_otlp(struct loader *l)
{
	const config_setting_t *at = loader_member(
	    loader_member(config_root_setting(&l->tree), "otlp"), "url");
	struct slice url = slice_of(
	    l->conf->otlp.url != NULL ? l->conf->otlp.url : "http://x/y");
	struct slice rest = url, place;
	const char *flaw;

	if (slice_find(url, '@') >= 0) {
		complain(l, at,
		    "want a URL without a user's name or password (not "
		    "shown)");
		return;
	}
	slice_next(&rest, '?', &place);
	flaw = url_flaw(
	    place, "a URL such as \"http://127.0.0.1:4318/v1/traces\"");
	if (flaw != NULL)
		complain_value(l, at, NULL, flaw);
	else if (!has_path(place))
		warn(l, at,
		    "want a path after the host, mostly /v1/traces, got none");
}

/* A host alone: the rest has settings of its own. */
static bool
is_host(struct slice s)
{
	static const char others[] = "/@?# []";

	for (size_t i = 0; i < s.n; i++)
		if (strchr(others, s.p[i]) != NULL)
			return false;
	/* one colon is a port's, two are IPv6 */
	return s.n > 0 &&
	    (slice_find(s, ':') < 0 ||
		slice_find(s, ':') != slice_rfind(s, ':'));
}

static void
check_shared_limits(struct loader *l)
{
	const struct conf_shared_limits *c = &l->conf->shared_limits;
	const config_setting_t *root = config_root_setting(&l->tree);
	const config_setting_t *s = loader_member(root, "shared_limits");
	struct sockaddr_un sun;
	struct slice at;

	if (c->user != NULL && c->password == NULL)
		complain(l, loader_member(s, "user"),
		    "want a password with it, got none");
	if (loader_is_set(root, "shared_limits") && c->address == NULL)
		warn(l, s, "want an address, got none: nothing is shared");
	if (c->address == NULL)
		return;
	at = slice_of(c->address);
	if (slice_starts(at, SLICE("unix:"))) {
		if (at.n <= 5 || at.n - 5 >= sizeof(sun.sun_path))
			complain_value(l, loader_member(s, "address"), NULL,
			    "a path after \"unix:\", of 1..107 bytes in all");
	} else if (!is_host(at)) {
		complain_value(l, loader_member(s, "address"), NULL,
		    "a host, as \"10.0.0.5\" or \"redis.internal\", or "
		    "\"unix:/path\"");
	}
}

/* What is set in a group may not be longer than its total. */
static void
check_spans(
    struct loader *l, const config_setting_t *s, const struct conf_timeouts *t)
{
	const struct {
		const char *name;
		usec span;
	} parts[] = {
		{ "connect", t->connect },
		{ "ttft", t->ttft },
		{ "gap", t->gap },
	};
	struct buf want;

	for (size_t i = 0; i < COUNT(parts); i++) {
		if (!loader_is_set(s, parts[i].name) ||
		    parts[i].span <= t->total)
			continue;
		buf_init(&want, 64);
		buf_add_str(&want, "at most total, ");
		duration_write(t->total, &want);
		buf_add_char(&want, '\0');
		if (buf_err(&want) == OK)
			complain_value(
			    l, loader_member(s, parts[i].name), NULL, want.p);
		buf_fini(&want);
	}
}

/* A comment that comes when all is over helps nobody. */
static void
check_heartbeat(struct loader *l)
{
	const config_setting_t *root = config_root_setting(&l->tree);

	if (l->conf->heartbeat >= l->conf->deadline)
		complain_value(l, loader_member(root, "heartbeat"), NULL,
		    "less than deadline");
}

static void
check_top(struct loader *l)
{
	check_listeners(l);
	check_limits(l);
	check_heartbeat(l);
	check_origins(l);
	check_otlp(l);
	check_shared_limits(l);
	check_spans(l, loader_member(config_root_setting(&l->tree), "timeouts"),
	    &l->conf->timeouts);
}

/* --- SLO classes --- */

static double
best_quality(const struct conf *c)
{
	double best = 0;

	for (size_t i = 0; i < c->n_servings; i++)
		if (c->servings[i].quality > best)
			best = c->servings[i].quality;
	return best;
}

/* A suffix of a model's name that means how to choose. */
static bool
is_preference(const char *name)
{
	return strcmp(name, "fastest") == 0 || strcmp(name, "cheapest") == 0;
}

/* A request ends at its deadline, whatever it was promised. */
static void
check_in_time(struct loader *l, size_t i, const char *target, usec span)
{
	struct buf deadline;

	if (span <= l->conf->deadline)
		return;
	buf_init(&deadline, 64);
	duration_write(l->conf->deadline, &deadline);
	warn(l, loader_at(l, "slo", i, target),
	    "want at most deadline, %.*s, got more: requests end there",
	    SLICE_ARG(buf_slice(&deadline)));
	buf_fini(&deadline);
}

static void
check_slo(struct loader *l, size_t i)
{
	const struct slo *slo = &l->conf->slos[i];
	const config_setting_t *group = loader_at(l, "slo", i, NULL);
	const config_setting_t *at = loader_at(l, "slo", i, "name");

	if (slo->name == NULL)
		return;
	if (is_preference(slo->name) || strcmp(slo->name, "custom") == 0)
		complain(l, at,
		    "want a name that has no meaning yet, got \"%s\"",
		    slo->name);
	if (conf_find_backend(l->conf, slice_of(slo->name)) != NULL)
		complain(l, at, "want a name that no backend has, got \"%s\"",
		    slo->name);
	if (slo->total > 0 && slo->ttft > slo->total)
		complain_value(
		    l, loader_at(l, "slo", i, "ttft"), NULL, "at most total");
	check_in_time(l, i, "ttft", slo->ttft);
	check_in_time(l, i, "total", slo->total);
	if (!loader_is_set(group, "ttft") && !loader_is_set(group, "itl") &&
	    !loader_is_set(group, "total"))
		warn(l, group,
		    "want ttft, itl or total, got no target: the cheapest "
		    "serving will do");
	if (l->conf->n_servings > 0 && slo->min_quality > best_quality(l->conf))
		warn(l, loader_at(l, "slo", i, "min_quality"),
		    "want at most the best serving's quality, %.15g, got "
		    "%.15g: nothing can serve this class",
		    best_quality(l->conf), slo->min_quality);
}

/* --- backends --- */

static void
check_command(struct loader *l, size_t i, const struct conf_backend *b)
{
	for (size_t arg = 0; b->command[arg] != NULL; arg++)
		if (strstr(b->command[arg], "{port}") != NULL)
			return;
	if (b->url == NULL && b->off == NULL)
		complain(l, loader_at(l, "backends", i, "command"),
		    "want \"{port}\" among the arguments, or url, got neither");
}

/* Each connection reads it: a pipe would hold a worker up. */
static bool
is_readable_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(path, R_OK) == 0;
}

static void
check_authorities(struct loader *l, size_t i, const char *path)
{
	const config_setting_t *at = loader_at(l, "backends", i, "ca_file");

	if (!is_readable_file(path))
		complain(
		    l, at, "want a file that can be read, got \"%s\"", path);
	else if (!tls_are_authorities(path))
		complain(l, at,
		    "want certificates in PEM, got none or a broken one in "
		    "\"%s\"",
		    path);
}

static void
check_backend(struct loader *l, size_t i)
{
	const struct conf_backend *b = &l->conf->backends[i];

	if (b->name != NULL && is_preference(b->name))
		complain(l, loader_at(l, "backends", i, "name"),
		    "want a name that has no meaning yet, got \"%s\"", b->name);
	check_spans(l, loader_at(l, "backends", i, "timeouts"), &b->timeouts);
	if (b->command != NULL)
		check_command(l, i, b);
	if (b->ca_file != NULL)
		check_authorities(l, i, b->ca_file);
}

/* --- models --- */

/* `gemma:gpu` is the model gemma on the backend gpu. A model of that very name
 * would hide it. */
static void
check_suffix(struct loader *l, const char *name, const config_setting_t *at)
{
	struct slice s = slice_of(name), prefix, suffix;
	char word[80];
	ptrdiff_t colon = slice_rfind(s, ':');

	if (colon < 0)
		return;
	prefix = slice_make(s.p, (size_t)colon);
	suffix = slice_make(s.p + colon + 1, s.n - (size_t)colon - 1);
	if (suffix.n >= sizeof(word) ||
	    conf_find_model(l->conf, prefix) == NULL)
		return;
	memcpy(word, suffix.p, suffix.n);
	word[suffix.n] = '\0';
	if (!is_preference(word) && conf_find_slo(l->conf, suffix) == NULL &&
	    conf_find_backend(l->conf, suffix) == NULL)
		return;
	complain(l, at,
	    "want a name with one meaning, got \"%s\", which is also the model "
	    "\"%.*s\" with the suffix \"%s\"",
	    name, SLICE_ARG(prefix), word);
}

static void
check_able(
    struct loader *l, const config_setting_t *serve, const struct conf_model *m)
{
	for (unsigned i = 0; i < m->n_servings; i++) {
		const struct conf_backend *b = m->servings[i].backend;

		if (b == NULL || b->adapter == NULL || m->servings[i].caps != 0)
			continue;
		warn(l,
		    config_setting_get_member(
			config_setting_get_elem(serve, i), "caps"),
		    "want something that the adapter \"%s\" does, got nothing "
		    "of it: nothing can be sent there",
		    b->adapter);
	}
}

static void
check_twins(
    struct loader *l, const config_setting_t *serve, const struct conf_model *m)
{
	for (unsigned i = 0; i < m->n_servings; i++)
		for (unsigned j = 0; j < i; j++) {
			const struct conf_serving *a = &m->servings[j],
						  *b = &m->servings[i];

			if (b->backend == NULL || b->upstream == NULL ||
			    a->backend != b->backend || a->upstream == NULL ||
			    strcmp(a->upstream, b->upstream) != 0)
				continue;
			complain(l, config_setting_get_elem(serve, i),
			    "want each backend and model once, got those of "
			    "serve[%u]",
			    j);
			break;
		}
}

/* A star has to stand for something; alone it is the name as asked for. */
static void
check_stars(
    struct loader *l, const config_setting_t *serve, const struct conf_model *m)
{
	if (m->name == NULL || conf_is_pattern(m->name))
		return;
	for (unsigned i = 0; i < m->n_servings; i++) {
		const char *upstream = m->servings[i].upstream;

		if (upstream == NULL || !conf_is_pattern(upstream) ||
		    strcmp(upstream, "*") == 0)
			continue;
		complain(l,
		    loader_member(config_setting_get_elem(serve, i), "model"),
		    "want a name without a star, as \"%s\" has none, or "
		    "\"*\", got \"%s\"",
		    m->name, upstream);
	}
}

static void
check_model(struct loader *l, size_t i)
{
	const struct conf_model *m = &l->conf->models[i];
	const config_setting_t *serve = loader_at(l, "models", i, "serve");
	const config_setting_t *aliases = loader_at(l, "models", i, "aliases");
	size_t on = 0;

	if (m->name != NULL)
		check_suffix(l, m->name, loader_at(l, "models", i, "name"));
	for (unsigned j = 0; m->aliases != NULL && m->aliases[j] != NULL; j++) {
		const config_setting_t *at =
		    config_setting_get_elem(aliases, j);

		if (!model_name_ok(m->aliases[j]))
			complain_value(l, at, NULL, MODEL_NAME_WANTED);
		else
			check_suffix(l, m->aliases[j], at);
	}
	if (m->n_servings > CONF_SERVINGS_MAX) {
		complain(l, serve, "want 1..%d servings, got %zu",
		    CONF_SERVINGS_MAX, m->n_servings);
		return;
	}
	check_twins(l, serve, m);
	check_stars(l, serve, m);
	check_able(l, serve, m);
	for (size_t j = 0; j < m->n_servings; j++)
		on += m->servings[j].backend == NULL ||
		    m->servings[j].backend->off == NULL;
	if (m->n_servings > 0 && on == 0)
		warn(l, loader_at(l, "models", i, NULL),
		    "want a backend that is on, got none: requests will get a "
		    "503");
}

/* --- tenants --- */

static void
check_tenant(struct loader *l, size_t i, double best)
{
	const struct conf_tenant *t = &l->conf->tenants[i];
	const config_setting_t *at = loader_at(l, "tenants", i, NULL);

	if (!loader_is_set(at, "keys") && t->certificates == NULL &&
	    l->conf->keys_file == NULL)
		complain(l, at,
		    "want keys, certificates, or keys_file at the top, got "
		    "none of them");
	if (l->conf->n_servings > 0 && t->min_quality > best)
		warn(l, loader_at(l, "tenants", i, "min_quality"),
		    "want at most the best serving's quality, %.15g, got "
		    "%.15g: nothing can serve this tenant",
		    best, t->min_quality);
}

void
check(struct loader *l)
{
	const struct conf *c = l->conf;
	const double best = best_quality(c);
	size_t n_slos = c->n_slos;

	check_top(l);
	if (!loader_is_set(config_root_setting(&l->tree), "default_slo"))
		n_slos--; /* the last is ours */
	for (size_t i = 0; i < n_slos && l->err == OK; i++)
		check_slo(l, i);
	for (size_t i = 0; i < c->n_backends && l->err == OK; i++)
		check_backend(l, i);
	for (size_t i = 0; i < c->n_models && l->err == OK; i++)
		check_model(l, i);
	for (size_t i = 0; i < c->n_tenants && l->err == OK; i++)
		check_tenant(l, i, best);
}
