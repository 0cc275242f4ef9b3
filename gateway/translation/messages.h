/* gateway/translation/messages.h - what the files of Anthropic's format share.
 * Private to the translation. */
#ifndef GATEWAY_TRANSLATION_MESSAGES_H
#define GATEWAY_TRANSLATION_MESSAGES_H

#include "gateway/translation/chat.h"
#include "gateway/translation/format.h"

/* What has come of the JSON that a call's arguments are. */
struct messages_json {
	uint32_t depth; /* open brackets */
	bool begun, in_string, escaped;
};

/* A call whose block has not been ended. */
struct messages_call {
	uint64_t index; /* the backend's */
	uint64_t id; /* hash of the backend's; 0: it gave none */
	uint32_t block; /* the index of its block */
	struct messages_json json;
};

enum messages_block { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING };

/* Calls that a backend may make at the same time; more are a failure. */
#define MESSAGES_CALLS_OPEN 1024

/* Part of a call that has no name yet; opaque. */
struct messages_early;

/* Names that chat has no room for; opaque. */
struct messages_names;

/* Among so many calls in a row no two have the same id. */
#define MESSAGES_IDS 16

/* Bytes of schemas that are looked at in a request: whether they are strict. */
#define MESSAGES_SCHEMAS ((size_t)4 << 20)

struct messages_state {
	size_t schemas; /* bytes of them that were looked at */
	bool shows_thinking; /* its client asked for it */
	bool has_stops; /* stop_sequences were given */
	bool has_tools; /* tools were */
	bool begun, called, refused;
	enum chat_finish finish;
	enum messages_block open; /* beside calls; its index: */
	uint32_t at;
	uint32_t blocks; /* so far */
	uint32_t calls; /* so far */
	uint64_t ids[MESSAGES_IDS]; /* hashes, of the last of them */
	uint32_t hidden; /* pieces of reasoning, so far */
	const char *thinks; /* what chat calls them, or NULL */
	size_t n_open, cap_open;
	struct messages_call *calls_open; /* as many as there were at a time */
	struct messages_early *early; /* in the order that they came */
	size_t early_bytes; /* ever kept */
	struct messages_names *names; /* once a call may have one; or NULL */
	uint64_t begun_calls; /* bits of the backend's indexes below 64 */
	size_t n_stop; /* bytes of the stop sequence, as it is written */
	char stop[64]; /* longer ones are not told */
};

/* A string without its quotes. */
static inline struct slice
messages_inside(struct slice string)
{
	return slice_make(string.p + 1, string.n - 2);
}

/* The member `name` of an object; null: none. */
struct scan_member messages_member(
    const struct scan_member *object, const char *name);

/* A tool's name, a string with its quotes, as chat has it; and without them the
 * one that is meant, of those that messages_keep_name() was given. */
void messages_add_name(struct buf *, struct slice string);
void messages_keep_name(struct translation *, struct slice string);
void messages_add_meant(struct translation *, struct slice name, struct buf *);

enum err messages_request(struct translation *, struct slice body,
    struct buf *chat, struct errmsg *why) MUST_USE;
/* The conversation as the elements of chat's `messages`, brackets included. */
enum err messages_turns(struct translation *, const struct scan_member *system,
    const struct scan_member *messages, struct errmsg *why) MUST_USE;

/* Keeps a part without a name, of no call that has begun. */
void messages_early_keep(
    struct translation *, const struct chat_call *part, struct buf *out);
/* Its call begins: what was kept of it, the caller's to free; or NULL. */
struct messages_early *messages_early_take(
    struct messages_state *, const struct chat_call *part);
struct slice messages_early_id(const struct messages_early *);
struct slice messages_early_arguments(const struct messages_early *);
void messages_early_free(struct messages_early **);
void messages_early_free_all(struct messages_state *);

void messages_event(struct translation *, struct slice data, struct buf *out);
void messages_end(struct translation *, const struct usage *, struct buf *out);
void messages_answer(struct translation *, struct slice body,
    const struct usage *, struct buf *out);
/* Makes a note of how an answer finishes. */
void messages_note_finish(struct messages_state *, const struct chat_answer *);
/* Members of a message: {"stop_reason":...,"stop_sequence":...}, without
 * braces; {"input_tokens":...}, with them. */
void messages_add_stop(const struct messages_state *, struct buf *out);
void messages_add_usage(const struct usage *, struct buf *out);
/* The members of a message before its content, without braces. */
void messages_add_head(const struct translation *, struct buf *out);
/* A call's id: the backend's own, or one of ours where there is none or another
 * call has the same: clients answer by it. Behind it what the call has beside
 * it, if anything. */
void messages_add_id(const struct translation *, struct slice id,
    struct slice extra, struct buf *out);

#endif
