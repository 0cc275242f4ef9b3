/* gateway/quoted.c - see quoted.h. */
#include "gateway/quoted.h"

#include <string.h>

#include "gateway/lib/map.h"

#define WORD_MIN 3 /* of an id, bytes */
#define WORD_MAX 128

static bool
is_punctuation(char c)
{
	return strchr(" \t\r\n.,:;!?'\"`()[]{}<>/\\", c) != NULL;
}

/* Cuts a word off the front of *rest; an empty one stands between two marks. */
static struct slice
take_word(struct slice *rest)
{
	size_t n = 0;
	struct slice word;

	while (n < rest->n && !is_punctuation(rest->p[n]))
		n++;
	word = slice_make(rest->p, n);
	n += n < rest->n;
	*rest = slice_make(rest->p + n, rest->n - n);
	return word;
}

static bool
is_id(struct slice word)
{
	bool letter = false, other = false;

	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];

		letter |= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		other |= (c >= '0' && c <= '9') || c == '_' || c == '-';
	}
	return letter && other && word.n >= WORD_MIN && word.n <= WORD_MAX;
}

/* What stands between a quotation mark and the next, be it a string or what is
 * between two: that has a comma or a colon in it, which no word has. */
static bool
has_string_of(struct slice body, const struct map *words)
{
	ptrdiff_t at = slice_find(body, '"');

	while (at >= 0) {
		body = slice_make(body.p + at + 1, body.n - (size_t)at - 1);
		at = slice_find(body, '"');
		if (at >= WORD_MIN && at <= WORD_MAX &&
		    map_get(words, slice_make(body.p, (size_t)at)) != NULL)
			return true;
	}
	return false;
}

bool
quoted_id(struct slice said, struct slice body, struct slice but)
{
	enum err rc = OK;
	struct map words;
	struct slice word;
	bool found;

	map_init(&words);
	while (rc == OK && said.n > 0) {
		word = take_word(&said);
		if (is_id(word) && !slice_eq(word, but))
			rc = map_put(&words, word, &words);
	}
	found = rc == OK && words.n > 0 && has_string_of(body, &words);
	map_fini(&words);
	return found;
}
