/* gateway/conf/conf.h - the configuration as an immutable snapshot.
 *
 * Loaded from gateway.conf (libconfig), checked whole, then shared: readers
 * take a reference and see one consistent configuration until they let go.
 * Everything inside lives in the snapshot's arena; pointers between its parts
 * are valid as long as the snapshot. */
#ifndef GATEWAY_CONF_CONF_H
#define GATEWAY_CONF_CONF_H

#include <stdatomic.h>
#include <stdio.h>

#include "gateway/lib/arena.h"
#include "gateway/lib/buf.h"
#include "gateway/lib/err.h"
#include "gateway/lib/inference.h"
#include "gateway/lib/map.h"

#define CONF_KEY_BYTES 32 /* a SHA-256 digest */
#define PRICE_UNKNOWN (-1.0)
#define CONF_SERVINGS_MAX 256 /* of one model */
#define CONF_URL_MAX 383 /* bytes of a backend's URL */

struct conf_listen {
	const char *address; /* of no meaning where path is given */
	const char *path; /* Unix socket; NULL: TCP */
	uint16_t port;
	bool tls; /* of `admin`: it has the certificate of `tls`, too */
};

/* TLS of a listener. */
struct conf_tls {
	const char *certificate, *key, *client_ca; /* paths; NULL: none */
	const char *min_version; /* "1.2", "1.3" */
	bool require_client; /* a certificate that client_ca vouches for */
	/* what was in those files, PEM; NULL: none */
	const char *certificate_pem, *key_pem, *client_ca_pem;
	usec expires; /* the certificate, since 1970; 0: there is none */
	unsigned char id[CONF_KEY_BYTES]; /* another where any differs */
};

struct conf_price { /* USD, or PRICE_UNKNOWN */
	double input, output; /* per million tokens */
	double cached; /* input read from a cache; default: input */
	double cache_write; /* input written into one; default: input */
	double request; /* per call */
	double image; /* per picture that is made */
	double characters; /* per million of them that are spoken */
	double minute; /* of sound that is heard */
	double hourly; /* PRICE_UNKNOWN: not fixed-cost */
	const char *as_of; /* "2026-11", or NULL */
};

/* Whether what is sold is calls, pictures or sound: tokens without a price are
 * free then. */
static inline bool
conf_price_is_by_call(const struct conf_price *p)
{
	return p->request >= 0 || p->image >= 0 || p->characters >= 0 ||
	    p->minute >= 0;
}

struct conf_timeouts { /* microseconds */
	usec connect, ttft, gap, total;
};

/* How fast a backend is, as a step-level engine: a step of decoding takes
 * step + per_sequence * (sequences running), and each prompt token that is
 * prefilled in it adds per_token. First estimates; the router learns better
 * ones. us; 0: by the kind of hardware. */
struct conf_profile {
	usec rtt; /* there and back, queueing apart */
	usec step, per_sequence;
	double per_token;
};

/* One of a backend's. Those who use it note here, and in keys_limited below,
 * what came of that: all that changes in a snapshot, and gone with it. */
struct conf_api_key {
	const char *text;
	atomic_llong refused_until; /* clock_now()'s */
};

/* Whether responses and messages reach it as chat. */
enum conf_translate {
	CONF_TRANSLATE_NEEDED, /* where it does not speak them itself */
	CONF_TRANSLATE_ALWAYS,
	CONF_TRANSLATE_NEVER
};

struct conf_backend {
	uint32_t id; /* stable across reloads for the same name */
	const char *name;
	const char *adapter; /* a name that conf_env lists */
	const char *url; /* never NULL unless off, or `command` is set */
	const char *unix_path; /* from url = "unix:/path"; url is then http */
	bool local; /* on this machine: no proxy is to see it */
	const char *api_key; /* the secret itself, or the first; NULL: none */
	struct conf_api_key *api_keys; /* all, in their order; api_keys.c */
	size_t n_api_keys;
	const char *hardware; /* free text: wafer, gpu, cpu; or "" */
	const char *region; /* or "" */
	const char *off; /* why it is off and how to turn it on, or NULL */
	int off_line; /* of what is missing then */
	unsigned slots; /* concurrent requests; 0: not known */
	struct conf_price price;
	struct conf_profile profile;
	struct conf_timeouts timeouts;
	const char *const *command; /* NULL-terminated argv, or NULL */
	const char *const *strip; /* members to remove, NULL-terminated; NULL:
				       the adapter's own list */
	const char *ca_file; /* NULL: the system's */
	enum conf_translate translate;
	bool tls_insecure; /* certificates are not verified */
	usec probe_interval; /* 0: never probed */
};

struct conf_model;

struct conf_serving {
	uint32_t id; /* stable across reloads for the same (model, backend,
			upstream model) */
	const struct conf_backend *backend;
	const struct conf_model *model;
	const char *upstream; /* the backend's own model name; with a star at
				 its end: see conf_upstream_name() */
	double quality;
	bool fallback;
	uint32_t context; /* tokens; 0: not known */
	unsigned caps; /* enum cap bits; CAP_ALL: not restricted */
	unsigned translated; /* those of them that it has as chat */
	struct conf_price price; /* its own, else the backend's */
	const char *version; /* or "" */
	/* Noted by those who use it: for each of the backend's keys, at its
	 * limit until then; caps that it has as chat after all; and those by
	 * which it has answered. */
	atomic_llong *keys_limited;
	atomic_uint *unspoken, *spoken;
};

struct conf_model {
	const char *name; /* with a star at its end: of any that begins so */
	const char *const *aliases; /* NULL-terminated */
	const struct conf_serving *servings;
	size_t n_servings;
};

/* A name or alias with a star at its end. */
struct conf_pattern {
	struct slice start; /* "gpt-" of "gpt-*" */
	const struct conf_model *model;
};

/* What a tenant, or one of its keys, may use. 0: not limited. */
struct conf_quota {
	uint64_t requests, tokens; /* a minute */
	usec burst; /* as much of them as this earns may come at once */
	unsigned concurrent; /* requests under way */
	uint32_t max_tokens; /* of one answer */
	double daily, monthly; /* USD */
	double soft; /* the share of those from which on it is warned */
};

struct conf_tenant {
	uint32_t id;
	const char *name;
	const struct slo *slo; /* NULL: the default */
	const char *const *models; /* allow-lists; NULL: all */
	const char *const *backends;
	const char *const *regions;
	double min_quality;
	bool may_pin;
	const char *const *certificates; /* names; NULL: none */
	enum priority priority; /* the highest it may claim */
	struct conf_quota limits; /* of all its requests together */
	struct conf_quota key_limits; /* of those with the same key */
	size_t n_keys; /* of conf's */
};

/* An environment variable that a secret was read from. */
struct conf_variable {
	const struct conf_variable *next;
	const char *name;
	const struct conf_backend *backend; /* NULL: none's, or none's now */
};

/* What an operator may do; each also what those before it may. */
enum conf_role {
	ROLE_READ, /* look at everything */
	ROLE_OPERATE, /* reload, drill, drain */
	ROLE_ADMIN, /* make and revoke keys */
};

struct conf_key {
	unsigned char digest[CONF_KEY_BYTES];
	const struct conf_tenant *tenant; /* NULL: one of admin_keys */
	const char *name; /* in logs: the variable's, the file's, or the first
			     digits of the digest */
	enum conf_role role; /* of one of admin_keys */
};

struct quota; /* what a tenant or key has used; gateway/quota/quota.h */

struct conf_limits {
	uint64_t header, body, bodies; /* bytes: per request twice, for all */
	unsigned connections; /* 0: of the descriptors about half */
	uint64_t memory; /* bytes resident; 0: not bounded */
};

/* Answers kept under an Idempotency-Key. */
struct conf_idempotency {
	usec window; /* how long; 0: none are */
	unsigned answers; /* how many at most */
	uint64_t memory; /* their bytes */
};

/* Where traces go. */
struct conf_otlp {
	const char *url; /* of the collector, whole; NULL: nowhere */
	double sample; /* share of requests that begin a trace, 0..1 */
	const char *headers; /* "name: value\n" for each that is sent along */
};

/* Where gateways tell each other what was taken of limits. */
struct conf_shared_limits {
	const char *address; /* a host, or "unix:" and a path; NULL: nowhere */
	unsigned port;
	const char *user, *password; /* NULL: none */
	unsigned database;
	const char *prefix; /* of keys there */
};

struct conf {
	atomic_uint refs;
	struct arena arena;
	const char *path; /* of the file */
	uint64_t version; /* 1, 2, ...: counts loads */

	struct conf_listen listen, admin;
	struct conf_tls tls, admin_tls; /* no certificate: it is plain */
	unsigned workers; /* never 0: the default is one per core */
	usec busy_poll; /* that a worker stays awake after an event; 0: none */
	struct conf_limits limits;
	const char *policy;
	const char *log_level;
	const char *access_log; /* "stderr", "off" or a path */
	const char *ledger; /* a path, or NULL: none is kept */
	usec ledger_keep; /* how long its rows stay; 0: for ever */
	const char *audit_log; /* a path, or NULL: none is kept */
	const char *keys_file; /* of keys made at run time; NULL: none are */
	bool core_dumps; /* they may have secrets in them */
	const char *const *cors_origins; /* NULL-terminated, never NULL */
	struct conf_timeouts timeouts; /* defaults for backends */
	usec deadline, client_stall, header_timeout, body_timeout, idle_timeout,
	    drain_timeout;
	usec session_limit, session_idle; /* of a WebSocket */
	usec heartbeat; /* between comments in a stream that has not begun; 0:
			   none */
	double retry_budget; /* share of requests, 0..1 */
	double hedge_budget; /* share of tokens, 0..1 */
	double explore; /* share of standard requests, 0..1 */
	usec probe_every; /* questions to a serving, by ourselves; 0: none */
	double probe_budget; /* USD an hour for those */
	unsigned queue_limit; /* requests waiting, all workers */
	unsigned receipts; /* how many are kept; 0: none */
	struct conf_idempotency idempotency;
	struct conf_otlp otlp;
	struct conf_shared_limits shared_limits;

	const struct slo *slos;
	size_t n_slos;
	const struct slo *default_slo; /* never NULL */
	const struct conf_backend *backends;
	size_t n_backends;
	const struct conf_model *models;
	size_t n_models;
	const struct conf_serving *servings; /* of all models, together */
	size_t n_servings;
	const struct conf_serving *const
	    *servings_by_id; /* n_servings, rising */
	const struct conf_model *default_model; /* or NULL */
	const struct conf_pattern *patterns; /* the longest first */
	size_t n_patterns;
	const struct conf_tenant *tenants;
	size_t n_tenants;
	const struct conf_key *keys; /* sorted by digest */
	size_t n_keys, n_admin_keys; /* of all; among them */
	/* One for each tenant, then one for each key, in their order: places
	 * for what outlives the snapshot, filled by its owner before it is
	 * shared. NULL: none. */
	struct quota **quotas;
	const struct conf_variable *variables; /* or NULL */

	uint32_t next_backend_id, next_serving_id, next_tenant_id;
	struct map model_names; /* names and aliases -> struct conf_model */
	struct map slo_names, backend_names, tenant_names;
	struct map certificates; /* names of clients -> struct conf_tenant */
};

/* What the configuration names on this machine. */
enum conf_place {
	PLACE_ACCESS_LOG,
	PLACE_AUDIT_LOG,
	PLACE_KEYS_FILE,
	PLACE_LEDGER,
	PLACE_COMMAND, /* the program of a backend */
	PLACE_SOCKET, /* of a listener */
};

/* What conf cannot know by itself: which adapters there are, and what would
 * come of what it names. */
struct conf_adapter {
	const char *name;
	const char *default_url; /* NULL: url must be given */
	bool needs_key; /* off without api_key when url is default */
	unsigned caps; /* enum cap bits that it can do at all; 0: all */
};
struct conf_env {
	const struct conf_adapter *adapters;
	size_t n_adapters;
	/* What `serve` would make of a place; *why without its setting.
	 * ERR_AGAIN: it would go on without, which is a warning. NULL: nobody
	 * looks, as the file may be meant for another machine. */
	enum err (*look)(enum conf_place, const char *path, struct errmsg *why);
	bool secretless; /* no secret is read: who asks wants nothing of them,
			    and may have none */
};

/* Every complaint of a check, in the order of lines. */
struct complaints {
	/* one per line, "FILE:LINE: PATH: want X, got Y"; before the PATH of
	 * what is merely doubtful comes "warning: " */
	struct buf text;
	size_t errors, warnings;
};
void complaints_init(struct complaints *);
void complaints_fini(struct complaints *);

/* Loads and checks. `previous` (may be NULL) lends its ids to what stayed.
 * On OK *out holds one reference; warnings may still be in *c. On failure
 * *out is untouched and *c says everything that is wrong. */
enum err conf_load(const char *path, const struct conf_env *,
    const struct conf *previous, struct conf **out,
    struct complaints *c) MUST_USE;

/* The same of a text that is no file (yet): path is what complaints call it. */
enum err conf_load_text(struct slice text, const char *path,
    const struct conf_env *, const struct conf *previous, struct conf **out,
    struct complaints *c) MUST_USE;

struct conf *conf_ref(struct conf *);
void conf_unref(struct conf **); /* sets it to NULL */

/* NULL where there is none. Aliases are names. */
const struct conf_model *conf_find_model(const struct conf *, struct slice);
/* The pattern that takes a name which is not listed. */
const struct conf_model *conf_find_pattern(const struct conf *, struct slice);
const struct slo *conf_find_slo(const struct conf *, struct slice);
const struct conf_backend *conf_find_backend(const struct conf *, struct slice);
const struct conf_tenant *conf_find_tenant(const struct conf *, struct slice);
const struct conf_serving *conf_find_serving(const struct conf *, uint32_t id);

/* The key that this is, of a tenant or operator, comparing digests in constant
 * time; NULL: none. */
const struct conf_key *conf_find_key(const struct conf *, struct slice key);
/* Its SHA-256; false: OpenSSL has no memory for it. */
bool conf_key_digest(struct slice key, unsigned char out[CONF_KEY_BYTES]);
/* The same of its digits; false: they are no digest. */
bool conf_key_from_hex(const char *hex, unsigned char out[CONF_KEY_BYTES]);
/* Of no bytes at all: who sends no key has it. */
bool conf_key_is_nothing(const unsigned char digest[CONF_KEY_BYTES]);
/* What it has used; NULL, of a key: it has no limits of its own. */
struct quota *conf_tenant_quota(
    const struct conf *, const struct conf_tenant *);
struct quota *conf_key_quota(const struct conf *, const struct conf_key *);

/* The tenant that one of these names of a certificate stands for, each with a
 * NUL behind it; NULL: nobody's. */
const struct conf_tenant *conf_authenticate_certificate(
    const struct conf *, struct slice names);
/* The one of admin_keys that it is, compared in the same way; NULL: none. */
const struct conf_key *conf_authenticate_admin(
    const struct conf *, struct slice key);
const char *conf_role_name(enum conf_role);
/* SHA-256 as 64 hexadecimal digits and a NUL, for `pointsman key hash`. False:
 * as conf_key_digest(), and there are no digits. */
bool conf_key_hash(struct slice key, char hex[2 * CONF_KEY_BYTES + 1]);

/* The first of a backend's keys that may be used for that serving (NULL: for
 * none in particular), or the one that will be next; NULL: it has none. */
struct conf_api_key *conf_api_key_now(
    const struct conf_backend *, const struct conf_serving *, usec now);
/* Whether there is another one that may be used now. */
bool conf_api_key_spare(const struct conf_backend *,
    const struct conf_serving *, const struct conf_api_key *but, usec now);
/* How long one that was refused is let alone: it may be good again, once it is
 * paid for or allowed. */
#define CONF_KEY_REST (300 * USEC_SEC)
/* Nobody uses it until then; nobody does for that serving. */
void conf_api_key_refuse(struct conf_api_key *, usec until);
void conf_api_key_limit(
    const struct conf_serving *, const struct conf_api_key *, usec until);
/* When the first of the others is free that is merely at its limit; 0: there is
 * none. */
usec conf_api_key_limited(
    const struct conf_serving *, const struct conf_api_key *but, usec now);

/* Whether that environment variable holds a secret that is none of the
 * backend's business: a tenant's or an operator's, or that of other backends
 * only; also those that an earlier configuration has named. */
bool conf_withholds(
    const struct conf *, uint32_t backend, struct slice variable);

/* Whether only this machine can reach it. */
bool conf_listen_is_local(const struct conf_listen *);
/* Whether it is all of its addresses: none that a client could be told. */
bool conf_listen_is_any(const struct conf_listen *);
/* Whether the URL is of this machine: no proxy is to see it. NULL: no. */
bool conf_url_is_local(const char *url);
/* Or of an address that the internet does not route: nobody sells there. */
bool conf_url_is_private(const char *url);

/* Which versions and algorithms a listener has, in GnuTLS's words. */
const char *conf_tls_priorities(const struct conf_tls *);

/* Whether a name ends in a star, and so stands for others. */
bool conf_is_pattern(const char *name);
/* What the serving's backend calls the model, where the client has asked for
 * that name: `start` and then `end`, which lies in `asked` unless the backend's
 * own name has no star. */
struct conf_sent {
	struct slice start, end;
};
struct conf_sent conf_upstream_name(
    const struct conf_serving *, struct slice asked);
/* By what the beginnings of such names differ: "my/" here and "" there where
 * clients say "my/openai/" and the backend has "openai/". */
struct conf_starts {
	struct slice here, there;
};
struct conf_starts conf_starts(const struct conf_serving *);

/* The effective configuration as JSON, secrets masked. */
void conf_dump(const struct conf *, struct buf *out);
/* After a reload: names of settings that differ, but that a running process
 * cannot change ("listen, workers"); nothing is added where there are none. */
void conf_restart_needed(
    const struct conf *old, const struct conf *now, struct buf *names);
/* docs/configuration.md, from the table of settings. */
void conf_write_docs(FILE *);

#endif
