/* gateway/translation/responses.h - what the files of OpenAI's responses share.
 * Private to responses*.c.
 *
 * Of a request the answer repeats what it was asked with: `kept` begins with
 * that, and ends with the names of tools that chat knows by another. */
#ifndef GATEWAY_TRANSLATION_RESPONSES_H
#define GATEWAY_TRANSLATION_RESPONSES_H

#include "gateway/lib/map.h"
#include "gateway/lib/scan.h"
#include "gateway/translation/chat.h"
#include "gateway/translation/format.h"

/* What is read of a request. */
enum responses_field {
	RESPONSES_INPUT,
	RESPONSES_INSTRUCTIONS,
	RESPONSES_MAX_OUTPUT_TOKENS,
	RESPONSES_PARALLEL_TOOL_CALLS,
	RESPONSES_REASONING,
	RESPONSES_STREAM,
	RESPONSES_TEMPERATURE,
	RESPONSES_TEXT,
	RESPONSES_TOOL_CHOICE,
	RESPONSES_TOOLS,
	RESPONSES_TOP_LOGPROBS,
	RESPONSES_TOP_P,
	/* in the answer alone */
	RESPONSES_MAX_TOOL_CALLS,
	RESPONSES_METADATA,
	RESPONSES_PROMPT_CACHE_KEY,
	RESPONSES_SAFETY_IDENTIFIER,
	RESPONSES_TRUNCATION,
	RESPONSES_USER,
	/* left out */
	RESPONSES_INCLUDE,
	RESPONSES_MODERATION,
	/* without which the answer would be wrong */
	RESPONSES_CONVERSATION,
	RESPONSES_PREVIOUS_RESPONSE_ID,
	RESPONSES_PROMPT,
	RESPONSES_FIELDS
};

/* One that is not there is null. */
struct responses_body {
	struct scan_member at[RESPONSES_FIELDS];
};

/* What follows the name of what is refused. */
#define RESPONSES_ELSEWHERE ": use a backend that speaks /v1/responses"

/* scan_inside() of a member of an object. */
struct slice responses_get_text(struct slice object, const char *name);

/* --- responses_request.c --- */

enum err responses_request(struct translation *, struct slice body,
    struct buf *chat, struct errmsg *why);

/* --- responses_input.c --- */

/* "messages" of the request of chat. */
enum err responses_add_messages(struct translation *,
    const struct responses_body *, struct buf *chat,
    struct errmsg *why) MUST_USE;

/* --- responses_tools.c --- */

enum responses_kind {
	RESPONSES_REASONED, /* a model's own reasoning */
	RESPONSES_SUMMARY, /* the same, for who asked for a summary of it */
	RESPONSES_SAID,
	RESPONSES_REFUSED,
	RESPONSES_CALL, /* from here on: of tools */
	RESPONSES_CUSTOM_CALL, /* with text, {"input": text} in chat */
	RESPONSES_SEARCH_CALL, /* for tools that the client has not told of */
};

/* A tool, as the client knows it: chat may know it otherwise. */
struct responses_tool {
	struct slice name, namespace; /* empty: none */
	enum responses_kind kind; /* of its calls */
};

/* What chat calls the search for tools. */
#define RESPONSES_SEARCH "tool_search"

/* "tools" and what goes with them, each with a comma ahead. */
enum err responses_add_tools(struct translation *,
    const struct responses_body *, struct buf *chat,
    struct errmsg *why) MUST_USE;
/* The name of a tool in chat. */
void responses_add_name(struct buf *, const struct responses_tool *);
/* The tool that chat calls so; one of that name, where none was told of or
 * there is no memory to look. */
enum err responses_find_tool(const struct translation *, struct slice name,
    struct responses_tool *) MUST_USE;

/* --- responses_echo.c --- */

/* Members of an answer that repeat the request, each with a comma ahead. */
void responses_echo(const struct responses_body *, struct buf *out);
/* JSON as an event has it: only what stands between its tokens has line ends
 * in it. */
void responses_on_a_line(struct buf *, size_t from);

/* --- responses_items.c --- */

/* In one answer; more are a failure. */
#define RESPONSES_ITEMS 1024
/* Text in a stream, likewise: what ends it has each four times. */
#define RESPONSES_BYTES ((size_t)3 << 20)
#define RESPONSES_NAME ((size_t)16 << 10) /* a call's id, and its name */
#define RESPONSES_WHOLE ((size_t)128 << 20) /* a whole answer is shorter */

/* A part of an answer. */
struct responses_item {
	enum responses_kind kind;
	bool added, done; /* the client has been told */
	size_t place; /* its output_index, once added */
	const char *status;
	struct buf text; /* or arguments, or input: as JSON has them */
	struct slice whole; /* instead: all at once, borrowed */
	/* of a call */
	uint64_t index;
	bool indexed;
	struct buf call_id, name; /* the name in chat */
	struct buf extra; /* what the backend wants back with it */
	struct responses_tool tool;
};

struct responses_state {
	size_t echoed; /* bytes of kept */
	struct map tools; /* the rest of it, once a call has a name */
	bool summary; /* who asks for one gets reasoning as such */
	bool begun;
	enum chat_finish finish;
	const char *thinks; /* what chat calls its reasoning, or NULL */
	uint64_t sequence;
	size_t bytes; /* of all texts */
	struct responses_item *items; /* in the order that they began */
	size_t n, cap;
	uint16_t *order; /* in that of their output_index; cap of them */
	size_t n_added;
};

/* What a model thinks is. */
static inline enum responses_kind
responses_thought(const struct responses_state *s)
{
	return s->summary ? RESPONSES_SUMMARY : RESPONSES_REASONED;
}

/* What an event says beside its item: the types of those that a kind has. */
struct responses_words {
	const char *prefix; /* of its id */
	const char *part_added, *delta, *done, *part_done; /* NULL: none */
	const char *part_index; /* the name of that, or NULL */
	const char *text; /* the name of its text */
};
const struct responses_words *responses_words(enum responses_kind);

/* NULL: *out has failed. */
struct responses_item *responses_new_item(
    struct translation *, enum responses_kind, struct buf *out);
void responses_fini(void *state);
/* It has the next output_index. */
void responses_place_item(struct responses_state *, struct responses_item *);
/* What a part of a call says of it; without either, that part goes on with
 * it. */
void responses_say_call(struct translation *, struct responses_item *,
    const struct chat_call *, struct buf *out);
/* A call has its name: which tool it is of, and an id that no other has. */
void responses_name_call(
    struct translation *, struct responses_item *, struct buf *out);
/* Its text is all there: what of it is the client's. */
void responses_settle_text(
    struct translation *, struct responses_item *, struct buf *out);
struct slice responses_text_of(const struct responses_item *);

void responses_add_id(
    const struct translation *, const struct responses_item *, struct buf *out);
/* As it stands when it begins, or with all it has. */
void responses_add_item(const struct translation *,
    const struct responses_item *, bool begins, struct buf *out);
/* Its one part. */
void responses_add_part(
    const struct responses_item *, bool begins, struct buf *out);
/* The whole answer, or what it begins with: usage is NULL then. */
void responses_add_response(
    const struct translation *, const struct usage *, struct buf *out);
/* How it ended: "completed", "incomplete". */
const char *responses_status(enum chat_finish);

/* --- responses_events.c, responses_answer.c --- */

void responses_event(struct translation *, struct slice data, struct buf *out);
void responses_end(struct translation *, const struct usage *, struct buf *out);
void responses_answer(struct translation *, struct slice body,
    const struct usage *, struct buf *out);

#endif
