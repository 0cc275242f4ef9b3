/* gateway/commands/ask.c - `pointsman ask`: one streamed question, then which
 * serving answered, how fast and why. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/commands/address.h"
#include "gateway/commands/client.h"
#include "gateway/commands/command.h"
#include "gateway/conf/conf.h"
#include "gateway/lib/count.h"
#include "gateway/lib/sse.h"
#include "gateway/lib/utf8.h"

#define ASK_TIMEOUT (600 * USEC_SEC)
#define ASK_BODY_MAX ((size_t)1 << 20)
#define KEY_VARIABLE "POINTSMAN_API_KEY"

struct answer {
	struct sse sse;
	struct buf partial, scratch, raw; /* raw: a body that is not SSE */
	char backend[128], model[128], attempts[16], timing[512];
	bool events, failed;
	usec asked, first, last;
	unsigned chunks, tokens;
};

static void
keep(char *out, size_t cap, struct slice value)
{
	snprintf(out, cap, "%.*s", SLICE_ARG(value));
	utf8_calm(out, strlen(out), "");
}

static void
on_header(void *arg, struct slice name, struct slice value)
{
	struct answer *a = arg;

	if (slice_iis(name, "x-pointsman-backend"))
		keep(a->backend, sizeof(a->backend), value);
	else if (slice_iis(name, "x-pointsman-model"))
		keep(a->model, sizeof(a->model), value);
	else if (slice_iis(name, "x-pointsman-attempts"))
		keep(a->attempts, sizeof(a->attempts), value);
	else if (slice_iis(name, "server-timing"))
		keep(a->timing, sizeof(a->timing), value);
	else if (slice_iis(name, "content-type"))
		a->events = slice_istarts(value, SLICE("text/event-stream"));
}

/* Of a model, or of whoever answers for it: a file gets them as they are, on a
 * terminal nothing in them is a command. */
static void
show_words(FILE *f, const char *words)
{
	char *copy = strdup(words);

	if (copy == NULL)
		return;
	if (isatty(fileno(f)))
		utf8_calm(copy, strlen(copy), "\n\t");
	fputs(copy, f);
	free(copy);
}

/* What is said on stderr begins a line of its own. */
static void
end_line(const struct answer *a)
{
	if (a->chunks > 0)
		putchar('\n');
	fflush(stdout);
}

static const char *
hint_for(const char *code)
{
	if (strcmp(code, "invalid_api_key") == 0)
		return ": it is taken from $" KEY_VARIABLE;
	return strcmp(code, "model_required") == 0 ? ": --model NAME" : "";
}

static void
show_error(struct answer *a, const json_t *error)
{
	const char *message =
	    json_string_value(json_object_get(error, "message"));
	const char *code = json_string_value(json_object_get(error, "code"));

	a->failed = true;
	end_line(a);
	fputs("pointsman: ", stderr);
	show_words(stderr, message != NULL ? message : "the gateway refused");
	fputs(" (", stderr);
	show_words(stderr, code != NULL ? code : "no code");
	fprintf(stderr, ")%s\n", hint_for(code != NULL ? code : ""));
}

static void
show_delta(struct answer *a, const json_t *delta)
{
	static const char *const members[] = { "reasoning_content", "content" };
	const char *text;
	usec now = clock_now();

	for (size_t i = 0; i < COUNT(members); i++) {
		text = json_string_value(json_object_get(delta, members[i]));
		if (text == NULL || text[0] == '\0')
			continue;
		a->first = a->first > 0 ? a->first : now;
		a->last = now;
		a->chunks++;
		show_words(stdout, text);
		fflush(stdout);
	}
}

static void
show_event(struct answer *a, struct slice raw)
{
	struct sse_fields f;
	json_t *doc, *usage;

	sse_parse(raw, &f, &a->scratch);
	doc = json_loadb(f.data.p != NULL ? f.data.p : "", f.data.n, 0, NULL);
	if (json_object_get(doc, "error") != NULL)
		show_error(a, json_object_get(doc, "error"));
	show_delta(a,
	    json_object_get(
		json_array_get(json_object_get(doc, "choices"), 0), "delta"));
	usage = json_object_get(doc, "usage");
	if (json_is_object(usage))
		a->tokens = (unsigned)json_integer_value(
		    json_object_get(usage, "completion_tokens"));
	json_decref(doc);
}

static void
on_bytes(void *arg, struct slice bytes)
{
	struct answer *a = arg;
	size_t taken;

	if (!a->events) {
		buf_add(&a->raw, bytes);
		return;
	}
	while (bytes.n > 0) {
		enum sse_state s = sse_scan(&a->sse, bytes, &taken);

		buf_add(&a->partial, slice_make(bytes.p, taken));
		bytes = slice_make(bytes.p + taken, bytes.n - taken);
		if (s == SSE_LONG) {
			end_line(a);
			fprintf(stderr, "pointsman: an event over %zu MiB\n",
			    SSE_EVENT_MAX >> 20);
			a->failed = true;
			return;
		}
		if (s != SSE_EVENT)
			continue;
		show_event(a, buf_slice(&a->partial));
		buf_reset(&a->partial);
	}
}

static void
render_body(struct buf *out, const char *model, const char *question)
{
	buf_add_char(out, '{');
	if (model != NULL) {
		buf_add_str(out, "\"model\":");
		buf_add_json(out, slice_of(model));
		buf_add_char(out, ',');
	}
	buf_add_str(out,
	    "\"stream\":true,"
	    "\"stream_options\":{\"include_usage\":true},"
	    "\"messages\":[{\"role\":\"user\",\"content\":");
	buf_add_json(out, slice_of(question));
	buf_add_str(out, "}]}");
}

/* The reason stands in server-timing: route;dur=0.01;desc="...". */
static void
print_why(const struct answer *a)
{
	const char *at = strstr(a->timing, "desc=\"");
	const char *end = at != NULL ? strchr(at + 6, '"') : NULL;

	if (end != NULL)
		printf(" because %.*s", (int)(end - at - 6), at + 6);
}

static void
print_summary(const struct answer *a)
{
	unsigned n = a->tokens > 0 ? a->tokens : a->chunks;

	printf("\n\n-- %s (%s)", a->backend, a->model);
	print_why(a);
	if (a->first > 0)
		printf("; first token after %.0f ms",
		    (double)(a->first - a->asked) / 1e3);
	if (n > 1 && a->last > a->first)
		printf(", then %u tokens %.1f ms apart", n,
		    (double)(a->last - a->first) / 1e3 / (n - 1));
	printf("; attempts %s\n   %s\n", a->attempts, a->timing);
}

static void
show_refusal(struct answer *a)
{
	json_t *doc =
	    json_loadb(a->raw.p != NULL ? a->raw.p : "", a->raw.n, 0, NULL);

	show_error(a, json_object_get(doc, "error"));
	json_decref(doc);
}

static int
ask(struct client *c, struct answer *a, const struct transfer_request *t)
{
	const struct client_ops ops = { on_header, on_bytes };
	struct transfer_result result;

	a->asked = clock_now();
	client_send(c, t, &ops, a, ASK_TIMEOUT, &result);
	if (result.fault != FAULT_NONE) {
		end_line(a);
		fprintf(stderr, "pointsman: %s: %s%s%s%s\n", t->url,
		    fault_rule(result.fault)->name,
		    result.message[0] != '\0' ? ": " : "", result.message,
		    result.fault == FAULT_TLS
			? ": -c FILE trusts the certificate of that file's "
			  "gateway, --ca FILE those in it"
			: "");
		return EXIT_BAD;
	}
	if (!a->events)
		show_refusal(a);
	if (a->backend[0] != '\0')
		print_summary(a);
	return a->failed ? EXIT_BAD : EXIT_GOOD;
}

static int
run(const struct address *where, const char *ca, const char *model,
    const char *slo, const char *question)
{
	struct answer a = { .attempts = "0" };
	struct buf body, headers, whole_url;
	struct errmsg why = { "" };
	struct client *c = client_new(&why);
	struct slice piece;
	int rc = EXIT_BAD;

	if (c == NULL) {
		fprintf(stderr, "pointsman ask: %s\n", why.text);
		return EXIT_BAD;
	}
	sse_init(&a.sse);
	buf_init(&a.partial, SSE_EVENT_MAX);
	buf_init(&a.scratch, SSE_EVENT_MAX);
	buf_init(&a.raw, ASK_BODY_MAX);
	buf_init(&body, ASK_BODY_MAX);
	buf_init(&headers, CLIENT_HEADERS_MAX);
	buf_init(&whole_url, 2048);
	render_body(&body, model, question);
	buf_add_str(&headers, "content-type: application/json\n");
	if (slo != NULL)
		buf_addf(&headers, "x-slo-class: %s\n", slo);
	buf_addf(&whole_url, "%s/chat/completions", where->base);
	buf_add_char(&whole_url, '\0');
	piece = buf_slice(&body);
	if (client_add_key(KEY_VARIABLE, &headers))
		rc = ask(c, &a,
		    &(struct transfer_request){ .method = "POST",
			.url = whole_url.p,
			.unix_path = where->unix_path[0] != '\0'
			    ? where->unix_path
			    : NULL,
			.ca_file = ca,
			.pin = ca == NULL && where->pin[0] != '\0' ? where->pin
								   : NULL,
			.headers = buf_slice(&headers),
			.body = &piece,
			.n_body = 1,
			.local = conf_url_is_local(where->base),
			.connect_timeout = CLIENT_CONNECT_TIMEOUT });
	buf_fini(&whole_url);
	buf_fini(&headers);
	buf_fini(&body);
	buf_fini(&a.raw);
	buf_fini(&a.scratch);
	buf_fini(&a.partial);
	client_free(&c);
	return rc;
}

int
command_ask(int argc, char **argv)
{
	const char *slo = NULL, *model = NULL, *url = NULL, *config = NULL;
	const char *ca = NULL;
	const struct command_option options[] = {
		{ "slo", 's', "CLASS", "the request's SLO class", &slo, NULL },
		{ "model", 'm', "NAME", "the model; default: default_model",
		    &model, NULL },
		{ "config", 'c', "FILE", "where its gateway.conf is", &config,
		    NULL },
		{ "url", 'u', "URL",
		    "base URL of the gateway (" ADDRESS_USUAL_LISTEN ")", &url,
		    NULL },
		{ "ca", 0, "FILE", "certificates to trust, PEM", &ca, NULL },
	};
	struct address where;
	int at;

	if (!command_options(argc, argv,
		"pointsman ask [OPTION]... \"QUESTION\"\n\n"
		"The key, where tenants are configured, is $" KEY_VARIABLE ".",
		COMMAND_OPTIONS(options), &at))
		return at;
	if (at + 1 != argc) {
		fputs("pointsman ask: want one question, in quotes\n", stderr);
		return EXIT_USAGE;
	}
	return address_find(url, config, ADDRESS_LISTEN, &where)
	    ? run(&where, ca, model, slo, argv[at])
	    : EXIT_BAD;
}
