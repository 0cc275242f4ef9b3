/* bench/sim/machine.h - an inference engine, step by step.
 *
 * It has `slots` places and a cache of `kv` tokens; requests wait for both in
 * the order in which they came. Work goes in steps. In each step every
 * sequence that is past its prompt gets one token, and up to `chunk` tokens of
 * the prompts in slots are prefilled, first come first served; it takes
 *	step + per_sequence * sequences that decode + per_token * tokens
 *	prefilled
 * microseconds, times a little noise. The step that ends a prompt gives its
 * first token. As in the iteration-level scheduling of Yu et al., "Orca",
 * OSDI 2022, with the chunked prefill of Agrawal et al., "Sarathi-Serve",
 * OSDI 2024.
 *
 * While nothing changes, nor the noise, equal steps are leapt over: an event
 * for a run of them, not for each. Whatever comes in the middle waits for the
 * end of the step that is under way. */
#ifndef BENCH_SIM_MACHINE_H
#define BENCH_SIM_MACHINE_H

#include "bench/sim/agenda.h"
#include "gateway/lib/list.h"

struct machine_facts { /* times in microseconds */
	double step, per_sequence, per_token;
	unsigned slots, chunk;
	uint64_t kv; /* tokens; a sequence reserves its prompt and output */
	double noise; /* deviation of the logarithm of a step's time */
};

enum sequence_state {
	SEQUENCE_OUT,
	SEQUENCE_WAITING,
	SEQUENCE_PREFILL,
	SEQUENCE_DECODE
};

/* Inside its owner, all zeros to begin with. */
struct sequence {
	struct list link;
	enum sequence_state state;
	unsigned prompt, output; /* tokens; at least 1 */
	unsigned left; /* of the prompt */
	uint64_t born; /* the machine's count of steps at its first token */
	/* Steps to a token, and what a token of its prompt counts for; 0: 1. */
	double stretch, fill;
};

struct machine {
	struct machine_facts facts;
	double slow; /* all steps take as many times longer */
	double gray; /* steps that only decode do, on top */
	uint64_t seed;
	struct agenda *agenda;
	/* At the end of a step; they change nothing here. */
	void (*first_token)(struct sequence *, usec now);
	void (*finished)(struct sequence *, usec now);

	struct list waiting, prefill, decode;
	unsigned n_waiting, n_running; /* running: in slots */
	unsigned n_decode;
	uint64_t kv_used, steps;
	struct moment end; /* of the step or the run of steps */
	bool stepping, frozen;
	usec began, last_end;
	double span; /* of one step */
	uint64_t run; /* how many equal steps */
	unsigned filling; /* prompt tokens in this step */
	uint64_t next_finish; /* count of steps */
};

/* What a step that begins at that time takes, as a multiple: one draw for each
 * slice of time. */
#define MACHINE_NOISE_SLICE (50 * USEC_MS)
double machine_noise(uint64_t seed, double deviation, usec now);

/* Facts and callbacks are borrowed or copied as they are declared. */
void machine_init(struct machine *, const struct machine_facts *,
    struct agenda *, uint64_t seed);

/* s->prompt and s->output say what to do. */
void machine_add(struct machine *, struct sequence *, usec now);
void machine_remove(struct machine *, struct sequence *, usec now);
/* Output tokens so far, and when the last of them was made (0 of none). */
unsigned machine_produced(
    const struct machine *, const struct sequence *, usec now, usec *last);

/* From the next step on. */
void machine_pace(struct machine *, double slow, double gray, usec now);
/* Frozen, it accepts and does nothing; thawed, it goes on. */
void machine_freeze(struct machine *, bool, usec now);

#endif
