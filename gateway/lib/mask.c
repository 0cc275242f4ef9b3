/* gateway/lib/mask.c - takes a secret out of what somebody else has said.
 *
 * Looked for in all of the text, not in what fits: a cut leaves no half of a
 * secret. */
#include "gateway/lib/mask.h"

#include <string.h>

#define MASK SLICE("***")

static size_t
copy(char *to, size_t cap, struct slice text, struct slice s)
{
	size_t n = 0, i = 0, piece;

	while (i < text.n && n + 1 < cap) {
		if (s.n < MASK_MIN || text.n - i < s.n ||
		    memcmp(text.p + i, s.p, s.n) != 0) {
			to[n++] = text.p[i++];
			continue;
		}
		piece = MASK.n < cap - 1 - n ? MASK.n : cap - 1 - n;
		memcpy(to + n, MASK.p, piece);
		n += piece;
		i += s.n;
	}
	to[n] = '\0';
	return n;
}

size_t
mask_copy(char *to, size_t cap, struct slice text, const char *secret)
{
	return copy(to, cap, text, slice_of(secret));
}

bool
mask_finds(const char *text, const char *secret)
{
	return slice_of(secret).n >= MASK_MIN && strstr(text, secret) != NULL;
}

void
mask_text(char *text, const char *secret)
{
	if (text != NULL)
		mask_copy(text, strlen(text) + 1, slice_of(text), secret);
}

void
mask_headers(char *text, struct slice lines)
{
	struct slice line, word;
	ptrdiff_t before;

	while (slice_next(&lines, '\n', &line)) {
		word = slice_trim(line);
		before = slice_rfind(word, ' ');
		if (before < 0)
			before = slice_rfind(word, ':');
		word = slice_make(
		    word.p + before + 1, word.n - (size_t)(before + 1));
		copy(text, strlen(text) + 1, slice_of(text), word);
	}
}
