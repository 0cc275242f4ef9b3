/* gateway/telemetry/shard.h - one worker's counters; private to telemetry.
 *
 * Two kinds of record: a tally for each serving, fed from attempts, and a group
 * for each combination of model, tenant and SLO class, fed from requests.
 * Both are all zeros when new; their larger parts are allocated when something
 * is first counted there. Where memory is short that one count is lost. */
#ifndef GATEWAY_TELEMETRY_SHARD_H
#define GATEWAY_TELEMETRY_SHARD_H

#include <pthread.h>
#include <stdlib.h>

#include "gateway/lib/inference.h"
#include "gateway/lib/map.h"
#include "gateway/telemetry/burn.h"
#include "gateway/telemetry/cumul.h"
#include "gateway/telemetry/hist.h"
#include "gateway/telemetry/misses.h"

/* Allocates on first use; NULL without memory. */
#define LAZY(p) ((p) != NULL ? (p) : ((p) = calloc(1, sizeof(*(p)))))

#define RESULT_COUNT (RESULT_CLIENT_GONE + 1)
#define GROUPS_MAX 4000
#define MODELS_MAX 500 /* that requests are counted under, apart */
#define GROUP_OTHER 0 /* the group of what came after the cap */

/* gen_ai.operation.name */
enum operation {
	OP_CHAT,
	OP_TEXT,
	OP_EMBEDDINGS,
	OP_SPEECH, /* and those dialects that come after it */
	OP_COUNT = OP_SPEECH + DIALECT_COUNT - DIALECT_SPEECH
};
enum operation operation_of(enum dialect);
const char *operation_name(enum operation);

enum token_type { TOKENS_INPUT, TOKENS_OUTPUT, TOKENS_CACHED, TOKENS_COUNT };

enum stage { STAGE_RECV, STAGE_AUTH, STAGE_QUEUE, STAGE_ROUTE, STAGE_COUNT };

/* --- a serving --- */
struct tally_phase {
	struct cumul all; /* since the start */
	struct recent recent;
};

struct tally_operation {
	struct cumul *duration[FAULT_COUNT];
	struct cumul tokens[2]; /* input, output; reported ones only */
};

struct tally {
	uint64_t attempts[FAULT_COUNT], hedges;
	uint64_t connections[PRIORITY_COUNT][CONNECTION_COUNT]; /* of those */
	uint64_t probes[FAULT_COUNT]; /* our own questions */
	double probe_cost;
	uint64_t blamed[MISS_CAUSES]; /* requests that missed their SLO */
	uint64_t tokens[2]; /* input, output */
	struct tally_phase *phase[PHASE_COUNT];
	struct tally_operation *op[OP_COUNT];
};
/* One attempt on it; and what only the request knows, for the serving that
 * answered. */
void tally_record(
    struct tally *, const struct attempt_report *, enum operation, usec now);
void tally_record_answer(struct tally *, const struct outcome *, usec now);
/* Adds all but the recent windows. */
void tally_add(struct tally *into, const struct tally *);
void tally_fini(struct tally *);

/* --- a combination of model, tenant and SLO class --- */
struct group_operation {
	struct cumul duration[RESULT_COUNT];
	struct cumul ttft, tpot;
};

#define ANSWERS_MAX 24 /* pairs of status and result kept apart */
#define STATUS_OTHER 999 /* a status past ANSWERS_MAX */
#define REASONS_MAX 32 /* kept apart; what comes later is "other" */
struct answers {
	uint16_t status;
	uint8_t result; /* enum result */
	uint64_t n;
};

struct reason_count {
	const char *reason; /* a constant */
	uint64_t n;
};

struct group {
	size_t n_answers, n_reasons;
	struct answers answers[ANSWERS_MAX];
	struct reason_count reasons[REASONS_MAX];
	uint64_t retries, slo_met, slo_missed, bytes_in, bytes_out;
	double slo_target; /* as last declared; 0: never */
	usec slo_declared; /* when that was: of several groups the last holds */
	struct burn *burn; /* NULL in a sum, which has the windows' sums */
	struct misses *misses; /* NULL in a sum */
	struct burn_sum windows[BURN_WINDOWS];
	uint64_t tokens[2][TOKENS_COUNT]; /* [0] estimated, [1] reported */
	uint64_t cost_unknown[RESULT_COUNT];
	double cost;
	struct group_operation *op[OP_COUNT];
};
void group_record(struct group *, const struct outcome *, usec now);
/* Adds all but what `burn` and `misses` hold. */
void group_add(struct group *into, const struct group *);
void group_fini(struct group *);

/* --- the shard --- */
struct shard {
	pthread_mutex_t lock;
	uint32_t *slot_of; /* by serving id; 0: none */
	size_t n_ids;
	struct tally **tallies; /* by slot; NULL: never used */
	size_t n_slots;
	struct map by_key; /* joined names -> the group here */
	struct group *groups[GROUPS_MAX]; /* by index; NULL: never used */
	struct cumul stages[STAGE_COUNT], overhead;
};

struct shard *shard_new(void);
void shard_free(struct shard **);
/* Makes room; the new ids have the slots slot_of[]. Locks. */
enum err shard_configure(struct shard *, const uint32_t *slot_of, size_t n_ids,
    size_t n_slots) MUST_USE;

/* These want the lock held. NULL: no memory. */
struct group *shard_group(struct shard *, unsigned index);
/* Counts everything of a request but what belongs to its group. */
void shard_record(struct shard *, const struct outcome *, usec now);
/* The tally that it was counted in; NULL: none. */
struct tally *shard_record_attempt(struct shard *,
    const struct attempt_report *, enum operation, enum priority, usec now);
void shard_record_probe(
    struct shard *, uint32_t serving, enum fault_kind, double cost);

/* How many attempts of an outcome there are reports of. */
size_t attempts_kept(const struct outcome *);
/* The attempt whose answer the client got: the last good one, else the last;
 * NULL: there was none. */
const struct attempt_report *attempt_answering(const struct outcome *);

#endif
