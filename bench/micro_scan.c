/* bench/micro_scan.c - what it costs to scan the body of a chat request.
 *
 * Prints nanoseconds per document for scan_object() and, to compare, for
 * jansson's tree; the best of several rounds, so that a busy machine shows
 * little. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/lib/clock.h"
#include "gateway/lib/scan.h"

#define ROUNDS 15
#define ROUND_BYTES (8u << 20) /* scanned in one round */
#define MEMBERS 32

struct text {
	const char *name, *sentence; /* the latter as JSON writes it */
};

static const struct text texts[] = {
	{ "english",
	    "The points must be set before the train arrives, and locked: "
	    "\\\"no route, no signal\\\" was the rule on every line.\\n" },
	{ "chinese",
	    "\xe5\x88\x97\xe8\xbd\xa6\xe5\x88\xb0\xe8\xbe\xbe\xe4\xb9\x8b"
	    "\xe5\x89\x8d\xe5\xbf\x85\xe9\xa1\xbb\xe6\x89\xb3\xe5\xa5\xbd"
	    "\xe9\x81\x93\xe5\xb2\x94\xe3\x80\x82" },
};

/* A conversation of about n bytes, in turns of up to 2,000. */
static void
make_body(struct buf *b, const struct text *t, size_t n)
{
	const char *role = "user";
	size_t turn;

	buf_add_str(b,
	    "{\"model\":\"gemma\",\"stream\":true,\"max_tokens\":256,"
	    "\"temperature\":0.7,\"messages\":[{\"role\":\"system\","
	    "\"content\":\"You are a signalman.\"}");
	while (b->n < n) {
		buf_addf(b, ",{\"role\":\"%s\",\"content\":\"", role);
		turn = b->n + 2000 < n ? b->n + 2000 : n;
		while (b->n < turn)
			buf_add_str(b, t->sentence);
		buf_add_str(b, "\"}");
		role = role[0] == 'u' ? "assistant" : "user";
	}
	buf_add_str(b, "]}");
}

static void
scan_once(struct slice doc)
{
	struct scan_member m[MEMBERS];
	struct errmsg why;
	size_t n;

	if (scan_object(doc, m, MEMBERS, &n, &why) != OK) {
		fprintf(stderr, "micro_scan: %s\n", why.text);
		exit(1);
	}
}

static void
load_once(struct slice doc)
{
	json_t *tree = json_loadb(doc.p, doc.n, 0, NULL);

	if (tree == NULL) {
		fputs("micro_scan: jansson refuses the document\n", stderr);
		exit(1);
	}
	json_decref(tree);
}

/* Nanoseconds per call. */
static double
measure(void (*once)(struct slice), struct slice doc)
{
	size_t calls = ROUND_BYTES / doc.n;
	double best = 0, ns;
	usec from;

	for (int i = 0; i < ROUNDS; i++) {
		from = clock_cpu();
		for (size_t k = 0; k < calls; k++)
			once(doc);
		ns = (double)(clock_cpu() - from) * 1000 / (double)calls;
		if (i == 0 || ns < best)
			best = ns;
	}
	return best;
}

int
main(void)
{
	const size_t sizes[] = { 1000, 10000, 100000 };
	struct buf body;

	puts("text       bytes   scan ns   jansson ns");
	for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			buf_init(&body, 1u << 20);
			make_body(&body, &texts[t], sizes[i]);
			if (buf_err(&body) != OK)
				return 1;
			printf("%-8s %7zu %9.0f %12.0f\n", texts[t].name,
			    body.n, measure(scan_once, buf_slice(&body)),
			    measure(load_once, buf_slice(&body)));
			buf_fini(&body);
		}
	return 0;
}
