/* gateway/conf/suggest.c - "did you mean": the nearest of many names. */
#include "gateway/conf/suggest.h"

#include <ctype.h>

static bool
same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: three rows of the table are enough. */
size_t
suggest_distance(struct slice a, struct slice b)
{
	size_t rows[3][SUGGEST_MAX + 1], *before, *last = rows[0], *row;

	if (a.n > SUGGEST_MAX || b.n > SUGGEST_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		last[j] = j;
	before = last;
	for (size_t i = 1; i <= a.n; i++) {
		row = rows[i % 3];
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			row[j] = least(last[j], row[j - 1]) + 1;
			row[j] = least(row[j],
			    last[j - 1] + !same(a.p[i - 1], b.p[j - 1]));
			if (i > 1 && j > 1 && same(a.p[i - 1], b.p[j - 2]) &&
			    same(a.p[i - 2], b.p[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
	}
	return last[b.n];
}

void
suggest_init(struct suggest *s, struct slice word)
{
	/* A third of the letters wrong is a typing error; more is another
	 * word. */
	*s = (struct suggest){ .word = word, .distance = word.n / 3 + 2 };
}

void
suggest_offer(struct suggest *s, const char *candidate)
{
	size_t d;

	if (candidate == NULL)
		return;
	d = suggest_distance(s->word, slice_of(candidate));
	if (d >= s->distance)
		return;
	s->best = candidate;
	s->distance = d;
}
