/* backends/backend.h - the kinds of backend API, one ops table each.
 *
 * Adapters do no I/O: they turn a request into bytes and bytes into events.
 * A new backend is a row in registry.c, and a file only for code of its own;
 * what it shares with the rest it takes from adapters.h, by name. */
#ifndef BACKENDS_BACKEND_H
#define BACKENDS_BACKEND_H

#include "gateway/conf/conf.h"
#include "gateway/lib/edits.h"
#include "gateway/lib/inference.h"
#include "gateway/lib/sse.h"

/* --- a request to a backend --- */

/* What backend_encode() reads. All borrowed. */
struct encode_in {
	const struct backend_ops *ops; /* of the kind that is asked */
	enum dialect dialect;
	const char *path; /* after the base URL: "/chat/completions" */
	const struct facts *facts;
	struct slice body;
	const struct scan_member *members; /* of body, top level */
	size_t n_members;
	const struct scan_member *model; /* in members, or NULL */
	/* of a form, which has no members: its content-type, the value of the
	 * part `model` or NULL, and the mark behind its last part; NULL: the
	 * body is JSON */
	struct slice form_type, form_model, form_end;
	const struct conf_serving *serving;
	struct slice model_name; /* what to ask this backend for */
	bool want_usage; /* have a stream report its usage (include_usage) */
	const char *api_key; /* NULL: the backend's first */
	struct slice beta; /* the client's anthropic-beta, or empty */
	uint32_t max_tokens; /* the longest answer: to be said, and instead of
				every length without an end; 0: any */
};

/* Whether the member says how long an answer may be, by whatever name: which
 * one counts is the backend's to say. That name, or NULL. *tokens: 0 means
 * without an end, or a number that cannot be read. */
const char *backend_length(const struct scan_member *, double *tokens);

/* What backend_encode() makes. Owned by the attempt. */
struct encoded {
	char path[256]; /* after the base URL */
	struct edits body; /* over encode_in.body */
	struct buf extra; /* bytes that the edits point into */
	struct buf headers; /* "name: value\n" lines, authorization included */
	bool usage_injected; /* drop the usage-only event for the client */
};
void encoded_init(struct encoded *);
void encoded_fini(struct encoded *);
enum err backend_encode(
    const struct encode_in *, struct encoded *out, struct errmsg *why);

/* --- an answer --- */

enum event_bits {
	EVENT_TOKEN = 1 << 0, /* text, a tool call or reasoning */
	EVENT_FINISH = 1 << 1, /* a finish_reason, or the format's end */
	EVENT_USAGE = 1 << 2, /* usage is filled */
	EVENT_USAGE_ONLY = 1 << 3, /* and nothing else: choices is empty */
	EVENT_ERROR = 1 << 4, /* an error in the stream or body */
	EVENT_DONE = 1 << 5, /* the format's last event: [DONE] */
	EVENT_REASONING = 1 << 7, /* and the token is one of reasoning */
	EVENT_IGNORED = 1 << 6, /* comment, ping: relayed, means nothing */
};

/* Of several answers to one request, by their index; 63 is the last. */
struct choice_bits {
	uint64_t begun, ended; /* has a token; has its finish_reason */
};

struct event {
	unsigned bits;
	struct choice_bits choices;
	bool limited; /* its finish: a limit or a filter, not the model */
	unsigned tokens; /* lower bound of output tokens in it */
	size_t bytes; /* of their text, as it stands there */
	struct usage usage;
	/* Of a response that its backend keeps, so that another may go on from
	 * it; in the data, as it stands there. Or empty. */
	struct slice stored;
	struct slice error_message; /* EVENT_ERROR: unescaped, in scratch */
};
/* One event's data (or, for JSON replies, a whole body). name is the SSE event
 * name or empty. What *out points to is appended to scratch, which may hold the
 * data itself. */
void backend_decode(enum dialect, struct slice name, struct slice data,
    struct event *out, struct buf *scratch);

/* Rate limits are counted over windows of several lengths at a time; of each
 * kind the one with the least left is told. */
enum limit_kind { LIMIT_REQUESTS, LIMIT_TOKENS, LIMIT_KINDS };
enum limit_window {
	WINDOW_PLAIN, /* whose length its name does not tell */
	WINDOW_MINUTE,
	WINDOW_HOUR,
	WINDOW_DAY,
	WINDOWS
};
struct limit {
	bool known;
	bool dated; /* its reset is said as a moment */
	double left;
	int64_t
	    reset; /* usec, a span; dated: seconds since 1970; 0: not said */
};

/* Headers of an answer that mean something to us. Starts as zeroes; holds
 * copies, so that no header has to outlive its callback. */
struct answer_head {
	int status; /* set by the caller */
	enum dialect dialect; /* of the request; set by the caller */
	char content_type[96]; /* cut off where it is longer */
	bool challenged; /* a network before it wants a browser that proves
			    itself */
	bool retry_in_ms; /* retry-after-ms came: it is the more exact */
	usec retry_after; /* span; 0: none */
	struct load limits; /* from x-ratelimit-*: LOAD_LIMIT_* bits */
	/* read_header()'s own notes: headers come in any order */
	struct limit windows[LIMIT_KINDS][WINDOWS];
	int64_t date, retry_at; /* seconds since 1970; 0: not seen */
};

/* Whether what was asked for as a stream may be one, by its type: of those who
 * say none, and of those who call it text, clients take events all the same. */
bool answer_may_stream(const struct answer_head *);

/* --- probes --- */

/* A GET. */
struct probe_request {
	const char *path; /* from the server's root: "/health"; or, where
			     under_base is set, after the base URL */
	bool under_base;
};

struct probe_result {
	struct fault fault; /* FAULT_NONE: well; FAULT_LOADING: cold */
	struct load load;
	struct buf *models; /* PROBE_MODELS: names, one per line; or NULL */
};

struct backend_ops {
	const char *name;
	const char *default_url; /* with /v1; NULL: must be given */
	unsigned caps; /* enum cap bits it can do at all */
	bool needs_key;
	bool always_warm; /* hosted: there is no cold */
	bool lacks_base64; /* embeddings come as float lists only; the wish
			      for another encoding is not passed on */
	bool tells_usage; /* of a stream, unasked: stream_options stays */
	bool x_api_key; /* on /messages and for probes a key goes out as that
			   alone, not as a bearer token, too */
	bool completion_tokens; /* max_tokens of a chat is refused or of old:
				   it wants max_completion_tokens */
	bool chat_files; /* chat takes parts of type `file` */
	const char *const *strip; /* members it rejects, NULL-terminated; or
				     NULL */
	/* Pages, from the server's root. Without one for health it is well
	 * where its models can be listed, as hosted APIs are: that costs
	 * nothing, and needs a good key. Without one for load nothing is known
	 * of that. */
	const char *health_path, *load_path;

	/* One header line of an answer. */
	void (*read_header)(
	    struct slice name, struct slice value, struct answer_head *);
	/* A status that is not 2xx, or a 2xx that failed to be an answer. The
	 * body may be cut off at a cap, or be the data of an event. Where a 2xx
	 * carries an error that names its own status, that one counts, so that
	 * no backend is blamed for a request it was right to refuse. */
	struct fault (*classify)(const struct answer_head *, struct slice body);
	/* Nothing is read where the caller has set out->fault: the question
	 * was not answered in full. */
	void (*read_probe)(enum probe_kind, int status, struct slice body,
	    struct probe_result *out);
};

/* NULL: no such name. */
const struct backend_ops *backend_find(struct slice name);
/* Adds the headers by which a backend knows who asks, and in which version of
 * the format; key: NULL where there is none. */
void backend_add_auth(const struct backend_ops *, enum dialect, const char *key,
    struct buf *headers);
/* What it is asked; false: not such a thing. */
bool backend_probe(
    const struct backend_ops *, enum probe_kind, struct probe_request *out);
/* The dialect by whose headers it is probed. */
enum dialect backend_probe_dialect(const struct backend_ops *);
/* All of them, in the order of the documentation. */
const struct backend_ops *const *backend_all(size_t *n);
#define BACKENDS_MAX 32
/* For conf_load(): the same facts, in the caller's storage. */
struct conf_env backend_conf_env(struct conf_adapter storage[BACKENDS_MAX]);

/* The model's name as the client asked for it is not restored: bytes of an
 * answer pass untouched. */

#endif
