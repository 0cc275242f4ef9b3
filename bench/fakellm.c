/* bench/fakellm.c - fakellm: the program. See fake.h. */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/fake.h"
#include "gateway/lib/descriptors.h"

static const char usage[] =
    "usage: fakellm [OPTION]...\n\n"
    "Simulated inference hardware with an OpenAI API, on loopback.\n\n"
    "  --port N            listen on 127.0.0.1:N\n"
    "  --unix PATH         listen on a Unix socket instead\n"
    "  --name NAME         for its own statistics\n"
    "  --model NAME        the model it says it has\n"
    "  --ttft LOW-HIGH     ms to the first token, uniform\n"
    "  --rate LOW-HIGH     tokens per second of a stream, uniform\n"
    "  --tokens N          in an answer, unless the request says\n"
    "  --slots N           concurrent answers; more wait in line\n"
    "  --engine R,S,N,T    instead of --ttft and --rate: an engine that works\n"
    "                      in steps of S ms, N more per answer at work, T per\n"
    "                      prompt token read; R ms away\n"
    "  --noise X           deviation of the logarithm of its steps' time\n"
    "  --cold MS           503 loading for so long after the start\n"
    "  --embedding N       dimensions\n"
    "  --pad N             bytes added to a whole answer\n"
    "  --fault NAME        for every request\n"
    "  --seed N\n";

static const struct option longs[] = {
	{ "port", 1, NULL, 'p' },
	{ "unix", 1, NULL, 'u' },
	{ "name", 1, NULL, 'n' },
	{ "model", 1, NULL, 'm' },
	{ "ttft", 1, NULL, 't' },
	{ "rate", 1, NULL, 'r' },
	{ "tokens", 1, NULL, 'k' },
	{ "slots", 1, NULL, 's' },
	{ "cold", 1, NULL, 'c' },
	{ "embedding", 1, NULL, 'e' },
	{ "pad", 1, NULL, 'd' },
	{ "engine", 1, NULL, 'g' },
	{ "noise", 1, NULL, 'o' },
	{ "fault", 1, NULL, 'f' },
	{ "seed", 1, NULL, 'z' },
	{ "help", 0, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void
die(const char *option, const char *want, const char *got)
{
	fprintf(
	    stderr, "fakellm: --%s: want %s, got \"%s\"\n", option, want, got);
	exit(2);
}

static double
number(const char *option, const char *text, double max)
{
	char want[64];
	double v;

	if (!slice_double(slice_of(text), &v) || v < 0 || v > max) {
		snprintf(want, sizeof(want), "a number of 0..%.0f", max);
		die(option, want, text);
	}
	return v;
}

static unsigned
count(const char *option, const char *text)
{
	return (unsigned)number(option, text, UINT_MAX);
}

/* "60-90", or "60". */
static struct fake_range
range(const char *option, const char *text)
{
	struct slice rest = slice_of(text), low, high;
	struct fake_range r;

	slice_next(&rest, '-', &low);
	high = rest.p != NULL ? rest : low;
	if (!slice_double(low, &r.low) || !slice_double(high, &r.high) ||
	    r.low < 0 || r.high < r.low)
		die(option, "LOW-HIGH", text);
	return r;
}

/* Tokens per second become gaps. */
static struct fake_range
gaps(struct fake_range rate)
{
	return (struct fake_range){
		rate.high > 0 ? 1e3 / rate.high : 0,
		rate.low > 0 ? 1e3 / rate.low : 0,
	};
}

/* "15,7,0.15,0.04" */
static void
engine(struct fake_engine_options *e, const char *option, const char *value)
{
	double *const to[] = { &e->rtt_ms, &e->step_ms, &e->per_sequence_ms,
		&e->per_token_ms };
	struct slice rest = slice_of(value), part;
	size_t n = 0;
	bool good = true;

	while (good && slice_next(&rest, ',', &part)) {
		good = n < 4 && slice_double(part, to[n]) && *to[n] >= 0;
		n++;
	}
	if (!good || n != 4 || e->step_ms <= 0)
		die(option, "RTT,STEP,PER_SEQUENCE,PER_TOKEN in ms", value);
	e->on = true;
}

static void
set(struct fake *f, int c, const char *option, const char *value)
{
	struct fake_options *o = &f->o;

	switch (c) {
	case 'p':
		o->port = (int)number(option, value, UINT16_MAX);
		break;
	case 'u':
		o->unix_path = value;
		break;
	case 'n':
		o->name = value;
		break;
	case 'm':
		o->model = value;
		break;
	case 't':
		o->ttft_ms = range(option, value);
		break;
	case 'r':
		o->itl_ms = gaps(range(option, value));
		break;
	case 'k':
		o->tokens = count(option, value);
		break;
	case 's':
		o->slots = count(option, value);
		break;
	case 'c':
		o->cold_ms = number(option, value, 1e12);
		break;
	case 'e':
		o->embedding_size = count(option, value);
		break;
	case 'd':
		o->pad = count(option, value);
		break;
	case 'g':
		engine(&o->engine, option, value);
		break;
	case 'o':
		o->engine.noise = number(option, value, 1e3);
		break;
	case 'f':
		if (!fake_fault_parse(slice_of(value), &f->fault, &f->status))
			die(option, "the name of a fault", value);
		break;
	case 'z':
		o->seed = (unsigned long)number(option, value, 1e15);
		break;
	}
}

static void
read_options(struct fake *f, int argc, char **argv)
{
	int c, which;

	while ((c = getopt_long(argc, argv, "", longs, &which)) != -1) {
		if (c == '?') /* it has said so */
			exit(2);
		if (c == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		set(f, c, longs[which].name, optarg);
	}
	if (optind < argc) {
		fprintf(stderr, "fakellm: want options only, got \"%s\"\n",
		    argv[optind]);
		exit(2);
	}
}

/* Until it is killed; where it cannot, why not. */
static int
serve(struct fake *f)
{
	int rc = uv_loop_init(&f->loop);

	if (rc != 0)
		return rc;
	rng_init(&f->rng, f->o.seed, 1);
	list_init(&f->queue);
	list_init(&f->calls);
	f->started = clock_now();
	rc = fake_pace_init(f);
	if (rc == 0 && f->o.engine.on)
		rc = fake_engine_init(f);
	if (rc == 0)
		rc = fake_listen(f);
	return rc != 0 ? rc : uv_run(&f->loop, UV_RUN_DEFAULT);
}

int
main(int argc, char **argv)
{
	static struct fake f;
	int rc;

	f.o = (struct fake_options){ .name = "fake",
		.model = "fake-model",
		.port = 9900,
		.tokens = 16,
		.slots = 1000000,
		.embedding_size = 8,
		.engine = { .chunk = 512 },
		.seed = 1 };
	f.slow = 1.0;
	read_options(&f, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	(void)descriptors_raise();
	rc = serve(&f);
	if (rc < 0 && f.o.unix_path != NULL)
		fprintf(stderr, "fakellm: cannot serve on %s: %s\n",
		    f.o.unix_path, uv_strerror(rc));
	else if (rc < 0)
		fprintf(stderr, "fakellm: cannot serve on 127.0.0.1:%d: %s\n",
		    f.o.port, uv_strerror(rc));
	return rc != 0;
}
