/* bench/micro_translation.c - what it costs to ask in chat for another format.
 *
 * Prints nanoseconds per event of an answer, and per KB of a request; the best
 * of several rounds, so that a busy machine shows little. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/lib/clock.h"
#include "gateway/lib/count.h"
#include "gateway/lib/sse.h"
#include "gateway/translation/translation.h"

#define ROUNDS 15
#define EVENTS 1000 /* of one answer */
#define ANSWERS 20 /* in one round */
#define REQUEST ((size_t)100 << 10) /* bytes */

#define EVENT                                                                  \
	"{\"id\":\"chatcmpl-7f3a\",\"object\":\"chat.completion.chunk\","      \
	"\"created\":1763769600,\"model\":\"gemma\",\"choices\":[{\"index\":"  \
	"0,"                                                                   \
	"\"delta\":{\"content\":\" points\"},\"finish_reason\":null}]}"

struct format {
	const char *name, *begin, *turn, *end; /* of a request */
	enum dialect dialect;
};

static const struct format formats[] = {
	{ "messages", "{\"max_tokens\":256,\"messages\":[",
	    "{\"role\":\"%s\",\"content\":[{\"type\":\"text\",\"text\":\"",
	    "\"}]}", DIALECT_MESSAGES },
	{ "responses", "{\"input\":[",
	    "{\"role\":\"%s\",\"content\":[{\"type\":\"input_text\",\"text\":"
	    "\"",
	    "\"}]}", DIALECT_RESPONSES },
};

static struct translation *
begin(const struct format *f)
{
	const struct translation_about about = {
		.id = "req_0123456789abcdef01234567", .model = SLICE("gemma")
	};
	struct translation *t = translation_new(f->dialect, &about);

	if (t == NULL)
		abort();
	return t;
}

/* Turns of some 2,000 bytes. */
static void
make_request(const struct format *f, struct buf *b)
{
	const char *role = "user";

	buf_add_str(b, f->begin);
	for (size_t turns = 0; b->n < REQUEST; turns++) {
		if (turns > 0)
			buf_add_char(b, ',');
		buf_addf(b, f->turn, role);
		for (int i = 0; i < 20; i++)
			buf_add_str(b,
			    "The points must be set before the train arrives, "
			    "and locked: \\\"no route, no signal\\\", says the "
			    "rule.\\n");
		buf_add_str(b, f->end);
		role = role[0] == 'u' ? "assistant" : "user";
	}
	buf_add_str(b, "]}");
	if (buf_err(b) != OK)
		abort();
}

static void
translate_request(const struct format *f, struct slice body)
{
	struct translation *t = begin(f);
	struct errmsg why;
	struct slice chat;

	if (translation_request(t, body, &chat, &why) != OK) {
		fprintf(stderr, "micro_translation: %s\n", why.text);
		exit(1);
	}
	translation_free(&t);
}

/* Into memory that is there already, as an attempt's is. */
static void
translate_answer(const struct format *f, struct buf *out)
{
	struct translation *t = begin(f);

	for (int i = 0; i < EVENTS; i++) {
		buf_reset(out);
		translation_event(t, SLICE(EVENT), out);
	}
	if (buf_err(out) != OK || out->n == 0)
		abort();
	translation_free(&t);
}

static void
measure(const struct format *f)
{
	double event = 0, request = 0, ns;
	struct buf body, out;
	usec from;

	buf_init(&body, 2 * REQUEST);
	buf_init(&out, SSE_EVENT_MAX);
	make_request(f, &body);
	for (int i = 0; i < ROUNDS; i++) {
		from = clock_cpu();
		for (int k = 0; k < ANSWERS; k++)
			translate_answer(f, &out);
		ns = (double)(clock_cpu() - from) * 1000 / (ANSWERS * EVENTS);
		event = i == 0 || ns < event ? ns : event;
		from = clock_cpu();
		for (int k = 0; k < ANSWERS; k++)
			translate_request(f, buf_slice(&body));
		ns = (double)(clock_cpu() - from) * 1000 / ANSWERS /
		    ((double)body.n / 1000);
		request = i == 0 || ns < request ? ns : request;
	}
	printf("%-10s %8.0f %20.0f\n", f->name, event, request);
	buf_fini(&out);
	buf_fini(&body);
}

int
main(void)
{
	puts("format     event ns   KB of a request ns");
	for (size_t i = 0; i < COUNT(formats); i++)
		measure(&formats[i]);
	return 0;
}
