/* gateway/live.c - `check --live`: every serving asked for real.
 *
 * Each gets one streamed question of a few tokens (or one embedding), through
 * the same adapter code that serves; fallbacks too, since that is when one
 * wants to know. */
#include "gateway/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/child.h"
#include "gateway/client.h"
#include "gateway/command.h"
#include "gateway/lib/mask.h"
#include "gateway/question.h"

#define LIVE_TIMEOUT (60 * USEC_SEC)
#define CHILD_WAIT (120 * USEC_SEC) /* for a model to load */
#define CHILD_POLL (300 * USEC_MS)

static void
on_header(void *arg, struct slice name, struct slice value)
{
	question_take_header(arg, name, value);
}

static void
on_bytes(void *arg, struct slice bytes)
{
	question_take(arg, bytes);
}

/* The beginning of what it said: without our key, and on one line. */
static void
quote(const struct question *q, char *out, size_t cap)
{
	mask_copy(out, cap, buf_slice(&q->body), q->serving->backend->api_key);
	for (char *p = out; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
}

static bool
verdict(struct question *q, const struct transfer_result *result)
{
	struct fault fault = question_end(q, result);
	char said[201];

	if (fault.kind == FAULT_NONE) {
		printf("good, first token after %.0f ms\n",
		    (double)(q->first_token - q->sent) / 1e3);
		return true;
	}
	quote(q, said, sizeof(said));
	printf("BAD: %s, status %d%s%s%s%s\n", fault_rule(fault.kind)->name,
	    result->status, result->message[0] != '\0' ? ": " : "",
	    result->message, said[0] != '\0' ? ": " : "", said);
	return false;
}

static bool
ask(struct client *c, struct question *q, const char *base)
{
	const struct client_ops ops = { on_header, on_bytes };
	struct transfer_request t;
	struct transfer_result result;
	struct errmsg why;

	if (question_encode(q, base, &t, &why) != OK) {
		printf("BAD: %s\n", why.text);
		return false;
	}
	client_send(c, &t, &ops, q, LIVE_TIMEOUT, &result);
	return verdict(q, &result);
}

static bool
ask_serving(struct client *c, const struct conf_serving *s, const char *base)
{
	struct question *q = malloc(sizeof(*q));
	bool good = false;

	printf("%-12s %-20s %-24s ", s->backend->name, s->model->name,
	    s->upstream);
	fflush(stdout);
	if (q == NULL)
		return false;
	question_init(q, s);
	good = ask(c, q, base);
	question_fini(q);
	free(q);
	return good;
}

/* --- children --- */

struct live_child {
	uv_loop_t loop;
	const struct conf *conf;
	uint32_t backend; /* id */
	char url[64];
	bool down;
};

static void
on_up(void *arg, const char *url)
{
	struct live_child *l = arg;

	snprintf(l->url, sizeof(l->url), "%s", url);
}

static void
on_down(void *arg)
{
	struct live_child *l = arg;

	l->down = true;
}

static bool
withholds(void *arg, struct slice variable)
{
	const struct live_child *l = arg;

	return conf_withholds(l->conf, l->backend, variable);
}

static void
on_stopped(void *arg)
{
	(void)arg;
}

/* Until the child's health probe says that the model is there. */
static bool
wait_healthy(struct client *c, struct live_child *l)
{
	usec end = clock_now() + CHILD_WAIT;
	struct transfer_result result;
	const struct client_ops ops = { NULL, NULL };
	char url[96];
	const struct transfer_request t = { .method = "GET",
		.url = url,
		.local = true,
		.connect_timeout = USEC_SEC };

	snprintf(
	    url, sizeof(url), "%.*s/health", (int)strlen(l->url) - 3, l->url);
	while (clock_now() < end && !l->down) {
		uv_run(&l->loop, UV_RUN_NOWAIT);
		client_send(c, &t, &ops, NULL, USEC_SEC, &result);
		if (result.status == 200)
			return true;
		uv_sleep(CHILD_POLL / USEC_MS);
	}
	return false;
}

static bool
ask_backend(struct client *c, const struct conf *conf,
    const struct conf_backend *b, const char *base)
{
	bool good = true;

	for (size_t i = 0; i < conf->n_servings; i++) {
		const struct conf_serving *s = &conf->servings[i];

		if (s->backend == b && strcmp(s->upstream, "*") != 0)
			good &= ask_serving(c, s, base);
	}
	return good;
}

static bool
ask_child(
    struct client *c, const struct conf *conf, const struct conf_backend *b)
{
	static const struct child_ops ops = { on_up, on_down, withholds };
	struct live_child l = { .conf = conf, .backend = b->id };
	struct child *child;
	bool good;

	uv_loop_init(&l.loop);
	child = child_new(&l.loop, b->name, b->command, NULL, &ops, &l);
	good = child != NULL && wait_healthy(c, &l);
	if (good)
		good = ask_backend(c, conf, b, l.url);
	else
		printf("%-12s BAD: %s did not become healthy\n", b->name,
		    b->command[0]);
	child_stop(&child, on_stopped, &l);
	uv_run(&l.loop, UV_RUN_DEFAULT);
	uv_loop_close(&l.loop);
	return good;
}

int
live_check(const struct conf *conf)
{
	struct errmsg why = { "" };
	struct client *c = client_new(&why);
	bool good = c != NULL;

	for (size_t i = 0; c != NULL && i < conf->n_backends; i++) {
		const struct conf_backend *b = &conf->backends[i];

		if (b->off != NULL)
			printf("%-12s off: %s\n", b->name, b->off);
		else if (b->command != NULL)
			good &= ask_child(c, conf, b);
		else
			good &= ask_backend(c, conf, b, b->url);
	}
	client_free(&c);
	return good ? EXIT_GOOD : EXIT_BAD;
}
