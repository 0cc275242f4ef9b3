/* gateway/dialects/dialect.h - wire formats that clients speak.
 *
 * Pure: bytes in, facts or bytes out. One row per format. */
#ifndef GATEWAY_DIALECTS_DIALECT_H
#define GATEWAY_DIALECTS_DIALECT_H

#include "gateway/lib/buf.h"
#include "gateway/lib/inference.h"
#include "gateway/lib/scan.h"

#define DIALECT_MEMBERS_MAX 128 /* top-level members of a request */

/* A request body, read. */
struct dialect_request {
	struct facts facts;
	struct scan_member members[DIALECT_MEMBERS_MAX];
	size_t n_members;
	const struct scan_member *model; /* in members, or NULL */
	/* of a form, which has no members: the value of the part `model`, or
	 * NULL; and the mark behind all parts. NULL: it is JSON */
	struct slice form_model, form_end;
	char model_name[256]; /* facts.model points here */
};

void dialect_request_init(struct dialect_request *, enum dialect);

/* What is wrong with a request, for the error body. */
struct dialect_error {
	int status; /* 400 */
	const char *param; /* member at fault, or NULL; static */
	const char *code; /* "invalid_json", "invalid_type", ...; static */
	char message[256];
};

/* An error to the client. NULL param and code are written as null. */
struct error_reply {
	int status;
	const char *type; /* "invalid_request_error", "server_error", ... */
	const char *code, *param;
	const char *message; /* plain text */
	const char *more; /* members that it has besides, as JSON without
			     braces; or NULL */
	usec retry_after; /* a span; 0: retrying makes no sense, or unknown */
	bool tried_once; /* by us: whether to retry is left to the client */
};

struct prompt;
struct dialect_ops {
	const char *name;
	enum dialect id;
	/* Of what its members say fills in the rest, and says which are its
	 * prompt; on failure *why. A member that routing reads and that comes
	 * twice is an error. */
	enum err (*parse)(struct dialect_request *, struct prompt *,
	    struct dialect_error *why);
	/* A whole JSON error body, and the same as an event in a stream. */
	void (*render_error)(const struct error_reply *, struct buf *out);
	void (*render_error_event)(const struct error_reply *, struct buf *out);
	/* What ends a good stream where the backend did not say it:
	 * "data: [DONE]\n\n", or empty. */
	struct slice done_event;
	struct slice heartbeat; /* a comment: ": keep-alive\n\n"; or empty,
				   where an answer need not be events */
};

const struct dialect_ops *dialect_get(enum dialect);
/* Scans a body, and parses it. */
enum err dialect_read(const struct dialect_ops *, struct slice body,
    struct dialect_request *, struct dialect_error *why) MUST_USE;
/* The same of a long one, a part at a time. Both stay where they are meanwhile.
 * NULL: no memory. */
struct dialect_reader;
struct dialect_reader *dialect_begin(
    const struct dialect_ops *, struct slice body, struct dialect_request *);
void dialect_free(struct dialect_reader **);
/* So many bytes more, and few besides. False: it has been read. */
bool dialect_more(struct dialect_reader *, size_t n);
/* Then: as dialect_read(). */
enum err dialect_end(
    const struct dialect_reader *, struct dialect_error *why) MUST_USE;
/* As dialect_read(), of a body that the content-type says is multipart. */
enum err dialect_parse_form(enum dialect, struct slice content_type,
    struct slice body, struct dialect_request *out, struct dialect_error *why);

/* The table of routes of the data listener. */
enum body_kind { BODY_JSON, BODY_JSON_OR_FORM, BODY_NONE };
struct route {
	const char *method, *path; /* "/v1/chat/completions" */
	enum dialect dialect;
	enum body_kind body;
	const char *upstream_path; /* after the base URL: "/chat/completions" */
};
/* NULL: not one of them. *known_path is set when another method fits. */
const struct route *route_find(
    struct slice method, struct slice path, bool *known_path);
/* The model where the path names it, as Azure's clients have it
 * ("/openai/deployments/NAME/chat/completions"), escaped; else empty. At most
 * so many bytes in the path of a route. */
#define DEPLOYMENT_MAX 255
struct slice route_deployment(struct slice path);
/* Whether the path is that of the list of models, or of one: *id, escaped; else
 * empty. */
bool route_is_models(struct slice path, struct slice *id);
/* True when "/v1" + path is a route: the 404 then says so. */
bool route_lacks_v1(struct slice path);
/* The path that it would be without slashes that come twice, or at its end;
 * NULL: none. */
const char *route_but_for_slashes(struct slice path);
const struct route *routes(size_t *n);

/* {"error":{"message","type","param","code"}}: OpenAI's shape. */
void openai_render_error(const struct error_reply *, struct buf *out);

#endif
