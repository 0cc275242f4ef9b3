/* backends/wire_error.h - the shapes in which backends say that they failed.
 *
 *	{"error":{"message":..,"type":..,"param":..,"code":..}}	OpenAI and kin
 *	{"type":"error","error":{"type":..,"message":..}}	Anthropic
 *	{"error":"..","error_type":".."}			TGI
 *	{"object":"error","message":..,"type":..,"code":400}	vLLM up to 0.9
 *	{"message":..,"type":..,"param":..,"code":..}		Cerebras
 *	{"object":"error","message":{"detail":..},"type":..}	Mistral
 *	[{"error":{"code":400,"message":..,"status":".."}}]	Google
 *	{"Message":..}					AWS
 *	{"error":{"message":..,"http_status_code":422}} TGI, in a stream
 *	{"detail":..}						FastAPI
 *	{"success":false,"errors":[{"code":7003,"message":..}]}	Cloudflare
 *	{"success":false,"error":[{"code":2001,"message":..}]}	its gateway
 *	{"type":"error","code":..,"message":..}		/responses
 *	{"type":"response.failed","response":{"error":..}}	/responses */
#ifndef BACKENDS_WIRE_ERROR_H
#define BACKENDS_WIRE_ERROR_H

#include "gateway/lib/scan.h"

/* String values as written, quotes included; empty: not given. A message may
 * be a whole document. */
struct wire_error {
	struct slice message, type, param, code;
	struct slice retry_delay; /* "24s": when to come again */
	int status; /* the HTTP status that it stands for; 0: not said */
};

/* What a body says, trimmed; of one that comes as an event, as some send it,
 * its data; of a list, what is in it. Points into the body, or into scratch,
 * which is initialised. */
struct slice wire_error_text(struct slice body, struct buf *scratch);

/* Among the top-level members of a validated document. The shapes that could
 * also be part of an answer count only where `failed` says it is none. */
bool wire_error_find(
    const struct scan_member *, size_t n, bool failed, struct wire_error *out);
/* The value of a member named error; false: it says that there is none. */
bool wire_error_read(const struct scan_member *, struct wire_error *out);

/* "code" or "type" is that word; ASCII case counts. */
bool wire_error_is(const struct wire_error *, const char *word);
/* The message has that phrase in its beginning, in any case. Further on a
 * refusal repeats what it was sent, up to a megabyte of it. */
#define WIRE_ERROR_READ ((size_t)8 << 10)
bool wire_error_says(const struct wire_error *, const char *phrase);
/* The message is a string and begins with it. */
bool wire_error_begins(const struct wire_error *, const char *phrase);

/* Whether a refusal's body says that what was asked is longer than the model
 * reads. */
bool wire_error_is_long_prompt(struct slice body);

#endif
