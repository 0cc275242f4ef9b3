/* gateway/lib/inference.h - the words that all rooms share.
 *
 * Plain facts about requests, backends and what became of them. No behaviour
 * beyond naming; every enum has its table of names in inference.c. */
#ifndef GATEWAY_LIB_INFERENCE_H
#define GATEWAY_LIB_INFERENCE_H

#include "gateway/lib/clock.h"
#include "gateway/lib/slice.h"

/* A wire format. */
enum dialect {
	DIALECT_CHAT, /* OpenAI /chat/completions */
	DIALECT_COMPLETIONS, /* OpenAI /completions */
	DIALECT_EMBEDDINGS, /* OpenAI /embeddings */
	DIALECT_RESPONSES, /* OpenAI /responses, relayed */
	DIALECT_MESSAGES, /* Anthropic /messages, relayed */
	/* from here on tokens are not what an answer is made of */
	DIALECT_SPEECH, /* OpenAI /audio/speech */
	DIALECT_TRANSCRIPTION, /* OpenAI /audio/transcriptions, translations */
	DIALECT_IMAGES, /* OpenAI /images/... */
	DIALECT_MODERATION, /* OpenAI /moderations */
	DIALECT_RERANK, /* Jina's and Cohere's /rerank */
	DIALECT_COUNTING, /* Anthropic /messages/count_tokens */
	DIALECT_REALTIME, /* OpenAI /realtime, a session over WebSocket */
	DIALECT_COUNT
};

/* Whose answers go on as they come: sound, pictures, text, JSON or events. */
static inline bool
dialect_passes(enum dialect d)
{
	return d >= DIALECT_SPEECH;
}

/* Anthropic's headers and errors. */
static inline bool
dialect_is_anthropic(enum dialect d)
{
	return d == DIALECT_MESSAGES || d == DIALECT_COUNTING;
}

/* How long its text is says how much there is to do, where the backend does not
 * say. */
static inline bool
dialect_reads_text(enum dialect d)
{
	return d <= DIALECT_MESSAGES || d == DIALECT_MODERATION ||
	    d == DIALECT_RERANK;
}

/* Its answer has a length in tokens. */
static inline bool
dialect_writes_text(enum dialect d)
{
	return d <= DIALECT_MESSAGES && d != DIALECT_EMBEDDINGS;
}

/* What a request needs and a serving can do. A serving whose abilities are
 * unknown counts as capable. */
enum cap {
	CAP_CHAT = 1 << 0,
	CAP_COMPLETIONS = 1 << 1,
	CAP_EMBEDDINGS = 1 << 2,
	CAP_RESPONSES = 1 << 3,
	CAP_MESSAGES = 1 << 4,
	CAP_TOOLS = 1 << 5,
	CAP_IMAGES = 1 << 6,
	CAP_AUDIO = 1 << 7,
	CAP_JSON_MODE = 1 << 8, /* response_format other than text */
	CAP_SPEECH = 1 << 9, /* text to sound */
	CAP_TRANSCRIPTION = 1 << 10, /* sound to text */
	CAP_IMAGE_GENERATION = 1 << 11, /* and editing */
	CAP_MODERATION = 1 << 12,
	CAP_RERANK = 1 << 13,
	CAP_REALTIME = 1 << 14, /* sessions over WebSocket */
};
#define CAP_ALL 0x7fffu
#define CAP_PLAIN 0x1ffu /* all but those that a model is made for */
/* Those that whoever chats can have: translated (gateway/translation). */
#define CAP_BY_CHAT (CAP_RESPONSES | CAP_MESSAGES)

enum priority {
	PRIORITY_PREMIUM,
	PRIORITY_STANDARD,
	PRIORITY_BATCH,
	PRIORITY_COUNT
};

enum on_miss { ON_MISS_SERVE, ON_MISS_REFUSE };

/* A latency target that applies to one request. A zero target is none. */
struct slo {
	const char *name; /* the class, or "custom"; borrowed, never NULL */
	usec ttft, itl, total;
	double percentile; /* (0, 100) */
	double min_quality;
	enum priority priority;
	enum on_miss on_miss;
};

/* What a call is about where that is not tokens; 0: it is not. */
struct units {
	double images; /* to be made */
	double characters; /* to be spoken */
	double seconds; /* of sound to be heard: a guess, the answer tells */
};

/* What is known of a request once its body has been scanned. Slices point
 * into the body. */
struct facts {
	enum dialect dialect;
	struct slice model; /* as asked for, unescaped; empty: none given */
	unsigned needs; /* enum cap bits */
	bool stream;
	bool include_usage; /* stream_options.include_usage is true */
	bool base64; /* embeddings: encoding_format is base64 */
	uint32_t max_tokens; /* 0: not said */
	struct units units;
	uint64_t prompt_bytes; /* of text in messages, prompt or input, and of
				  tools and their calls */
	uint64_t prefix_hash; /* of the first bytes of the prompt; 0: none */
};

/* English prose runs at about so many bytes a token in current
 * vocabularies. */
#define TOKEN_BYTES 4
/* Roughly what a tokenizer makes of that many bytes; at least 1. */
uint32_t tokens_of_bytes(uint64_t bytes);

/* More tokens nobody has in one answer or its prompt: it is a slip, and would
 * use up limits and budgets for days. */
#define USAGE_MOST (UINT32_C(1) << 25)

struct usage {
	bool known; /* false: the backend has not said; tokens are a guess */
	uint32_t input, output, cached;
	uint32_t cache_write; /* of input, as is cached */
	uint32_t reasoning; /* of output */
	double seconds; /* of sound; 0: not told */
};

/* What went wrong with an attempt. One row each in the fault table. */
enum fault_kind {
	FAULT_NONE,
	FAULT_REFUSED, /* connection refused */
	FAULT_UNREACHABLE, /* no route, no such socket, network down */
	FAULT_DNS,
	FAULT_TLS,
	FAULT_RESET, /* before any byte of an answer */
	FAULT_CUT, /* in the middle of an answer */
	FAULT_FRAMING, /* bad chunks, wrong length, bad encoding */
	FAULT_CONNECT_TIMEOUT, /* the attempt's deadlines */
	FAULT_TTFT_TIMEOUT,
	FAULT_GAP_TIMEOUT,
	FAULT_TOTAL_TIMEOUT,
	FAULT_SERVER_ERROR, /* 5xx but loading */
	FAULT_BAD_ANSWER, /* 200 that is empty, error, HTML, broken */
	FAULT_TOO_LARGE, /* an event or a body beyond its cap */
	FAULT_LOADING, /* 503 while the model loads */
	FAULT_RATE_LIMITED, /* 429, 498 */
	FAULT_KEY, /* 401, 403 about the key */
	FAULT_MODEL, /* 404: this serving's model is not there */
	FAULT_UNSUITED, /* 400, 413, 422 about this backend */
	FAULT_REQUEST, /* any other 4xx: the request is at fault */
	FAULT_CLIENT_GONE,
	FAULT_DEADLINE, /* the request's own deadline */
	FAULT_INTERNAL, /* ours: memory, a cap */
	FAULT_MEMORY, /* max_memory: no room for the answer */
	FAULT_OUTRUN, /* the other of two attempts answered first */
	FAULT_DRILL, /* rehearsed: nothing was sent */
	FAULT_COUNT
};

enum blame {
	BLAME_NONE,
	BLAME_BACKEND, /* counts towards the breaker */
	BLAME_OPEN, /* opens the breaker at once */
	BLAME_CAPACITY, /* blocked until `until` */
	BLAME_KEY, /* off for minutes, or until the configuration changes */
	BLAME_SERVING, /* that model on that backend only */
	BLAME_COLD, /* not warm yet */
};

/* A row of the fault table: what a fault means (docs/design.md). */
struct fault_rule {
	const char *name; /* "ttft_timeout": in logs, metrics, receipts */
	bool retry; /* another serving may be tried */
	enum blame blame;
	int client_status; /* when nothing is left; 0: the upstream's own */
};
const struct fault_rule *fault_rule(enum fault_kind);

struct fault {
	enum fault_kind kind;
	int status; /* upstream's HTTP status, 0: none came */
	usec retry_after; /* a span from now; 0: not said */
	bool left; /* its client would not wait: a measurement, no failure */
	bool empty; /* it ended as answers do, but said nothing: a failure
		       only where another says more */
};

/* Live load as a backend tells it. A member that is not in `has` is unknown,
 * which is not zero. */
enum load_has {
	LOAD_RUNNING = 1 << 0,
	LOAD_WAITING = 1 << 1,
	LOAD_CACHE_USE = 1 << 2,
	LOAD_SLOTS = 1 << 3,
	LOAD_WARM = 1 << 4,
	LOAD_LIMIT_REQUESTS = 1 << 5,
	LOAD_LIMIT_TOKENS = 1 << 6,
	LOAD_CERTIFICATE = 1 << 7,
	LOAD_LIMITS = LOAD_LIMIT_REQUESTS | LOAD_LIMIT_TOKENS,
};

struct load {
	unsigned has; /* enum load_has bits */
	double running, waiting;
	double cache_use; /* KV cache in use, 0..1 */
	unsigned slots;
	bool warm; /* the model is loaded */
	/* from rate-limit headers: what is left, and when it is refilled */
	double left_requests, left_tokens;
	usec reset_requests, reset_tokens; /* spans from now */
	usec certified; /* TLS: until then, since 1970 */
};

/* Parts of a request's time that are measured and kept as percentiles. */
enum phase {
	PHASE_QUEUE, /* waiting in the router's queue */
	PHASE_CONNECT, /* TCP, where a connection had to be made */
	PHASE_TLS,
	PHASE_TTFT, /* request sent to first token; JSON: whole answer */
	PHASE_ITL, /* (last - first token) / (tokens - 1) */
	PHASE_TOTAL,
	PHASE_COUNT
};

enum probe_kind {
	PROBE_HEALTH, /* is it there, is the model loaded */
	PROBE_LOAD, /* running, waiting, cache use */
	PROBE_MODELS, /* which models it has */
	PROBE_KIND_COUNT
};

/* What an attempt found. */
enum connection_kind {
	CONNECTION_NONE, /* it did not come to that */
	CONNECTION_WARM, /* one that was open already */
	CONNECTION_COLD, /* one had to be made */
	CONNECTION_COUNT
};

/* One try on one serving, as it ended. Spans in microseconds; -1: did not
 * come to that. */
struct attempt_report {
	uint32_t serving; /* id */
	enum connection_kind connection;
	/* names; borrowed from the snapshot */
	const char *backend, *model, *adapter;
	enum fault_kind fault;
	int16_t status; /* HTTP's */
	bool hedge; /* the second of two at a time */
	bool translated; /* the backend was asked in chat for another format */
	usec began, ended; /* since the request was in; ended: so far */
	usec connect, tls, ttft, itl, total;
};

#define ATTEMPTS_KEPT 8 /* reports kept per request, the last ones */

enum result {
	RESULT_OK,
	RESULT_ERROR, /* answered with an error */
	RESULT_BROKEN, /* an error event or a cut after COMMIT */
	RESULT_REFUSED, /* never reached a backend */
	RESULT_CLIENT_GONE,
};

/* What became of a request: emitted once, at FINISH. Strings are borrowed for
 * the call. */
struct outcome {
	const char *id;
	const unsigned char *trace; /* its caller's, 16 bytes; NULL: none */
	const char *tenant; /* "-" where the gateway is open */
	const char *key; /* the name of the tenant's key; NULL: it has none */
	const char *model; /* public name, "-" where none was found */
	const char *slo; /* class name */
	enum priority priority; /* of that */
	uint32_t lacked; /* the id of a serving that it had to do without */
	const char *lack; /* why that was out: a fault's or a cause's name,
			     which lives on; NULL: nobody was missed */
	const char *reason; /* why it ended so, or why this serving; lives on */
	const char *path;
	enum dialect dialect;
	enum result result;
	enum fault_kind fault;
	int status; /* sent to the client, 0: none */
	bool inference; /* on a route to backends; else only logged */
	bool stream;
	bool slo_declared, slo_met; /* met: of RESULT_OK, or of who left when
				       nothing was late */
	unsigned slo_missed; /* by which targets: bits, 1 << enum phase */
	struct {
		usec ttft, total; /* 0: none */
	} targets; /* declared */
	double slo_target; /* the share that is to meet it, 0..1; declared */
	uint64_t bytes_in, bytes_out;
	struct usage usage;
	usec recv, auth, queue, route, connect, tls, ttft, itl, total;
	usec stalled; /* of total: the client did not read; its own doing */
	double cost; /* USD; negative: unknown; of what gave no answer 0 */
	double charged; /* to budgets, USD: the cost, or an estimate of it */
	size_t n_attempts; /* in all */
	unsigned answered; /* the number of the one whose answer the client
			      got, from 1; 0: none */
	unsigned past_hedges; /* of those that no report is kept of */
	struct attempt_report attempts[ATTEMPTS_KEPT];
};

/* Tokens are told, or can be guessed. */
static inline bool
usage_means(const struct usage *u, enum dialect d)
{
	return u->known || dialect_reads_text(d);
}

const char *dialect_name(enum dialect);
unsigned dialect_cap(enum dialect);
const char *priority_name(enum priority);
const char *connection_name(enum connection_kind); /* "warm", "cold", "none" */
const char *phase_name(enum phase);
const char *result_name(enum result);
const char *cap_name(enum cap);
bool cap_parse(struct slice, enum cap *);
bool priority_parse(struct slice, enum priority *);

#endif
