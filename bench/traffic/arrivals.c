/* bench/traffic/arrivals.c - random arrivals and traces. See arrivals.h. */
#include "bench/traffic/arrivals.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "gateway/lib/slice.h"

#define LINE_MAX_BYTES 1024
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
		a->clock += rng_exponential(&a->rng, a->mean);
	a->next = (struct arrival){ .due = (usec)a->clock };
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

/* The whole of what it is filled from: rows, and who is named in them. */
struct reading {
	struct arrivals *to;
	size_t cap, cap_askers; /* rows there is room for */
	struct map known; /* the text of an asker -> its number */
	const char *path;
	int line;
};

static bool
name_asker(struct asker *who, struct slice text)
{
	return slice_next(&text, ',', &who->tenant) &&
	    slice_next(&text, ',', &who->model) &&
	    slice_next(&text, ',', &who->slo) && text.p == NULL;
}

/* False: no memory. */
static bool
add_asker(struct reading *r, const struct asker *who)
{
	struct arrivals *a = r->to;
	struct asker *more = a->askers;

	if (a->n_askers == r->cap_askers) {
		r->cap_askers = r->cap_askers > 0 ? 2 * r->cap_askers : 16;
		more = realloc(more, r->cap_askers * sizeof(*more));
		if (more == NULL)
			return false;
		a->askers = more;
	}
	if (map_put(&r->known, slice_of(who->text),
		(void *)(uintptr_t)(a->n_askers + 1)) != OK)
		return false;
	a->askers[a->n_askers++] = *who;
	return true;
}

/* "Tenant,Model,Class". */
static enum err
read_asker(struct reading *r, struct slice text, unsigned *number)
{
	struct asker who = { .line = r->line };

	*number = (unsigned)(uintptr_t)map_get(&r->known, text);
	if (*number > 0)
		return OK;
	if (!name_asker(&who, text))
		return ERR_SYNTAX;
	who.text = strndup(text.p, text.n);
	if (who.text == NULL || !name_asker(&who, slice_of(who.text)) ||
	    !add_asker(r, &who)) {
		free(who.text);
		return ERR_MEMORY;
	}
	*number = (unsigned)r->to->n_askers;
	return OK;
}

static enum err
read_row(struct reading *r, struct slice line, struct arrival *out)
{
	struct slice at, prompt, output;
	uint64_t n[2];

	*out = (struct arrival){ .due = 0 };
	if (!slice_next(&line, ',', &at) || !slice_next(&line, ',', &prompt) ||
	    !slice_next(&line, ',', &output) || !read_time(at, &out->due) ||
	    !slice_u64(prompt, &n[0]) || !slice_u64(output, &n[1]) ||
	    n[0] > 1u << 24 || n[1] > 1u << 24)
		return ERR_SYNTAX;
	out->prompt = (unsigned)n[0];
	out->output = (unsigned)n[1];
	return line.p != NULL ? read_asker(r, line, &out->asker) : OK;
}

static bool
add_row(struct reading *r, const struct arrival *row)
{
	struct arrivals *a = r->to;
	struct arrival *more;

	if (a->n == r->cap) {
		r->cap = r->cap > 0 ? 2 * r->cap : 4096;
		more = realloc(a->rows, r->cap * sizeof(*more));
		if (more == NULL)
			return false;
		a->rows = more;
	}
	a->rows[a->n++] = *row;
	return true;
}

/* In the order of the file, which must be that of time. */
static enum err
check_gap(const struct reading *r, usec gap, struct errmsg *why)
{
	double speed = r->to->speed;

	if (gap < 0)
		return fail(why, ERR_INVALID,
		    "%s:%d: earlier than the line before", r->path, r->line);
	if ((double)gap / speed > (double)GAP_MAX)
		return fail(why, ERR_INVALID,
		    "%s:%d: want at most 24 hours after the line before, got "
		    "%.6g at --speed %g",
		    r->path, r->line, (double)gap / speed / (3600.0 * USEC_SEC),
		    speed);
	return OK;
}

static enum err
take_line(struct reading *r, struct slice line, usec *zero, struct errmsg *why)
{
	const struct arrivals *a = r->to;
	struct arrival row;
	enum err rc = read_row(r, line, &row);

	if (rc == ERR_SYNTAX)
		return fail(why, rc,
		    "%s:%d: want TIMESTAMP,ContextTokens,GeneratedTokens, and "
		    "then no more or Tenant,Model,Class",
		    r->path, r->line);
	if (rc == OK && a->n == 0)
		*zero = row.due;
	row.due -= *zero;
	if (rc == OK && a->n > 0)
		rc = check_gap(r, row.due - a->rows[a->n - 1].due, why);
	if (rc == ERR_MEMORY || (rc == OK && !add_row(r, &row)))
		return fail(why, ERR_MEMORY, "out of memory");
	return rc;
}

static enum err
read_rows(struct reading *r, gzFile f, struct errmsg *why)
{
	char text[LINE_MAX_BYTES];
	usec zero = 0;
	enum err rc = OK;
	int trouble;

	while (rc == OK && gzgets(f, text, sizeof(text)) != NULL) {
		struct slice line = slice_trim(slice_of(text));

		if (++r->line > 1 || !slice_starts(line, SLICE("TIMESTAMP")))
			rc = take_line(r, line, &zero, why);
	}
	if (rc != OK)
		return rc;
	gzerror(f, &trouble); /* a cut file, a wrong checksum */
	if (trouble != Z_OK && trouble != Z_STREAM_END)
		return fail(why, ERR_IO, "%s: broken compression", r->path);
	if (r->to->n == 0)
		return fail(why, ERR_INVALID, "%s: no arrivals", r->path);
	return OK;
}

enum err
arrivals_trace(
    struct arrivals *a, const char *path, double speed, struct errmsg *why)
{
	struct reading r = { .to = a, .path = path };
	gzFile f = gzopen(path, "rb");
	enum err rc;

	*a = (struct arrivals){ .speed = speed };
	if (f == NULL)
		return fail(why, ERR_IO, "%s: cannot be read", path);
	map_init(&r.known);
	rc = read_rows(&r, f, why);
	map_fini(&r.known);
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
	for (size_t i = 0; i < a->n_askers; i++)
		free(a->askers[i].text);
	free(a->askers);
	free(a->rows);
	a->askers = NULL;
	a->rows = NULL;
	a->n_askers = a->n = 0;
}
