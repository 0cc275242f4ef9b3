/* bench/fake.h - fakellm: a scripted OpenAI upstream, as its own process.
 *
 * Simulated hardware for demos, tests and benchmarks: it answers with counted
 * words at the pace of a distribution, has slots and a queue, starts cold, and
 * misbehaves on request. What it sends it also hashes, so that a test can
 * compare what arrived behind a gateway.
 *
 * A request's member "fake" scripts its own answer, for example
 *	"fake": {"id": "r1", "fault": "cut", "after": 3, "ttft_ms": 20,
 *		 "itl_ms": 1, "tokens": 10}
 * (or, where something between drops members that it does not know, that
 * object as the text of "user"), and POST /fake/config {"fault": "503"} all
 * that follow; {"keys": "one two"} there wants one of these as a bearer token,
 * and says 401 without. GET /fake/stats and GET /fake/calls tell what happened.
 * Times there are CLOCK_MONOTONIC. */
#ifndef BENCH_FAKE_H
#define BENCH_FAKE_H

#include <openssl/evp.h>
#include <uv.h>

#include "gateway/lib/buf.h"
#include "gateway/lib/clock.h"
#include "gateway/lib/list.h"
#include "gateway/lib/rng.h"

/* Uniform between low and high. */
struct fake_range {
	double low, high;
};

enum fake_fault {
	FAKE_NONE,
	FAKE_RESET, /* RST before any byte */
	FAKE_CLOSE, /* FIN before any byte */
	FAKE_HANG, /* accepts, never answers */
	FAKE_HEADERS, /* headers, then nothing */
	FAKE_STALL, /* nothing more after `after` tokens */
	FAKE_CUT, /* FIN after `after` tokens */
	FAKE_CUT_RESET, /* RST after `after` tokens */
	FAKE_CUT_INSIDE, /* FIN inside an event */
	FAKE_NO_DONE, /* clean end without [DONE] */
	FAKE_NO_FINISH, /* [DONE] without a finish_reason */
	FAKE_EMPTY, /* 200 and no body */
	FAKE_HTML, /* 200 and HTML */
	FAKE_ERROR_200, /* 200 and an error body */
	FAKE_ERROR_FIRST, /* role chunk, then an error event */
	FAKE_ERROR_LATER, /* an error event after `after` tokens */
	FAKE_NO_TOKENS, /* a finish_reason without any token */
	FAKE_BAD_CHUNK, /* broken chunk framing after `after` tokens */
	FAKE_SHORT, /* Content-Length longer than the body */
	FAKE_STATUS, /* the status given */
	FAKE_FAULT_COUNT
};

/* A batching engine (fake_engine.c); on: instead of ttft_ms and itl_ms. */
struct fake_engine_options {
	double rtt_ms, step_ms, per_sequence_ms, per_token_ms;
	unsigned chunk; /* prompt tokens that a step may prefill */
	double noise; /* of a step's time: deviation of its logarithm */
	bool on;
};

struct fake_options {
	const char *name, *model, *unix_path;
	int port;
	struct fake_range ttft_ms, itl_ms;
	unsigned tokens, slots, embedding_size, pad;
	double cold_ms; /* after the start: 503 loading */
	struct fake_engine_options engine;
	unsigned long seed;
};

struct fake_conn;
struct fake_engine;

/* One request and its answer. */
struct fake_call {
	struct list on_line; /* the queue, or the server's calls */
	struct fake_conn *conn; /* NULL once it has closed */
	char id[64];
	const char *path;
	enum fake_fault fault;
	int status; /* FAKE_STATUS */
	unsigned after; /* tokens before the fault */
	double retry_after_ms;
	double ttft_ms, itl_ms; /* negative: from the options */
	unsigned tokens, sent, inputs;
	unsigned prompt; /* tokens, at four bytes each */
	unsigned unread, made; /* an engine's: of the prompt; tokens so far */
	bool decodes;
	bool inference, stream, usage, in_slot, began, cancelled;
	usec arrived, began_at, due, gone_at, ended_at;
	size_t heap_at; /* 1 + place in the heap; 0: not there */
	EVP_MD_CTX *hash;
	uint64_t bytes;
	struct buf body; /* of the request */
};

struct fake {
	struct fake_options o;
	uv_loop_t loop;
	uv_poll_t timer; /* of timer_fd, an alarm */
	int timer_fd;
	usec armed; /* when the timer rings; 0: not at all */
	uv_check_t turn;
	struct fake_engine *engine; /* NULL: each answer has its own pace */
	struct rng rng;
	usec started;
	unsigned busy, queued, open;
	uint64_t requests, finished, cancelled, tokens; /* inference only */
	struct list queue, calls; /* calls: the last ones with an id */
	size_t n_calls;
	struct fake_call **heap;
	size_t n_heap, heap_cap;
	/* what /fake/config set */
	enum fake_fault fault;
	int status;
	unsigned after;
	double slow; /* factor on all times */
	char keys[128]; /* separated by spaces; none: anyone */
};

/* fake_http.c: connections. */
int fake_listen(struct fake *);
void fake_send_raw(struct fake_conn *, struct slice);
/* What is sent in between leaves in one write. */
void fake_cork(struct fake_conn *);
void fake_uncork(struct fake_conn *);
/* These bytes of a body were sent: hashed if the call has an id. */
void fake_count(struct fake_call *, struct slice);
/* The answer is complete: the connection may be used again. */
void fake_done(struct fake_call *);
void fake_hang_up(struct fake_call *, bool reset);

/* fake_routes.c: what is answered at which path. */
void fake_answer(
    struct fake *, struct fake_call *, struct slice method, struct slice path);

/* fake_answer.c: what is said. */
/* In one write, as a server does that is no bottleneck; extra: lines of its
 * head. */
void fake_reply(struct fake_call *, int status, const char *type,
    const char *extra, struct slice body);
void fake_reply_json(struct fake_call *, int status, struct buf *body);
void fake_reply_error(struct fake_call *, int status);
void fake_begin(struct fake *, struct fake_call *);
void fake_continue(struct fake *, struct fake_call *);

/* fake_media.c: what is said that is no text; false: it is. */
void fake_media_read(struct fake_call *); /* whether it is streamed */
const char *fake_media_type(const struct fake_call *); /* of a stream */
bool fake_media_piece(const struct fake_call *, struct buf *);
bool fake_media_end(const struct fake_call *, struct buf *);
bool fake_media_whole(
    const struct fake *, const struct fake_call *, struct buf *);

/* fake_pace.c: when it is said. */
int fake_pace_init(struct fake *);
void fake_submit(struct fake *, struct fake_call *);
void fake_at(struct fake *, struct fake_call *, usec due);
void fake_forget(struct fake *, struct fake_call *); /* its timer and slot */
double fake_draw(struct fake *, struct fake_range);

/* fake_engine.c: when it is said by an engine. */
int fake_engine_init(struct fake *);
void fake_engine_arrive(struct fake_engine *, struct fake_call *);
void fake_engine_leave(struct fake_engine *, struct fake_call *);

/* fake_script.c: reading scripts, telling what happened. */
void fake_read_script(struct fake_call *, struct slice body);
bool fake_configure(struct fake *, struct slice body);
bool fake_lets_in(const struct fake *, struct slice authorization);
bool fake_fault_parse(struct slice, enum fake_fault *, int *status);
void fake_render_stats(struct fake *, struct buf *);
void fake_render_calls(struct fake *, struct buf *);

#endif
