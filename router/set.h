/* router/set.h - sets of small numbers: servings of a model by their place in
 * it, or candidates by theirs.
 *
 * A fixed row of words, so that a set is a plain value that needs no memory of
 * its own. What goes over a set costs a step for each member and one for each
 * word: the words that a small model leaves empty are four compares. */
#ifndef ROUTER_SET_H
#define ROUTER_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/conf/conf.h"

#define SET_WORDS ((CONF_SERVINGS_MAX + 63) / 64)
#define SET_END (64u * SET_WORDS) /* no member is as high */

/* All zeros is empty. */
struct set {
	uint64_t word[SET_WORDS];
};

static inline void
set_add(struct set *s, unsigned i)
{
	s->word[i / 64] |= UINT64_C(1) << i % 64;
}

static inline void
set_drop(struct set *s, unsigned i)
{
	s->word[i / 64] &= ~(UINT64_C(1) << i % 64);
}

static inline bool
set_has(const struct set *s, unsigned i)
{
	return (s->word[i / 64] >> i % 64 & 1) != 0;
}

static inline bool
set_is_empty(const struct set *s)
{
	uint64_t any = 0;

	for (unsigned w = 0; w < SET_WORDS; w++)
		any |= s->word[w];
	return any == 0;
}

static inline bool
set_equal(const struct set *a, const struct set *b)
{
	uint64_t differ = 0;

	for (unsigned w = 0; w < SET_WORDS; w++)
		differ |= a->word[w] ^ b->word[w];
	return differ == 0;
}

static inline unsigned
set_count(const struct set *s)
{
	unsigned n = 0;

	for (unsigned w = 0; w < SET_WORDS; w++)
		n += (unsigned)__builtin_popcountll(s->word[w]);
	return n;
}

/* The least member from `from` on; SET_END: there is none. */
static inline unsigned
set_next(const struct set *s, unsigned from)
{
	unsigned w = from / 64;
	uint64_t rest;

	if (w >= SET_WORDS)
		return SET_END;
	rest = s->word[w] & ~UINT64_C(0) << from % 64;
	while (rest == 0) {
		if (++w == SET_WORDS)
			return SET_END;
		rest = s->word[w];
	}
	return w * 64 + (unsigned)__builtin_ctzll(rest);
}

/* Its members, the least first. The set may lose the present one meanwhile. */
#define SET_EACH(i, s)                                                         \
	for (unsigned i = set_next(s, 0); i < SET_END; i = set_next(s, i + 1))

/* The nth member, from 0; there are more than n. */
static inline unsigned
set_nth(const struct set *s, unsigned n)
{
	unsigned w = 0, in;
	uint64_t rest;

	while (n >= (in = (unsigned)__builtin_popcountll(s->word[w]))) {
		n -= in;
		w++;
	}
	for (rest = s->word[w]; n > 0; n--)
		rest &= rest - 1;
	return w * 64 + (unsigned)__builtin_ctzll(rest);
}

/* 0 to n - 1; n at most SET_END. */
static inline struct set
set_below(unsigned n)
{
	struct set s = { 0 };

	for (unsigned w = 0; w < n / 64; w++)
		s.word[w] = ~UINT64_C(0);
	if (n % 64 > 0)
		s.word[n / 64] = (UINT64_C(1) << n % 64) - 1;
	return s;
}

static inline struct set
set_and(const struct set *a, const struct set *b)
{
	struct set s;

	for (unsigned w = 0; w < SET_WORDS; w++)
		s.word[w] = a->word[w] & b->word[w];
	return s;
}

static inline struct set
set_or(const struct set *a, const struct set *b)
{
	struct set s;

	for (unsigned w = 0; w < SET_WORDS; w++)
		s.word[w] = a->word[w] | b->word[w];
	return s;
}

/* What is in a and not in b. */
static inline struct set
set_minus(const struct set *a, const struct set *b)
{
	struct set s;

	for (unsigned w = 0; w < SET_WORDS; w++)
		s.word[w] = a->word[w] & ~b->word[w];
	return s;
}

#endif
