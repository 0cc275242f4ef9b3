/* bench/sim/world.h - everything around the router under test, in virtual time.
 *
 * Clients send what the workload says; the world plays the gateway's workers
 * (submit, follow the plan, retry, hedge, tell), the backends with their
 * machines and mishaps, and the probes. It knows nothing of how a pilot
 * decides, and a pilot nothing of it but what a gateway would see.
 *
 *	due -> submit -> WAIT -> next -+
 *	          |                    v
 *	          +-------- GO ---> trial -> first token -> last token
 *	          |                    |fault: retry (before a token)
 *	          +-- NO: shed         +-- hedge: a second trial
 */
#ifndef BENCH_SIM_WORLD_H
#define BENCH_SIM_WORLD_H

#include <stdio.h>

#include "bench/sim/pilot.h"
#include "bench/sim/scenario.h"
#include "bench/traffic/score.h"
#include "gateway/lib/arena.h"

/* What an incident did; times of the run. */
struct mishap {
	struct world *world;
	const struct incident *what;
	struct moment event; /* its next edge */
	usec from, until, edge; /* edge: of what is on now */
	bool on;
	unsigned turns; /* of a drift or a flap */
	/* There, probing apart, since the edge, by priority; -1: never. */
	usec last_sent[SCORE_CLASSES];
	usec worst[SCORE_CLASSES]; /* detection, over all edges */
	uint64_t premium_missed; /* of those that came while it lasted */
	uint64_t premium_struck; /* missed, and had been sent there meanwhile */
};

struct server {
	struct world *world;
	const struct conf_backend *conf; /* the truth */
	const struct backend_truth *truth;
	struct machine machine;
	struct list trials; /* at it */
	unsigned down, silent, truncate, sinkhole; /* mishaps at work */
	usec warm_at;
	double tokens; /* of the rate limit's bucket */
	usec tokens_at;
	struct moment probe;
	bool probe_sampled, hosted, tells_load;
	struct load load; /* as last sampled */
	struct fault health;
	struct rng cut;
};

struct errand;

/* One try of a call. */
struct trial {
	struct list link; /* of the server's */
	struct errand *errand;
	struct server *server;
	struct ticket ticket;
	struct plan plan;
	struct sequence sequence;
	struct moment step; /* on the way there, or a fault on the way back */
	struct moment head, tail; /* first and last token on the way back */
	struct moment timer; /* the attempt's deadlines */
	struct moment pulse; /* progress */
	struct fault fault; /* on the way back */
	struct load limits; /* told by the answer's headers */
	usec rtt, way; /* way: there */
	usec sent, first, told_at;
	unsigned told, produced; /* tokens: told to the router; when it ended */
	bool accepted, cut, ended, pulse_back;
	unsigned pulse_tokens;
	usec pulse_last;
};

struct errand {
	struct list link; /* of the world's, or of the free */
	struct world *world;
	struct workload_request request;
	struct facts facts;
	struct route_request route;
	struct ticket ticket; /* while it waits */
	struct trial *trial[2];
	struct moment timer; /* a hedge, or the deadline */
	bool waiting, again, hedged;
	bool probe; /* no client's: the pilot asks */
	usec hedge_at; /* USEC_NEVER: not */
	unsigned attempts;
	double cost; /* of the attempts that are over; negative: unknown */
	/* of the attempt that counts: the first, or the one that answered */
	usec sent, first;
	struct plan plan;
	double confidence; /* of its first attempt */
	enum fault_kind fault;
	uint64_t struck; /* mishaps that it was sent into, by index */
};

struct world_options {
	const struct pilot_ops *pilot;
	const struct scenario *scenario;
	FILE *requests; /* a line each; NULL: none */
	const char *pinned_table; /* of the pilot's setup */
	/* Who is due before or after is left out; until 0: all that come. */
	usec from, until;
	uint64_t requests_most; /* then no more come; 0: all */
	/* Told at each tick how far it is, arrivals ending at `span`; NULL: is
	 * not. Changes nothing. */
	void (*progress)(void *arg, usec now, usec span);
	void *progress_arg;
};

struct world {
	const struct scenario *scenario;
	const struct pilot_ops *pilot;
	void *self; /* the pilot's */
	struct agenda agenda;
	struct arena arena;
	struct list errands, free_errands, free_trials;
	struct server *server;
	struct server **server_of; /* by id of the serving */
	size_t n_serving_ids;
	struct mishap mishap[SCENARIO_INCIDENTS_MAX];
	struct workload workload;
	struct workload_request next; /* to come */
	bool more;
	usec from, until;
	uint64_t requests_most;
	uint64_t looked_at; /* requests, where there is a most */
	struct moment arrival, tick;
	usec span, last_due;
	void (*progress)(void *arg, usec now, usec span); /* or NULL */
	void *progress_arg;
	FILE *requests;
	const char *pinned_table;
	struct errmsg *why;

	struct score score;
	uint64_t hedges, probes, decisions;
	double probe_cost; /* of questions that no client asked */
	uint64_t again, again_whole; /* came back when told to */
	uint64_t coming; /* back, some time */
};

/* Runs it to the end, when every request has ended. *w is then for reading,
 * until world_fini(). */
enum err world_run(
    struct world *, const struct world_options *, struct errmsg *why) MUST_USE;
void world_fini(struct world *);

/* --- server.c --- */
enum err servers_init(struct world *);
void servers_start(struct world *);
/* Of the noise of its machine. */
uint64_t server_machine_seed(uint64_t seed, size_t index);
/* A request reaches it. FAULT_NONE: it is accepted. Limits may be told. */
struct fault server_accept(struct server *, usec now, struct load *limits);
void server_pace(struct server *, usec now);
void server_flush(struct server *, usec now); /* it goes down */

/* --- mishap.c --- */
/* When it begins and ends, in a run of that span. */
void mishap_times(const struct incident *, usec span, usec *from, usec *until);
void mishaps_start(struct world *);
void mishaps_sent(struct world *, const struct trial *, usec now);
void mishaps_ended(struct world *, const struct errand *, bool met);
/* The worst detection, of all priorities if `priority` is negative. Seconds;
 * negative: nothing was to be detected. */
double mishap_detected(const struct mishap *, int priority);

/* --- errand.c --- */
void errand_start(
    struct world *, const struct workload_request *, bool again, usec now);
/* What the pilot asks of its own accord. */
void errands_probe(struct world *, usec now);
void errand_follow(
    struct errand *, struct ticket, const struct plan *, usec now);
/* It is over: ended one way or another, all trials gone. */
void errand_end(struct errand *, enum ending, const struct trial *, usec now);
void errand_arm(struct errand *, usec now);
/* Lets those go on whom the router has found a place for. */
void errands_drain(struct world *, usec now);

/* --- trial.c --- */
static inline usec
trial_half_way(const struct trial *t)
{
	return t->rtt / 2;
}

/* The errand's other one; NULL: there is none. */
static inline struct trial *
trial_twin(const struct trial *t)
{
	return t->errand->trial[t->errand->trial[0] == t];
}

void trial_start(struct errand *, struct ticket, const struct plan *, usec now);
/* --- trial_end.c --- */
/* It comes back with a fault, at that time. */
void trial_come_back(struct trial *, struct fault, usec at);
void trial_fail(struct trial *, const struct fault *, usec now);
/* Nobody wants it any more. */
void trial_drop(struct trial *, usec now);
/* The router is told that it is over, in the words of its end. */
void trial_settle(struct trial *, enum fault_kind, usec now);
/* Cut by its server. */
void trial_reset(struct trial *, usec now);

/* --- report.c --- */

/* One JSON object, or a table. */
void world_report(const struct world *, bool json, struct buf *);

/* --- record.c --- */
void record_heading(FILE *);
void record_errand(const struct errand *, const struct scored *);

#endif
