/* gateway/children.c - the backends that the gateway runs itself. */
#include "gateway/children.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/child.h"
#include "gateway/lib/log.h"
#include "gateway/probe.h"

#define ENDS_BROKEN 2
#define ENDS_FORGET (60 * USEC_SEC)

/* One backend's child. The URL is written by the main thread and read by the
 * workers, under the lock. */
struct kept {
	struct list on_list;
	struct children *owner;
	struct child *child;
	uint32_t backend; /* id */
	struct conf *conf; /* pinned: where the command stands */
	const char *const *command;
	char url[64];
	bool running, probed;
	bool met; /* it has answered since it was started */
	unsigned ends; /* in a row */
	usec last_end;
};

struct children {
	struct app *app;
	uv_rwlock_t lock;
	struct list list;
	unsigned stopping; /* children still on their way out */
	void (*on_stopped)(void *);
	void *arg;
};

/* Nobody will ask it: take its word. */
static void
trust(const struct kept *k)
{
	const struct load warm = { .has = LOAD_WARM, .warm = true };
	const struct fault well = { .kind = FAULT_NONE };

	switchboard_load(
	    k->owner->app->board, k->backend, &warm, &well, clock_now());
}

static void
on_up(void *arg, const char *url)
{
	struct kept *k = arg;

	uv_rwlock_wrlock(&k->owner->lock);
	snprintf(k->url, sizeof(k->url), "%s", url);
	k->running = true;
	uv_rwlock_wrunlock(&k->owner->lock);
	k->met = false;
	if (k->probed)
		prober_hurry(k->owner->app->prober, k->backend);
	else
		trust(k);
}

/* One that ends is being started again: its requests wait. One that ends
 * again and again is broken: they are better told. */
static void
on_down(void *arg)
{
	struct kept *k = arg;
	usec now = clock_now();
	struct load load = { .has = LOAD_WARM, .warm = false };
	struct fault fault = { .kind = FAULT_LOADING };

	k->ends = now - k->last_end < ENDS_FORGET ? k->ends + 1 : 1;
	k->last_end = now;
	if (k->ends >= ENDS_BROKEN) {
		load.warm = true;
		fault.kind = FAULT_REFUSED;
	}
	uv_rwlock_wrlock(&k->owner->lock);
	k->running = false;
	uv_rwlock_wrunlock(&k->owner->lock);
	switchboard_load(k->owner->app->board, k->backend, &load, &fault, now);
}

/* The keys of other backends and of tenants are none of its business. */
static bool
withholds(void *arg, struct slice variable)
{
	const struct kept *k = arg;

	return conf_withholds(k->owner->app->conf, k->backend, variable);
}

static const struct child_ops ops = {
	.on_up = on_up, .on_down = on_down, .withholds = withholds
};

struct children *
children_new(struct app *app)
{
	struct children *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	all->app = app;
	list_init(&all->list);
	uv_rwlock_init(&all->lock);
	return all;
}

void
children_free(struct children **allp)
{
	if (*allp == NULL)
		return;
	uv_rwlock_destroy(&(*allp)->lock);
	free(*allp);
	*allp = NULL;
}

static struct kept *
find(struct children *all, uint32_t backend)
{
	struct kept *k;

	for (struct list *n = all->list.next; n != &all->list; n = n->next) {
		k = CONTAINER_OF(n, struct kept, on_list);
		if (k->backend == backend)
			return k;
	}
	return NULL;
}

static void
on_child_stopped(void *arg)
{
	struct kept *k = arg;
	struct children *all = k->owner;

	conf_unref(&k->conf);
	free(k);
	if (--all->stopping == 0 && all->on_stopped != NULL)
		all->on_stopped(all->arg);
}

static void
let_go(struct children *all, struct kept *k)
{
	uv_rwlock_wrlock(&all->lock);
	list_remove(&k->on_list);
	uv_rwlock_wrunlock(&all->lock);
	all->stopping++;
	child_stop(&k->child, on_child_stopped, k);
}

static bool
same_command(const char *const *a, const char *const *b)
{
	size_t i = 0;

	while (a[i] != NULL && b[i] != NULL && strcmp(a[i], b[i]) == 0)
		i++;
	return a[i] == NULL && b[i] == NULL;
}

static void
keep(struct children *all, const struct conf_backend *b)
{
	struct kept *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return;
	k->owner = all;
	k->backend = b->id;
	k->conf = conf_ref(all->app->conf);
	k->command = b->command;
	k->probed = b->probe_interval > 0;
	list_init(&k->on_list);
	uv_rwlock_wrlock(&all->lock);
	list_append(&all->list, &k->on_list);
	uv_rwlock_wrunlock(&all->lock);
	k->child = child_new(&all->app->loop, b->name, b->command, &ops, k);
	if (k->child == NULL)
		log_error("child=%s reason=\"out of memory\"", b->name);
}

static const struct conf_backend *
wanted(const struct conf *c, const struct kept *k)
{
	for (size_t i = 0; i < c->n_backends; i++) {
		const struct conf_backend *b = &c->backends[i];

		if (b->id == k->backend && b->off == NULL &&
		    b->command != NULL && same_command(b->command, k->command))
			return b;
	}
	return NULL;
}

/* Who asked it until now may not have found it ready yet. */
static void
go_on(struct kept *k, const struct conf_backend *b)
{
	bool was_probed = k->probed;

	k->probed = b->probe_interval > 0;
	if (was_probed && !k->probed && k->running)
		trust(k);
}

void
children_configure(struct children *all)
{
	const struct conf *c = all->app->conf;
	const struct conf_backend *b;
	struct list *n, *next;
	struct kept *k;

	for (n = all->list.next; n != &all->list; n = next) {
		next = n->next;
		k = CONTAINER_OF(n, struct kept, on_list);
		b = wanted(c, k);
		if (b == NULL)
			let_go(all, k);
		else
			go_on(k, b);
	}
	for (size_t i = 0; i < c->n_backends; i++) {
		b = &c->backends[i];
		if (b->off == NULL && b->command != NULL &&
		    find(all, b->id) == NULL)
			keep(all, b);
	}
}

void
children_stop(struct children *all, void (*on_stopped)(void *), void *arg)
{
	struct list *n;

	all->on_stopped = on_stopped;
	all->arg = arg;
	all->stopping++; /* ours, so that none of them calls back too soon */
	while ((n = all->list.next) != &all->list)
		let_go(all, CONTAINER_OF(n, struct kept, on_list));
	if (--all->stopping == 0)
		on_stopped(arg);
}

bool
children_url(struct children *all, uint32_t backend, char *out, size_t cap)
{
	const struct kept *k;
	bool running;

	uv_rwlock_rdlock(&all->lock);
	k = find(all, backend);
	running = k != NULL && k->running;
	if (running)
		slice_copy(out, cap, slice_of(k->url));
	uv_rwlock_rdunlock(&all->lock);
	return running;
}

void
children_meet(struct children *all, uint32_t backend)
{
	struct kept *k = find(all, backend);

	if (k != NULL)
		k->met = true;
}

bool
children_met(struct children *all, uint32_t backend)
{
	const struct kept *k = find(all, backend);

	return k != NULL && k->met;
}

size_t
children_picture(struct children *all, struct admin_child **out)
{
	size_t n = 0, i = 0;
	struct kept *k;

	for (struct list *l = all->list.next; l != &all->list; l = l->next)
		n++;
	*out = calloc(n > 0 ? n : 1, sizeof(**out));
	if (*out == NULL)
		return n;
	for (struct list *l = all->list.next; l != &all->list; l = l->next) {
		k = CONTAINER_OF(l, struct kept, on_list);
		if (k->child == NULL)
			continue;
		(*out)[i++] = (struct admin_child){ .backend = k->backend,
			.running = k->running,
			.unwell = !k->running || (k->probed && !k->met),
			.url = k->running ? k->url : "",
			.end = child_last_end(k->child) };
	}
	return i;
}
