/* gateway/admin/admin.h - the admin API: what operators and probes read.
 *
 * Pure: from a picture of the process to an answer's bytes. The caller
 * (gateway/admin_server.c) takes the picture and carries out the actions. */
#ifndef GATEWAY_ADMIN_ADMIN_H
#define GATEWAY_ADMIN_ADMIN_H

#include <jansson.h>

#include "gateway/admin/usage_page.h"
#include "gateway/conf/conf.h"
#include "gateway/lib/child_end.h"
#include "gateway/telemetry/telemetry.h"
#include "router/router.h"

struct drill;
struct labels;
struct receipts;
struct slo_book;

struct admin_child {
	uint32_t backend; /* id */
	bool running;
	bool unwell; /* it does not run, or has not answered since its start */
	const char *url; /* "" while it has none */
	const struct child_end *end;
};

struct admin_picture {
	const struct conf *conf;
	struct telemetry *telemetry;
	const struct serving_view *servings; /* in the order of conf */
	size_t n_servings;
	const struct admin_child *children;
	size_t n_children;
	struct telemetry_gauges gauges;
	struct receipts *receipts; /* NULL: none are kept */
	struct slo_book *book; /* as receipts */
	const char *ledger; /* its path; NULL: none is kept */
	const struct labels *labels;
	struct drill *drill;
	struct slice path, query; /* of the request; without its '?' */
	struct slice host, if_none_match; /* its headers; empty: not there */
	const struct conf_listen *listen; /* where requests are served */
	bool ready, draining;
	usec now, wall; /* wall: since 1970 */
};

enum admin_action {
	ADMIN_NOTHING,
	ADMIN_RELOAD,
	ADMIN_DRILL, /* as reply.drill says */
	ADMIN_DRILL_STOP,
	ADMIN_RESTRAIN, /* as reply.restraint says */
	ADMIN_KEYS, /* whatever the method asks of them */
	ADMIN_TENANTS,
	ADMIN_USAGE, /* as reply.usage says; takes its time */
	ADMIN_LIVE, /* the live feed, for as long as it is read */
};

struct admin_drill {
	const struct conf_backend *backend;
	const struct conf_tenant *tenant; /* NULL: all */
	usec span;
};

enum restraint_act { RESTRAINT_DRAIN, RESTRAINT_ENABLE, RESTRAINT_WEIGHT };

struct admin_restraint {
	const struct conf_backend *backend;
	const struct conf_model *model; /* NULL: the backend as a whole */
	enum restraint_act act;
	double weight; /* 0..1, of RESTRAINT_WEIGHT */
};

struct admin_reply {
	int status;
	const char *content_type; /* static */
	char etag[24]; /* with its quotes; empty: not to be stored */
	char allow[40]; /* the methods that there are; empty: it is one */
	char policy[640]; /* content-security-policy; empty: none */
	struct buf body;
	enum admin_action action; /* to carry out before answering */
	struct admin_drill drill; /* of ADMIN_DRILL */
	struct admin_restraint restraint; /* of ADMIN_RESTRAIN */
	struct usage_question usage; /* of ADMIN_USAGE */
};

void admin_reply_init(struct admin_reply *);
void admin_reply_fini(struct admin_reply *);

void admin_handle(
    const struct admin_picture *, struct slice method, struct admin_reply *);

/* child.c. NULL: that backend is not a child. */
const struct admin_child *admin_find_child(
    const struct admin_picture *, uint32_t backend);
/* How it ended last, or null. */
json_t *admin_child_end_json(const struct child_end *);
/* plight_json(), in the words of who knows more than the router. */
json_t *admin_plight_json(const struct admin_picture *,
    const struct conf_backend *, const struct plight *);

/* backends.c: /admin/v1/backends. */
void admin_get_backends(const struct admin_picture *, struct admin_reply *);
/* One row of it. */
json_t *admin_backend_json(
    const struct admin_picture *, const struct conf_backend *);
/* One word on why a serving is not used; "ok" where it is. */
const char *admin_serving_state(
    const struct conf_backend *, const struct serving_view *);

/* Whether an operator lets nothing go there. */
bool admin_is_drained(const struct serving_view *);
/* NULL: the router knows none of that id. */
const struct serving_view *admin_view_of(
    const struct admin_picture *, uint32_t serving);
/* The last minute as clients' requests measured it, as in /metrics. */
json_t *admin_latency_json(const struct telemetry_view *, enum phase);

/* measured.c: how fast a serving is, in /admin/v1/backends. */
json_t *admin_measured_json(const struct measured *);

/* models.c: /admin/v1/models. */
void admin_get_models(const struct admin_picture *, struct admin_reply *);

/* metrics.c: /metrics. */
void admin_get_metrics(const struct admin_picture *, struct admin_reply *);
/* What it says there of a serving. */
void admin_serving_metrics(const struct conf *, const struct serving_view *,
    struct telemetry_serving *out);

/* receipts_page.c: /admin/v1/receipts, one of them, and /admin/v1/slo. */
void admin_get_receipts(const struct admin_picture *, struct admin_reply *);
void admin_get_receipt(
    const struct admin_picture *, struct slice id, struct admin_reply *);
void admin_get_slo(const struct admin_picture *, struct admin_reply *);

/* usage_page.c: /admin/v1/usage. */
void admin_get_usage(const struct admin_picture *, struct admin_reply *);
void admin_get_usage_row(
    const struct admin_picture *, struct slice id, struct admin_reply *);

/* Takes the document; NULL, or no memory: a 503. */
void admin_send_json(json_t *, struct admin_reply *);
/* That 503. */
void admin_no_memory(struct admin_reply *);
/* An error in the shape of the data listener's. */
void admin_error(
    struct admin_reply *, int status, const char *code, const char *message);
/* The same; takes what is in the buffer. That 503 where it had no memory. */
void admin_error_of(
    struct admin_reply *, int status, const char *code, struct buf *message);

#endif
