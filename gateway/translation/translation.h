/* gateway/translation/translation.h - a request in one wire format for a
 * backend that speaks another, and the answer on its way back.
 *
 * From Anthropic's messages and OpenAI's responses into chat, which every kind
 * of backend speaks. Pure: bytes in, bytes out. Strings are copied as they are
 * written wherever their text stays the same. */
#ifndef GATEWAY_TRANSLATION_TRANSLATION_H
#define GATEWAY_TRANSLATION_TRANSLATION_H

#include "gateway/lib/buf.h"
#include "gateway/lib/inference.h"

/* What of a request stands in its answer; copied. */
struct translation_about {
	const char *id; /* "req_" and hexadecimal digits: ids of the answer
			   are made of these */
	struct slice model; /* as the client asked for it, unescaped */
	int64_t created; /* seconds since 1970 */
	const char *length; /* what the backend calls the longest answer;
			       outlives the translation */
	bool files; /* the backend's chat takes parts that are files */
	bool formats; /* and its answers can be in a schema */
	uint32_t origin; /* of the answer: what came from there before may be
			    returned; 0: of nobody's */
};

/* One request and its answer. */
struct translation;

/* Whether requests in this format can be translated. */
bool translation_exists(enum dialect);
/* NULL: no memory. The dialect is one that exists. */
struct translation *translation_new(
    enum dialect, const struct translation_about *);
void translation_free(struct translation **);

/* The client's body, a validated object of JSON, as one of chat: *chat, good
 * until translation_free_request(). It names no model. ERR_UNSUPPORTED: it has
 * what chat has no word for, which *why names; ERR_INVALID: it is no request of
 * its format. */
enum err translation_request(struct translation *, struct slice body,
    struct slice *chat, struct errmsg *why) MUST_USE;
void translation_free_request(struct translation *);
/* What a refusal says to programs beside its text, members of JSON without
 * braces; or NULL. */
const char *translation_details(const struct translation *);
/* What was left out because the answer can do without, for the client: names
 * with commas between them, or empty. */
struct slice translation_left_out(const struct translation *);

/* An answer may be more than its format has room for: *out has failed with
 * ERR_LIMIT then, and this says of what, behind "it has". */
const char *translation_passed(const struct translation *);
/* Of a stream the data of one event, an object of JSON that is no error:
 * events of the client's format are appended to *out, if it means any. */
void translation_event(
    struct translation *, struct slice data, struct buf *out);
/* What ends the stream, once. */
void translation_end(
    struct translation *, const struct usage *, struct buf *out);
/* A whole answer, valid JSON and no error. */
void translation_answer(struct translation *, struct slice body,
    const struct usage *, struct buf *out);

#endif
