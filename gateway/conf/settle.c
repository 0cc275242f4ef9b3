/* gateway/conf/settle.c - what follows from the settings.
 *
 * Runs also over a file that has been complained about: anything may be
 * NULL that a setting should have filled. */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "gateway/conf/loader.h"
#include "gateway/conf/settings.h"

/* One per core that this process may run on, within the setting's bounds. */
static unsigned
default_workers(void)
{
	const struct setting *row = setting_find(&settings_top, "workers");
	cpu_set_t set;
	long n;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	else
		n = sysconf(_SC_NPROCESSORS_ONLN);
	if (n < 1)
		n = 1;
	return (double)n < row->max ? (unsigned)n : (unsigned)row->max;
}

/* Listeners are opened by address, without asking a resolver. */
static void
settle_address(struct conf_listen *at)
{
	if (strcmp(at->address, "localhost") == 0)
		at->address = "127.0.0.1";
}

/* A path starts from the folder of the file, like all others. */
static void
settle_shared_limits(struct loader *l)
{
	const struct slice mark = SLICE("unix:");
	struct slice at = slice_of(l->conf->shared_limits.address);
	const char *path;
	char *whole;

	if (!slice_starts(at, mark) || at.n == mark.n)
		return;
	path = loader_path(l, slice_make(at.p + mark.n, at.n - mark.n));
	whole =
	    path != NULL ? loader_alloc(l, mark.n + strlen(path) + 1) : NULL;
	if (whole == NULL)
		return;
	memcpy(whole, mark.p, mark.n);
	memcpy(whole + mark.n, path, strlen(path));
	l->conf->shared_limits.address = whole;
}

/* Without default_slo there is a class that asks for nothing. */
static void
add_default_slo(struct loader *l)
{
	struct conf *c = l->conf;
	struct slo *slos;

	slos = loader_alloc(l, (c->n_slos + 1) * sizeof(*slos));
	if (slos == NULL)
		return;
	if (c->n_slos > 0)
		memcpy(slos, c->slos, c->n_slos * sizeof(*slos));
	slos[c->n_slos] = (struct slo){
		.name = "default",
		.percentile = 95,
		.priority = PRIORITY_STANDARD,
		.on_miss = ON_MISS_SERVE,
	};
	if (map_put(&c->slo_names, SLICE("default"), &slos[c->n_slos]) != OK)
		l->err = ERR_MEMORY;
	c->default_slo = &slos[c->n_slos];
	c->slos = slos;
	c->n_slos++;
}

static void
settle_model(struct conf_model *m)
{
	struct conf_serving *s = UNCONST(m->servings);

	for (size_t i = 0; i < m->n_servings; i++) {
		s[i].model = m;
		if (s[i].upstream == NULL)
			s[i].upstream = m->name;
		if (s[i].caps == 0)
			s[i].caps = CAP_ALL;
	}
}

void
settle_before_names(struct loader *l)
{
	struct conf *c = l->conf;
	struct conf_model *models = UNCONST(c->models);

	settle_address(&c->listen);
	settle_address(&c->admin);
	if (c->workers == 0)
		c->workers = default_workers();
	c->servings = l->servings;
	c->n_servings = l->n_servings;
	for (size_t i = 0; i < c->n_models; i++)
		settle_model(&models[i]);
	if (!loader_is_set(config_root_setting(&l->tree), "default_slo"))
		add_default_slo(l);
}

/* --- after names --- */

static void
inherit(usec *own, usec from, usec total)
{
	if (*own >= 0)
		return;
	*own = from < total ? from : total;
}

static void
settle_timeouts(struct conf_timeouts *t, const struct conf_timeouts *from)
{
	inherit(&t->total, from->total, from->total);
	inherit(&t->connect, from->connect, t->total);
	inherit(&t->ttft, from->ttft, t->total);
	inherit(&t->gap, from->gap, t->total);
}

/* At the top, a default gives way to a shorter `total`; what is set does not
 * and is complained about. */
static void
settle_top_timeouts(struct loader *l)
{
	const config_setting_t *at =
	    loader_member(config_root_setting(&l->tree), "timeouts");
	struct conf_timeouts *t = &l->conf->timeouts, from = *t;

	if (!loader_is_set(at, "connect"))
		t->connect = -1;
	if (!loader_is_set(at, "ttft"))
		t->ttft = -1;
	if (!loader_is_set(at, "gap"))
		t->gap = -1;
	settle_timeouts(t, &from);
}

static void
settle_keys(struct loader *l, struct conf_serving *s)
{
	size_t n = s->backend->n_api_keys;

	if (n == 0)
		return;
	s->keys_limited = loader_alloc(l, n * sizeof(*s->keys_limited));
	for (size_t i = 0; s->keys_limited != NULL && i < n; i++)
		atomic_init(&s->keys_limited[i], 0);
}

static unsigned
by_chat(const struct conf_serving *s)
{
	enum conf_translate how = s->backend->translate;

	if ((s->caps & CAP_CHAT) == 0 || how == CONF_TRANSLATE_NEVER)
		return 0;
	return how == CONF_TRANSLATE_ALWAYS ? CAP_BY_CHAT
					    : CAP_BY_CHAT & ~s->caps;
}

static void
settle_cache(struct conf_price *p)
{
	if (p->cached < 0)
		p->cached = p->input;
	if (p->cache_write < 0)
		p->cache_write = p->input;
}

static bool
is_given(const struct conf_price *p)
{
	return p->input >= 0 || p->output >= 0 || p->cached >= 0 ||
	    p->cache_write >= 0 || conf_price_is_by_call(p);
}

/* What is paid by the hour is the machine. */
static void
settle_price(struct conf_serving *s)
{
	const struct conf_price *of = &s->backend->price;

	if (!is_given(&s->price))
		s->price = *of;
	s->price.hourly = of->hourly;
	settle_cache(&s->price);
}

/* Its caps: what neither the operator nor the adapter rules out, and what it
 * can have as chat. */
static void
settle_serving(struct loader *l, struct conf_serving *s)
{
	const struct conf_adapter *adapter;

	if (s->backend == NULL)
		return;
	settle_keys(l, s);
	settle_price(s);
	adapter = s->backend->adapter != NULL
	    ? loader_adapter(l, s->backend->adapter)
	    : NULL;
	if (adapter != NULL && adapter->caps != 0)
		s->caps &= adapter->caps;
	s->unspoken = loader_alloc(l, sizeof(*s->unspoken));
	s->spoken = loader_alloc(l, sizeof(*s->spoken));
	s->translated = by_chat(s);
	s->caps |= s->translated;
}

static void
settle_url(struct loader *l, struct conf_backend *b, size_t i)
{
	const struct conf_adapter *adapter =
	    b->adapter != NULL ? loader_adapter(l, b->adapter) : NULL;
	const config_setting_t *at = loader_at(l, "backends", i, NULL);

	if (loader_is_set(at, "url") || b->command != NULL || adapter == NULL)
		return;
	if (adapter->default_url == NULL) {
		complain(l, at,
		    "want url or command, got neither, and the adapter \"%s\" "
		    "has no URL of its own",
		    adapter->name);
		return;
	}
	b->url = loader_dup(l, slice_of(adapter->default_url));
	if (adapter->needs_key && !loader_is_set(at, "api_key")) {
		b->off = "api_key is not set: add api_key = \"env:NAME\" to "
			 "turn this backend on";
		b->off_line = (int)config_setting_source_line(at);
	}
}

static void
settle_backend(struct loader *l, struct conf_backend *b, size_t i)
{
	settle_timeouts(&b->timeouts, &l->conf->timeouts);
	settle_cache(&b->price);
	settle_url(l, b, i);
	b->local = b->command != NULL || b->unix_path != NULL ||
	    conf_url_is_local(b->url);
}

void
settle(struct loader *l)
{
	struct conf *c = l->conf;
	struct conf_backend *backends = UNCONST(c->backends);
	struct conf_tenant *tenants = UNCONST(c->tenants);
	const struct slo *slo;

	settle_top_timeouts(l);
	settle_shared_limits(l);
	for (size_t i = 0; i < c->n_backends; i++)
		settle_backend(l, &backends[i], i);
	for (size_t i = 0; i < l->n_servings; i++)
		settle_serving(l, &l->servings[i]);
	for (size_t i = 0; i < c->n_tenants; i++) {
		slo = tenants[i].slo != NULL ? tenants[i].slo : c->default_slo;
		if (slo != NULL)
			tenants[i].priority = slo->priority;
	}
	settle_patterns(l);
}
