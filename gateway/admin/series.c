/* gateway/admin/series.c - rings of numbers over time. */
#include "gateway/admin/series.h"

#include <math.h>
#include <stdlib.h>

struct series {
	uint32_t id;
	uint64_t written; /* the last step in which it was */
	char *names[SERIES_LABELS];
	float values[]; /* by column, then by step modulo */
};

struct series_set {
	const struct series_column *columns;
	size_t n_columns;
	const char *labels[SERIES_LABELS];
	uint64_t step; /* the current one */
	size_t n, max;
	struct series *list[];
};

struct series_set *
series_new(const struct series_column *columns,
    const char *const labels[SERIES_LABELS], size_t max)
{
	struct series_set *s =
	    calloc(1, sizeof(*s) + max * sizeof(struct series *));

	if (s == NULL)
		return NULL;
	s->columns = columns;
	while (columns[s->n_columns].name != NULL)
		s->n_columns++;
	for (size_t i = 0; i < SERIES_LABELS; i++)
		s->labels[i] = labels[i];
	s->max = max;
	return s;
}

static void
one_free(struct series *one)
{
	for (size_t i = 0; i < SERIES_LABELS; i++)
		free(one->names[i]);
	free(one);
}

void
series_free(struct series_set **sp)
{
	struct series_set *s = *sp;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		one_free(s->list[i]);
	free(s);
	*sp = NULL;
}

static float *
column_of(struct series *one, size_t column)
{
	return &one->values[column * SERIES_STEPS];
}

/* --- writing --- */

static void
clear_step(const struct series_set *s, struct series *one)
{
	for (size_t i = 0; i < s->n_columns; i++)
		column_of(one, i)[s->step % SERIES_STEPS] = NAN;
}

void
series_turn(struct series_set *s)
{
	s->step++;
	for (size_t i = 0; i < s->n; i++)
		clear_step(s, s->list[i]);
}

static bool
name_it(struct series *one, const char *const names[SERIES_LABELS])
{
	for (size_t i = 0; i < SERIES_LABELS; i++) {
		if (names[i] == NULL)
			continue;
		one->names[i] = slice_dup(slice_of(names[i]));
		if (one->names[i] == NULL)
			return false;
	}
	return true;
}

static struct series *
one_new(const struct series_set *s, uint32_t id,
    const char *const names[SERIES_LABELS])
{
	size_t n = s->n_columns * SERIES_STEPS;
	struct series *one = calloc(1, sizeof(*one) + n * sizeof(float));

	if (one == NULL)
		return NULL;
	one->id = id;
	for (size_t i = 0; i < n; i++)
		one->values[i] = NAN;
	if (name_it(one, names))
		return one;
	one_free(one);
	return NULL;
}

/* A free place, else that of the one that has been silent longest; NULL: none
 * has been for long enough. */
static struct series **
find_place(struct series_set *s)
{
	struct series **oldest = s->list;

	if (s->n < s->max)
		return &s->list[s->n++];
	for (size_t i = 1; i < s->n; i++)
		if (s->list[i]->written < (*oldest)->written)
			oldest = &s->list[i];
	return s->step - (*oldest)->written >= SERIES_REST ? oldest : NULL;
}

static struct series *
find(const struct series_set *s, uint32_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i]->id == id)
			return s->list[i];
	return NULL;
}

static struct series *
make(struct series_set *s, uint32_t id, const char *const names[SERIES_LABELS])
{
	struct series *one = one_new(s, id, names), **place;

	if (one == NULL)
		return NULL;
	place = find_place(s);
	if (place == NULL) {
		one_free(one);
		return NULL;
	}
	if (*place != NULL)
		one_free(*place);
	*place = one;
	return one;
}

bool
series_write(struct series_set *s, uint32_t id,
    const char *const names[SERIES_LABELS], const float *values)
{
	struct series *one = find(s, id);

	if (one == NULL)
		one = make(s, id, names);
	if (one == NULL)
		return false;
	one->written = s->step;
	for (size_t i = 0; i < s->n_columns; i++)
		column_of(one, i)[s->step % SERIES_STEPS] = values[i];
	return true;
}

/* --- reading --- */

unsigned
series_sum(const struct series_set *s, uint32_t id, unsigned column,
    unsigned back, unsigned n, double *sum)
{
	struct series *one = find(s, id);
	unsigned known = 0;
	float v;

	*sum = 0;
	for (unsigned i = back; one != NULL && i < back + n; i++) {
		if (i >= SERIES_STEPS || i > s->step)
			break;
		v = column_of(one, column)[(s->step - i) % SERIES_STEPS];
		if (isnan(v))
			continue;
		*sum += (double)v;
		known++;
	}
	return known;
}

static void
render_value(const struct series_column *c, float v, struct buf *out)
{
	if (isnan(v))
		buf_add_str(out, "null");
	else if (c->words != NULL)
		buf_addf(out, "\"%s\"", c->words[(size_t)v]);
	else
		/* whole numbers in full, others as far as they are known */
		buf_addf(out, v == rintf(v) ? "%.0f" : "%.6g", (double)v);
}

static void
render_column(const struct series_set *s, struct series *one, size_t column,
    unsigned n, struct buf *out)
{
	const struct series_column *c = &s->columns[column];
	const float *values = column_of(one, column);

	buf_addf(out, "%s\"%s\":[", column > 0 ? "," : "", c->name);
	for (unsigned i = n; i-- > 0;) {
		render_value(c, values[(s->step - i) % SERIES_STEPS], out);
		if (i > 0)
			buf_add_char(out, ',');
	}
	buf_add_char(out, ']');
}

static void
render_one(
    const struct series_set *s, struct series *one, unsigned n, struct buf *out)
{
	buf_addf(out, "{\"key\":\"%u\"", one->id);
	for (size_t i = 0; i < SERIES_LABELS; i++) {
		if (one->names[i] == NULL)
			continue;
		buf_addf(out, ",\"%s\":", s->labels[i]);
		buf_add_json(out, slice_of(one->names[i]));
	}
	buf_add_str(out, ",\"steps\":{");
	for (size_t i = 0; i < s->n_columns; i++)
		render_column(s, one, i, n, out);
	buf_add_str(out, "}}");
}

void
series_render(const struct series_set *s, unsigned n, struct buf *out)
{
	const char *comma = "";

	buf_add_char(out, '[');
	for (size_t i = 0; i < s->n; i++) {
		if (s->step - s->list[i]->written >= n)
			continue;
		buf_add_str(out, comma);
		render_one(s, s->list[i], n, out);
		comma = ",";
	}
	buf_add_char(out, ']');
}
