/* bench/load/prompt.c - bodies of chat completions. */
#include "bench/load/prompt.h"

static const char words[64][4] = { "the", "and", "for", "you", "not", "are",
	"but", "all", "one", "our", "out", "day", "get", "has", "him", "his",
	"how", "man", "new", "now", "old", "see", "two", "way", "who", "boy",
	"did", "its", "let", "put", "say", "she", "too", "use", "car", "sun",
	"sea", "sky", "red", "big", "hot", "ice", "map", "box", "cup", "dog",
	"cat", "ten", "six", "few", "far", "top", "end", "try", "run", "sit",
	"eat", "buy", "pay", "art", "law", "oil", "air", "job" };

static void
add_words(struct buf *b, struct rng *r, unsigned n)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < n; i++) {
		if (i % 5 == 0) /* five words of six bits in each draw */
			bits = rng_u32(r);
		buf_add(b, slice_make(words[bits & 63], 3));
		buf_add_char(b, ' ');
		bits >>= 6;
	}
}

void
prompt_render(const struct prompt_setup *s, struct rng *r, struct buf *b)
{
	buf_add_char(b, '{');
	if (s->model != NULL) {
		buf_add_str(b, "\"model\":");
		buf_add_json(b, slice_of(s->model));
		buf_add_char(b, ',');
	}
	buf_add_str(
	    b, "\"stream\":true,\"stream_options\":{\"include_usage\":true},");
	if (s->max_tokens > 0)
		buf_addf(b, "\"max_tokens\":%u,", s->max_tokens);
	if (s->extra.n > 0) {
		buf_add(b, s->extra);
		buf_add_char(b, ',');
	}
	buf_add_str(b, "\"messages\":[{\"role\":\"user\",\"content\":\"");
	add_words(b, r, s->tokens);
	buf_add_str(b, "\"}]}");
}
