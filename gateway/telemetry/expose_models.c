/* gateway/telemetry/expose_models.c - samples by model: how much of it is
 * wanted, and what there is, as an autoscaler asks. */
#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/scrape.h"

enum model_state { MODEL_WARM, MODEL_COLD, MODEL_OUT, MODEL_STATES };

struct model_sum {
	const char *model;
	unsigned in_flight, waiting;
	unsigned servings[MODEL_STATES];
	unsigned slots[MODEL_STATES], known[MODEL_STATES];
};

static enum model_state
state_of(const struct telemetry_serving *s)
{
	if (!s->usable)
		return MODEL_OUT;
	return s->warm ? MODEL_WARM : MODEL_COLD;
}

static struct model_sum *
find(struct model_sum *sums, size_t *n, const char *model)
{
	for (size_t i = *n; i-- > 0;) /* servings come model by model */
		if (strcmp(sums[i].model, model) == 0)
			return &sums[i];
	sums[*n].model = model;
	return &sums[(*n)++];
}

/* A request that waits is counted by each serving it may go to. */
static void
add(struct model_sum *m, const struct telemetry_serving *s)
{
	enum model_state state = state_of(s);

	m->in_flight += s->in_flight;
	if (s->waiting > m->waiting)
		m->waiting = s->waiting;
	m->servings[state]++;
	m->slots[state] += s->slots;
	m->known[state] += s->slots > 0;
}

static void
write_states(struct page *p, enum metric_id id, const struct model_sum *m)
{
	static const char *const names[MODEL_STATES] = { "warm", "cold",
		"out" };
	bool slots = id == M_MODEL_SLOTS;

	for (unsigned i = 0; i < MODEL_STATES; i++) {
		if (slots && m->known[i] < m->servings[i])
			continue;
		page_series(
		    p, (const char *const[LABELS_MAX]){ m->model, names[i] });
		page_count(p, slots ? m->slots[i] : m->servings[i]);
	}
}

static void
write_model(struct page *p, enum metric_id id, const struct model_sum *m)
{
	if (id != M_MODEL_WANTED) {
		write_states(p, id, m);
		return;
	}
	page_series(p, (const char *const[LABELS_MAX]){ m->model });
	page_count(p, (uint64_t)m->in_flight + m->waiting);
}

void
expose_models(struct scrape *s, enum metric_id id)
{
	struct model_sum *sums = calloc(s->n_servings + 1, sizeof(*sums));
	size_t n = 0;
	uint32_t serving;

	for (size_t i = 0; i < s->n_servings && sums != NULL; i++) {
		serving = s->servings[i].serving;
		if (serving < s->t->n_ids && s->t->slot_of[serving] != 0)
			add(find(sums, &n,
				s->t->servings.list[s->t->slot_of[serving]]
				    ->part[0]),
			    &s->servings[i]);
	}
	for (size_t i = 0; i < n; i++)
		write_model(&s->page, id, &sums[i]);
	free(sums);
}
