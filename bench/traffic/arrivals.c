/* bench/traffic/arrivals.c - random arrivals and traces. See arrivals.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "bench/traffic/arrivals.h"
#include "gateway/lib/slice.h"

#define LINE_MAX_BYTES 256
/* Between two lines, once `speed` has shortened it. More is a date that is
 * wrong, or two traces in one file: a simulation would tick through it, a load
 * test wait. */
#define GAP_MAX ((usec)24 * 3600 * USEC_SEC)

void
arrivals_random(struct arrivals *a, double per_second, uint64_t seed)
{
	*a = (struct arrivals){ .mean = per_second > 0 ? 1e6 / per_second : 0 };
	rng_init(&a->rng, seed, 1);
	arrivals_step(a);
}

static void
step_trace(struct arrivals *a)
{
	if (a->at == a->n) {
		a->over = true;
		return;
	}
	a->next = a->rows[a->at++];
	a->next.due = (usec)((double)a->next.due / a->speed);
}

void
arrivals_step(struct arrivals *a)
{
	if (a->rows != NULL) {
		step_trace(a);
		return;
	}
	if (a->mean > 0)
		a->clock += (usec)rng_exponential(&a->rng, a->mean);
	a->next = (struct arrival){ .due = a->clock };
}

/* "2023-11-16 18:15:46.6805900", any number of decimals. */
static bool
read_time(struct slice s, usec *out)
{
	char text[64];
	struct tm tm = { 0 };
	double fraction = 0;
	const char *rest;

	if (s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	if (rest == NULL ||
	    (*rest != '\0' &&
		(*rest != '.' || !slice_double(slice_of(rest), &fraction) ||
		    fraction >= 1)))
		return false;
	*out = (usec)timegm(&tm) * USEC_SEC + (usec)(fraction * 1e6 + 0.5);
	return true;
}

static bool
read_row(struct slice line, struct arrival *out)
{
	struct slice at, prompt, output, more;
	uint64_t n[2];

	if (!slice_next(&line, ',', &at) || !slice_next(&line, ',', &prompt) ||
	    !slice_next(&line, ',', &output) || slice_next(&line, ',', &more) ||
	    !read_time(at, &out->due) || !slice_u64(prompt, &n[0]) ||
	    !slice_u64(output, &n[1]) || n[0] > 1u << 24 || n[1] > 1u << 24)
		return false;
	out->prompt = (unsigned)n[0];
	out->output = (unsigned)n[1];
	return true;
}

static bool
add_row(struct arrivals *a, size_t *cap, const struct arrival *row)
{
	struct arrival *more;

	if (a->n == *cap) {
		*cap = *cap > 0 ? 2 * *cap : 4096;
		more = realloc(a->rows, *cap * sizeof(*more));
		if (more == NULL)
			return false;
		a->rows = more;
	}
	a->rows[a->n++] = *row;
	return true;
}

/* In the order of the file, which must be that of time. */
static enum err
check_gap(const struct arrivals *a, usec gap, const char *path, int line,
    struct errmsg *why)
{
	if (gap < 0)
		return fail(why, ERR_INVALID,
		    "%s:%d: earlier than the line before", path, line);
	if ((double)gap / a->speed > (double)GAP_MAX)
		return fail(why, ERR_INVALID,
		    "%s:%d: want at most 24 hours after the line before, got "
		    "%.6g at --speed %g",
		    path, line, (double)gap / a->speed / (3600.0 * USEC_SEC),
		    a->speed);
	return OK;
}

static enum err
read_rows(struct arrivals *a, gzFile f, const char *path, struct errmsg *why)
{
	char line[LINE_MAX_BYTES];
	struct arrival row;
	size_t cap = 0;
	usec zero = 0;
	enum err rc = OK;
	int trouble;

	for (int n = 1; gzgets(f, line, sizeof(line)) != NULL; n++) {
		struct slice s = slice_trim(slice_of(line));

		if (n == 1 && slice_starts(s, SLICE("TIMESTAMP")))
			continue;
		if (!read_row(s, &row))
			return fail(why, ERR_SYNTAX,
			    "%s:%d: want TIMESTAMP,ContextTokens,"
			    "GeneratedTokens",
			    path, n);
		if (a->n == 0)
			zero = row.due;
		row.due -= zero;
		if (a->n > 0)
			rc = check_gap(
			    a, row.due - a->rows[a->n - 1].due, path, n, why);
		if (rc != OK)
			return rc;
		if (!add_row(a, &cap, &row))
			return fail(why, ERR_MEMORY, "out of memory");
	}
	gzerror(f, &trouble); /* a cut file, a wrong checksum */
	if (trouble != Z_OK && trouble != Z_STREAM_END)
		return fail(why, ERR_IO, "%s: broken compression", path);
	if (a->n == 0)
		return fail(why, ERR_INVALID, "%s: no arrivals", path);
	return OK;
}

enum err
arrivals_trace(
    struct arrivals *a, const char *path, double speed, struct errmsg *why)
{
	gzFile f = gzopen(path, "rb");
	enum err rc;

	*a = (struct arrivals){ .speed = speed };
	if (f == NULL)
		return fail(why, ERR_IO, "%s: cannot be read", path);
	rc = read_rows(a, f, path, why);
	gzclose(f);
	if (rc != OK)
		arrivals_fini(a);
	else
		arrivals_step(a);
	return rc;
}

void
arrivals_fini(struct arrivals *a)
{
	free(a->rows);
	a->rows = NULL;
	a->n = 0;
}
