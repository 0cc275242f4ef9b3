/* gateway/telemetry/shard.c - one worker's counters. */
#include "gateway/telemetry/shard.h"

#include <string.h>

#include "gateway/telemetry/metrics.h"

enum operation
operation_of(enum dialect d)
{
	if (dialect_passes(d))
		return OP_SPEECH + (enum operation)(d - DIALECT_SPEECH);
	switch (d) {
	case DIALECT_COMPLETIONS:
		return OP_TEXT;
	case DIALECT_EMBEDDINGS:
		return OP_EMBEDDINGS;
	default:
		return OP_CHAT;
	}
}

const char *
operation_name(enum operation op)
{
	static const char *const names[] = { "chat", "text_completion",
		"embeddings" };

	if (op >= OP_SPEECH)
		return dialect_name(
		    DIALECT_SPEECH + (enum dialect)(op - OP_SPEECH));
	return names[op];
}

size_t
attempts_kept(const struct outcome *o)
{
	return o->n_attempts < ATTEMPTS_KEPT ? o->n_attempts : ATTEMPTS_KEPT;
}

const struct attempt_report *
attempt_answering(const struct outcome *o)
{
	size_t n = o->answered > 0 ? o->answered : o->n_attempts;

	return n > 0 ? &o->attempts[(n - 1) % ATTEMPTS_KEPT] : NULL;
}

struct shard *
shard_new(void)
{
	struct shard *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s);
		return NULL;
	}
	map_init(&s->by_key);
	return s;
}

void
shard_free(struct shard **sp)
{
	struct shard *s = *sp;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_slots; i++) {
		if (s->tallies[i] != NULL)
			tally_fini(s->tallies[i]);
		free(s->tallies[i]);
	}
	for (size_t i = 0; i < GROUPS_MAX; i++) {
		if (s->groups[i] != NULL)
			group_fini(s->groups[i]);
		free(s->groups[i]);
	}
	map_fini(&s->by_key);
	free(s->tallies);
	free(s->slot_of);
	pthread_mutex_destroy(&s->lock);
	free(s);
	*sp = NULL;
}

static enum err
make_room(struct shard *s, size_t n_ids, size_t n_slots)
{
	uint32_t *slot_of;
	struct tally **tallies;

	slot_of = realloc(s->slot_of, n_ids * sizeof(*slot_of));
	if (slot_of == NULL)
		return ERR_MEMORY;
	s->slot_of = slot_of;
	tallies = realloc(s->tallies, n_slots * sizeof(*tallies));
	if (tallies == NULL)
		return ERR_MEMORY;
	s->tallies = tallies;
	for (; s->n_slots < n_slots; s->n_slots++)
		tallies[s->n_slots] = NULL;
	return OK;
}

enum err
shard_configure(
    struct shard *s, const uint32_t *slot_of, size_t n_ids, size_t n_slots)
{
	enum err rc;

	pthread_mutex_lock(&s->lock);
	rc = make_room(s, n_ids, n_slots);
	if (rc == OK) {
		memcpy(s->slot_of, slot_of, n_ids * sizeof(*slot_of));
		s->n_ids = n_ids;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* Where the tally of a serving belongs; NULL: no such serving. */
static struct tally **
tally_place(const struct shard *s, uint32_t serving)
{
	uint32_t slot = serving < s->n_ids ? s->slot_of[serving] : 0;

	return slot != 0 ? &s->tallies[slot] : NULL;
}

void
shard_record_probe(
    struct shard *s, uint32_t serving, enum fault_kind kind, double cost)
{
	struct tally **place = tally_place(s, serving);

	if (place == NULL || LAZY(*place) == NULL)
		return;
	(*place)->probes[kind]++;
	(*place)->probe_cost += cost;
}

struct group *
shard_group(struct shard *s, unsigned index)
{
	return LAZY(s->groups[index]);
}

struct tally *
shard_record_attempt(struct shard *s, const struct attempt_report *a,
    enum operation op, enum priority priority, usec now)
{
	struct tally **place = tally_place(s, a->serving);

	if (place == NULL || LAZY(*place) == NULL)
		return NULL;
	tally_record(*place, a, op, now);
	(*place)->connections[priority][a->connection]++;
	return *place;
}

static void
record_attempts(struct shard *s, const struct outcome *o, usec now)
{
	const struct attempt_report *answering = attempt_answering(o);
	enum operation op = operation_of(o->dialect);
	size_t n = attempts_kept(o);
	struct tally *tally;

	for (size_t i = 0; i < n; i++) {
		tally = shard_record_attempt(
		    s, &o->attempts[i], op, o->priority, now);
		if (tally != NULL && &o->attempts[i] == answering)
			tally_record_answer(tally, o, now);
	}
}

static void
record_blame(struct shard *s, const struct outcome *o)
{
	const struct miss what = miss_of(o);
	struct tally **place = tally_place(s, what.serving);

	if (place != NULL && LAZY(*place) != NULL)
		(*place)->blamed[what.cause]++;
}

/* Of the first attempt. That is sent in the turn in which the request came,
 * which began before it: only a later turn shows in `began`. */
static usec
overhead_of(const struct outcome *o)
{
	usec queue = o->queue > 0 ? o->queue : 0;
	usec auth = o->auth > 0 ? o->auth : 0;
	usec until;

	if (o->n_attempts == 0 || o->n_attempts > ATTEMPTS_KEPT)
		return -1;
	until = o->attempts[0].began - queue;
	if (until < o->route)
		until = o->route;
	return until >= 0 ? auth + until : -1;
}

void
shard_record(struct shard *s, const struct outcome *o, usec now)
{
	const struct bounds *b = metric_row(M_STAGE)->bounds;
	const usec spans[STAGE_COUNT] = { [STAGE_RECV] = o->recv,
		[STAGE_AUTH] = o->auth,
		[STAGE_QUEUE] = o->queue,
		[STAGE_ROUTE] = o->route };
	usec overhead = overhead_of(o);

	for (unsigned i = 0; i < STAGE_COUNT; i++)
		if (spans[i] >= 0)
			cumul_record(&s->stages[i], b, spans[i]);
	if (overhead >= 0)
		cumul_record(&s->overhead, b, overhead);
	record_attempts(s, o, now);
	if (o->slo_declared && !o->slo_met)
		record_blame(s, o);
}
