/* gateway/admin/slo_book.c - sums per model, tenant and SLO class. */
#include "gateway/admin/slo_book.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/lib/buf.h"
#include "gateway/lib/map.h"

#define KEY_BYTES 408 /* three names, each with an end mark */

struct entry {
	struct slo_group group;
	char key[KEY_BYTES];
};

struct slo_book {
	pthread_mutex_t lock;
	struct map by_key;
	struct entry *entries[SLO_GROUPS_MAX + 1]; /* the last: all others */
	size_t n;
};

struct slo_book *
slo_book_new(void)
{
	struct slo_book *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	map_init(&b->by_key);
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void
slo_book_free(struct slo_book **bp)
{
	struct slo_book *b = *bp;

	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++)
		free(b->entries[i]);
	map_fini(&b->by_key);
	pthread_mutex_destroy(&b->lock);
	free(b);
	*bp = NULL;
}

static struct slice
make_key(const struct receipt *r, char key[KEY_BYTES])
{
	struct buf b;

	buf_on(&b, key, KEY_BYTES);
	buf_add_str(&b, r->model);
	buf_add_char(&b, '\n');
	buf_add_str(&b, r->tenant);
	buf_add_char(&b, '\n');
	buf_add_str(&b, r->slo_name);
	return buf_slice(&b);
}

static struct entry *
add_entry(struct slo_book *b, const struct receipt *r)
{
	struct entry *e = calloc(1, sizeof(*e));
	struct slo_group *g;
	struct slice key;
	bool last = b->n == SLO_GROUPS_MAX;

	if (e == NULL)
		return NULL;
	g = &e->group;
	key = make_key(r, e->key);
	snprintf(
	    g->model, sizeof(g->model), "%s", last ? "(others)" : r->model);
	snprintf(
	    g->tenant, sizeof(g->tenant), "%s", last ? "(others)" : r->tenant);
	snprintf(
	    g->name, sizeof(g->name), "%s", last ? "(others)" : r->slo_name);
	if (!last && map_put(&b->by_key, key, e) != OK) {
		free(e);
		return NULL;
	}
	b->entries[b->n++] = e;
	return e;
}

/* NULL: no memory. */
static struct slo_group *
group_of(struct slo_book *b, const struct receipt *r)
{
	char key[KEY_BYTES];
	struct entry *e = map_get(&b->by_key, make_key(r, key));

	if (e == NULL && b->n <= SLO_GROUPS_MAX)
		e = add_entry(b, r);
	else if (e == NULL)
		e = b->entries[SLO_GROUPS_MAX];
	return e != NULL ? &e->group : NULL;
}

/* --- measured --- */

static void
count_terms(struct slo_group *g, const struct receipt *r)
{
	usec by;

	g->missed_ttft += receipt_missed(r, PHASE_TTFT, &by);
	g->missed_itl += receipt_missed(r, PHASE_ITL, &by);
	g->missed_total += receipt_missed(r, PHASE_TOTAL, &by);
}

static void
count_answer(struct slo_group *g, const struct receipt *r)
{
	g->answered++;
	g->tokens_in += r->usage.input;
	g->tokens_out += r->usage.output;
	g->units.images += r->units.images;
	g->units.characters += r->units.characters;
	g->units.seconds +=
	    r->usage.seconds > 0 ? r->usage.seconds : r->units.seconds;
	if (r->ttft >= 0)
		hist_record(&g->ttft, r->ttft);
	if (r->itl >= 0)
		hist_record(&g->itl, r->itl);
	if (r->cost >= 0) {
		g->priced++;
		g->cost += r->cost;
	}
}

static void
count_measured(struct slo_group *g, const struct receipt *r)
{
	/* what passes has left its ITL target out */
	if (g->requests++ == 0 || !dialect_passes(r->dialect)) {
		g->slo = r->slo;
		g->slo.name = NULL;
	}
	g->refused += r->result == RESULT_REFUSED;
	g->failed += r->result == RESULT_ERROR || r->result == RESULT_BROKEN;
	if (r->slo_declared) {
		g->declared++;
		g->met += r->slo_met;
		count_terms(g, r);
	}
	if (r->result == RESULT_OK)
		count_answer(g, r);
	else if (r->result == RESULT_CLIENT_GONE && r->ttft >= 0)
		hist_record(&g->ttft, r->ttft);
}

/* --- predicted --- */

static void
foresee(struct foreseen *f, double value)
{
	f->n++;
	f->sum += value;
}

static void
compare(struct slo_group *g, const struct receipt *r,
    const struct route_row *used, const struct route_row *engine)
{
	double mine = (double)used->confidence;
	double its = (double)engine->confidence;

	if (used->price >= 0 && engine->price >= 0) {
		g->compared_price++;
		g->used_price += (double)used->price;
		g->engine_price += (double)engine->price;
	}
	if (mine < 0 || its < 0 || !r->slo_declared)
		return;
	g->compared_miss++;
	g->used_misses += 1 - mine;
	g->engine_misses += 1 - its;
	if (engine == used)
		return;
	if (r->slo_met) {
		g->met_other++;
		g->broken += 1 - its;
	} else {
		g->missed_other++;
		g->fixed += its;
	}
}

static void
count_predicted(struct slo_group *g, const struct receipt *r)
{
	const struct receipt_plan *p = receipt_first_go(r);
	const struct route_row *used, *engine;

	if (p == NULL)
		return;
	g->same += p->engine == p->serving;
	g->none += p->engine == UINT32_MAX;
	g->other += p->engine != p->serving && p->engine != UINT32_MAX;
	used = receipt_row(r, p, p->serving);
	engine = receipt_row(r, p, p->engine);
	if (used != NULL && used->confidence >= 0 && r->slo_declared) {
		foresee(&g->confidence, (double)used->confidence);
		g->confident_met += r->slo_met;
	}
	if (engine != NULL && engine->confidence >= 0)
		foresee(&g->engine_confidence, (double)engine->confidence);
	if (used != NULL && engine != NULL)
		compare(g, r, used, engine);
}

void
slo_book_record(struct slo_book *b, const struct receipt *r)
{
	struct slo_group *g;

	/* it came to no model, or none was to read it */
	if (r->n_plans == 0 || r->dialect == DIALECT_COUNTING)
		return;
	pthread_mutex_lock(&b->lock);
	g = group_of(b, r);
	if (g != NULL && r->result == RESULT_CLIENT_GONE && !r->slo_declared) {
		g->left++;
	} else if (g != NULL) {
		count_measured(g, r);
		count_predicted(g, r);
	}
	pthread_mutex_unlock(&b->lock);
}

bool
slo_book_group(struct slo_book *b, size_t i, struct slo_group *out)
{
	bool there;

	pthread_mutex_lock(&b->lock);
	there = i < b->n;
	if (there)
		*out = b->entries[i]->group;
	pthread_mutex_unlock(&b->lock);
	return there;
}
