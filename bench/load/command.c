/* bench/load/command.c - the load client's options. */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/load.h"
#include "gateway/lib/descriptors.h"

static const char usage[] =
    "usage: loadclient --url http://HOST:PORT [OPTION]...\n\n"
    "Sends chat completions and prints one line of JSON: how many, how fast,\n"
    "how late. Times are microseconds from when a request was due.\n\n"
    "where and what:\n"
    "  --url URL         http only; its path is /v1/chat/completions unless "
    "given\n"
    "  --unix PATH       a Unix socket instead\n"
    "  --model NAME      [m]\n"
    "  --key KEY         sent as a bearer token\n"
    "  --header TEXT     NAME: VALUE, sent as it is; up to four\n"
    "  --bytes N         size of a request's body [1024]\n"
    "  --stream          ask for a stream\n"
    "  --max-tokens N\n"
    "  --gap MS          between tokens: asked of fakellm, and the measure\n"
    "                    of jitter\n"
    "when (one of):\n"
    "  --connections N   closed loop: N at a time [1]\n"
    "  --rate R          open loop: R a second, at random\n"
    "  --trace FILE      open loop: TIMESTAMP,ContextTokens,GeneratedTokens,\n"
    "                    as .csv or .csv.gz\n"
    "  --hold N          N streams stay open; prints {\"ready\":true} when "
    "all\n"
    "                    have begun\n"
    "until:\n"
    "  --requests N      so many were sent\n"
    "  --seconds S       so long has passed\n"
    "  --timeout S       one request may take [60]\n"
    "also:\n"
    "  --limit N         connections in an open loop [1000]\n"
    "  --speed X         the trace runs X times as fast [1]\n"
    "  --seed N          [1]\n\n"
    "SIGUSR1 prints a line and counts afresh; SIGINT and SIGTERM end it.\n"
    "Exits with 1 if any request failed.\n";

static bool
complain(const char *what, const char *value)
{
	fprintf(stderr, "loadclient: %s: %s\n", what, value);
	return false;
}

static bool
read_number(const char *text, double *out)
{
	if (slice_double(slice_of(text), out) && *out >= 0)
		return true;
	return complain("want a number", text);
}

static bool
read_count(const char *text, uint64_t max, uint64_t *out)
{
	if (slice_u64(slice_of(text), out) && *out <= max)
		return true;
	return complain("want a whole number, not too large", text);
}

static bool
read_unsigned(const char *text, unsigned *out)
{
	uint64_t n;

	if (!read_count(text, 1u << 30, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

/* http://host:port/path, cut in place. */
static bool
read_url(char *url, struct load_options *o)
{
	static const char scheme[] = "http://";
	struct slice port = SLICE("80");
	uint64_t n;
	size_t n_host;
	char *p;

	if (!slice_starts(slice_of(url), slice_of(scheme)))
		return complain("want http://HOST:PORT", url);
	url += strlen(scheme);
	n_host = strcspn(url, "/");
	if (url[n_host] != '\0' && url[n_host + 1] != '\0')
		o->path = url + n_host;
	/* A byte to the left, so that a NUL fits ahead of the path. */
	o->host = memmove(url - 1, url, n_host);
	*(--url + n_host) = '\0';
	p = strrchr(url, ':');
	if (p != NULL) {
		*p = '\0';
		port = slice_of(p + 1);
	}
	if (!slice_u64(port, &n) || n < 1 || n > 65535)
		return complain("no such port", port.p);
	o->port = (int)n;
	return true;
}

enum load_option {
	O_URL = 256,
	O_UNIX,
	O_MODEL,
	O_KEY,
	O_HEADER,
	O_BYTES,
	O_STREAM,
	O_MAX_TOKENS,
	O_GAP,
	O_CONNECTIONS,
	O_RATE,
	O_TRACE,
	O_HOLD,
	O_REQUESTS,
	O_SECONDS,
	O_TIMEOUT,
	O_LIMIT,
	O_SPEED,
	O_SEED,
	O_HELP
};

static const struct option longs[] = {
	{ "url", 1, NULL, O_URL },
	{ "unix", 1, NULL, O_UNIX },
	{ "model", 1, NULL, O_MODEL },
	{ "key", 1, NULL, O_KEY },
	{ "header", 1, NULL, O_HEADER },
	{ "bytes", 1, NULL, O_BYTES },
	{ "stream", 0, NULL, O_STREAM },
	{ "max-tokens", 1, NULL, O_MAX_TOKENS },
	{ "gap", 1, NULL, O_GAP },
	{ "connections", 1, NULL, O_CONNECTIONS },
	{ "rate", 1, NULL, O_RATE },
	{ "trace", 1, NULL, O_TRACE },
	{ "hold", 1, NULL, O_HOLD },
	{ "requests", 1, NULL, O_REQUESTS },
	{ "seconds", 1, NULL, O_SECONDS },
	{ "timeout", 1, NULL, O_TIMEOUT },
	{ "limit", 1, NULL, O_LIMIT },
	{ "speed", 1, NULL, O_SPEED },
	{ "seed", 1, NULL, O_SEED },
	{ "help", 0, NULL, O_HELP },
	{ NULL, 0, NULL, 0 },
};

static bool
add_header(struct load_options *o, const char *value)
{
	int n = 0;

	while (n < LOAD_HEADERS && o->headers[n] != NULL)
		n++;
	if (strchr(value, ':') == NULL)
		return complain("want NAME: VALUE", value);
	if (n == LOAD_HEADERS)
		return complain("one header too many", value);
	o->headers[n] = value;
	return true;
}

/* What it is to send. */
static bool
set_what(struct load_options *o, int option, char *value)
{
	switch (option) {
	case O_URL:
		return read_url(value, o);
	case O_UNIX:
		o->unix_path = value;
		return true;
	case O_MODEL:
		o->model = value;
		return true;
	case O_KEY:
		o->key = value;
		return true;
	case O_HEADER:
		return add_header(o, value);
	case O_BYTES:
		return read_unsigned(value, &o->body_bytes);
	case O_STREAM:
		o->stream = true;
		return true;
	case O_MAX_TOKENS:
		return read_unsigned(value, &o->max_tokens);
	case O_GAP:
		return read_number(value, &o->gap_ms);
	default:
		return false;
	}
}

/* When it is to send. */
static bool
set_when(struct load_options *o, int option, char *value, unsigned *limit)
{
	switch (option) {
	case O_CONNECTIONS:
		return read_unsigned(value, &o->connections);
	case O_RATE:
		o->mode = LOAD_OPEN;
		return read_number(value, &o->rate);
	case O_TRACE:
		o->mode = LOAD_OPEN;
		o->trace = value;
		return true;
	case O_HOLD:
		o->mode = LOAD_HELD;
		o->stream = true;
		return read_unsigned(value, &o->connections);
	case O_REQUESTS:
		return read_count(value, UINT64_MAX, &o->requests);
	case O_SECONDS:
		return read_number(value, &o->seconds);
	case O_TIMEOUT:
		return read_number(value, &o->timeout);
	case O_LIMIT:
		return read_unsigned(value, limit);
	case O_SPEED:
		return read_number(value, &o->speed);
	case O_SEED:
		return read_count(value, UINT64_MAX, &o->seed);
	default:
		return false;
	}
}

static bool
check(struct load_options *o, unsigned limit)
{
	if (o->mode == LOAD_OPEN)
		o->connections = limit;
	if (o->mode == LOAD_HELD && o->max_tokens == 0)
		o->max_tokens = 1u << 30; /* longer than anyone waits */
	if (o->port == 0 && o->unix_path == NULL)
		return complain("where to", "--url or --unix is missing");
	if (o->connections == 0)
		return complain("want at least one", "connections");
	if (o->mode == LOAD_OPEN && o->trace == NULL && o->rate <= 0)
		return complain("want more than 0", "--rate");
	if (o->speed <= 0 || o->timeout <= 0)
		return complain("want more than 0", "--speed, --timeout");
	if (o->mode != LOAD_HELD && o->trace == NULL && o->requests == 0 &&
	    o->seconds <= 0)
		return complain(
		    "until when", "--requests or --seconds is missing");
	return true;
}

int
load_command(int argc, char **argv)
{
	struct load_options o = { .host = "localhost",
		.path = "/v1/chat/completions",
		.model = "m",
		.connections = 1,
		.body_bytes = 1024,
		.gap_ms = -1,
		.speed = 1,
		.timeout = 60,
		.seed = 1 };
	struct load_result *r;
	unsigned limit = 1000;
	uint64_t bad = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == O_HELP) {
			fputs(usage, stdout);
			return 0;
		}
		if (c == '?' ||
		    !(c < O_CONNECTIONS ? set_what(&o, c, optarg)
					: set_when(&o, c, optarg, &limit)))
			return 2;
	}
	if (optind < argc || !check(&o, limit)) {
		fputs("loadclient: --help says how\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	(void)descriptors_raise();
	r = calloc(1, sizeof(*r));
	if (r == NULL || !load_run(&o, stdout, r)) {
		free(r);
		return 2;
	}
	load_report(stdout, &o, r);
	for (int i = 0; i < LOAD_FAULT_COUNT; i++)
		bad += r->faults[i];
	free(r);
	return bad > 0 ? 1 : 0;
}
