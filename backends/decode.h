/* backends/decode.h - what the decoders of the dialects share. */
#ifndef BACKENDS_DECODE_H
#define BACKENDS_DECODE_H

#include <string.h>

#include "backends/backend.h"

/* More than any known answer has at its top level: that of /responses, with
 * about 35, is the longest. */
#define ANSWER_MEMBERS_MAX 64

/* The top level of a validated document. */
struct answer {
	struct slice name; /* of the SSE event, or empty */
	struct scan_member members[ANSWER_MEMBERS_MAX];
	size_t n;
};

/* Each sets bits of *out. With EVENT_ERROR comes the member that says what
 * went wrong; where its type is SCAN_NULL, the top level itself does. */
void decode_responses(
    const struct answer *, struct event *out, struct scan_member *error);
void decode_messages(
    const struct answer *, struct event *out, struct scan_member *error);
void decode_passed(
    const struct answer *, struct event *out, struct scan_member *error);

/* What an answer means; its members point to where scratch is, or elsewhere. */
void decode_answer(enum dialect, const struct answer *, struct event *out,
    struct buf *scratch);
/* Of what is no JSON object. */
void decode_nothing(struct event *out, struct buf *scratch);
/* Clients take more than RFC 8259 allows: halves of surrogate pairs, which
 * come where a server cuts text by UTF-16 units, NUL, bytes that are no UTF-8.
 * A copy with all of them blotted out has the same structure. Blots out from
 * `from`, where the call before stopped, up to `to`, or the end of an escape
 * there; the rest of the copy is not made. Returns where it stopped. */
size_t decode_blot(struct slice data, size_t from, size_t to, struct buf *copy);

/* Numbers of a usage object, whatever the dialect calls them. */
void decode_usage(struct slice usage, enum dialect, struct event *out);
/* Of these members of chat's events. */
void decode_x_groq(
    const struct scan_member *, struct event *out, struct scan_member *error);
void decode_timings(const struct scan_member *, struct event *out);
/* "error" that is not null, false or empty; or "object":"error". */
bool decode_is_error(const struct scan_member *);
/* A sign of failure that is worth less than an error that says why. */
void decode_fail(struct event *out, struct scan_member *error,
    const struct scan_member *sign);
/* A token at least; bytes: of its text, 0 where it is none. */
void decode_token(struct event *out, size_t bytes);

/* scan_key_is() for literals, whose length the compiler knows. An escaped key
 * is longer than what it means. */
static inline bool
key_is(const struct scan_member *m, struct slice name)
{
	if (m->key.n == name.n)
		return memcmp(m->key.p, name.p, name.n) == 0;
	return m->key.n > name.n && scan_key_is(m, name.p);
}

#endif
