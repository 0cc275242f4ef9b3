/* bench/fakellm.c - fakellm: the program. See fake.h. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/fake.h"

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

static void
die(const char *what, const char *value)
{
	fprintf(stderr, "fakellm: %s: %s\n%s", what, value, usage);
	exit(2);
}

static double
number(const char *text)
{
	double v;

	if (!slice_double(slice_of(text), &v) || v < 0)
		die("want a number", text);
	return v;
}

/* "60-90", or "60". */
static struct fake_range
range(const char *text)
{
	struct slice rest = slice_of(text), low, high;
	struct fake_range r;

	slice_next(&rest, '-', &low);
	high = rest.p != NULL ? rest : low;
	if (!slice_double(low, &r.low) || !slice_double(high, &r.high) ||
	    r.low < 0 || r.high < r.low)
		die("want LOW-HIGH", text);
	return r;
}

/* "15,7,0.15,0.04" */
static void
engine(struct fake_engine_options *e, const char *value)
{
	double *const to[] = { &e->rtt_ms, &e->step_ms, &e->per_sequence_ms,
		&e->per_token_ms };
	struct slice rest = slice_of(value), part;
	size_t n = 0;

	while (slice_next(&rest, ',', &part)) {
		if (n == 4 || !slice_double(part, to[n]) || *to[n] < 0)
			die("want RTT,STEP,PER_SEQUENCE,PER_TOKEN in ms",
			    value);
		n++;
	}
	if (n != 4 || e->step_ms <= 0)
		die("want RTT,STEP,PER_SEQUENCE,PER_TOKEN in ms", value);
	e->on = true;
}

static void
set(struct fake *f, int c, const char *value)
{
	struct fake_range r;

	switch (c) {
	case 'p':
		f->o.port = (int)number(value);
		break;
	case 'u':
		f->o.unix_path = value;
		break;
	case 'n':
		f->o.name = value;
		break;
	case 'm':
		f->o.model = value;
		break;
	case 't':
		f->o.ttft_ms = range(value);
		break;
	case 'r': /* tokens per second become gaps */
		r = range(value);
		f->o.itl_ms = (struct fake_range){
			r.high > 0 ? 1e3 / r.high : 0,
			r.low > 0 ? 1e3 / r.low : 0,
		};
		break;
	case 'k':
		f->o.tokens = (unsigned)number(value);
		break;
	case 's':
		f->o.slots = (unsigned)number(value);
		break;
	case 'c':
		f->o.cold_ms = number(value);
		break;
	case 'e':
		f->o.embedding_size = (unsigned)number(value);
		break;
	case 'd':
		f->o.pad = (unsigned)number(value);
		break;
	case 'g':
		engine(&f->o.engine, value);
		break;
	case 'o':
		f->o.engine.noise = number(value);
		break;
	case 'f':
		if (!fake_fault_parse(slice_of(value), &f->fault, &f->status))
			die("no such fault", value);
		break;
	case 'z':
		f->o.seed = (unsigned long)number(value);
		break;
	default:
		die("unknown option", "");
	}
}

static void
raise_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

int
main(int argc, char **argv)
{
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
	struct fake *f = calloc(1, sizeof(*f));
	int c, rc;

	if (f == NULL)
		return 1;
	f->o = (struct fake_options){ .name = "fake",
		.model = "fake-model",
		.port = 9900,
		.tokens = 16,
		.slots = 1000000,
		.embedding_size = 8,
		.engine = { .chunk = 512 },
		.seed = 1 };
	f->slow = 1.0;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			free(f);
			return 0;
		}
		set(f, c, optarg);
	}
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	rng_init(&f->rng, f->o.seed, 1);
	list_init(&f->queue);
	list_init(&f->calls);
	f->started = clock_now();
	uv_loop_init(&f->loop);
	rc = fake_pace_init(f);
	if (rc == 0 && f->o.engine.on)
		rc = fake_engine_init(f);
	if (rc == 0)
		rc = fake_listen(f);
	if (rc != 0) {
		fprintf(stderr, "fakellm: cannot listen on %s: %s\n",
		    f->o.unix_path != NULL ? f->o.unix_path : "127.0.0.1",
		    uv_strerror(rc));
		return 1;
	}
	return uv_run(&f->loop, UV_RUN_DEFAULT);
}
