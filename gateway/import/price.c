/* gateway/import/price.c - what a deployment costs. */
#include "gateway/import/inner.h"
#include "gateway/lib/count.h"

#define MILLION 1e6
#define MINUTE 60.0 /* seconds */
#define PRICE_MAX 1e6 /* as in gateway.conf */

static const struct {
	const char *key, *ours;
	const char *unit;
	double times; /* of ours in theirs */
} rows[IM_PRICE_COUNT] = {
	[IM_PRICE_INPUT] = { "input_cost_per_token", "input", "token",
	    MILLION },
	[IM_PRICE_OUTPUT] = { "output_cost_per_token", "output", "token",
	    MILLION },
	[IM_PRICE_CACHED] = { "cache_read_input_token_cost", "cached", "token",
	    MILLION },
	[IM_PRICE_CACHE_WRITE] = { "cache_creation_input_token_cost",
	    "cache_write", "token", MILLION },
	[IM_PRICE_REQUEST] = { "input_cost_per_query", "request", "query", 1 },
	[IM_PRICE_IMAGE] = { "output_cost_per_image", "image", "image", 1 },
	[IM_PRICE_CHARACTERS] = { "input_cost_per_character", "characters",
	    "character", MILLION },
	[IM_PRICE_MINUTE] = { "input_cost_per_second", "minute", "second",
	    MINUTE },
};

static double
read_one(struct import *im, const yaml_node_t *map, const char *path,
    enum im_price i, unsigned caps)
{
	const yaml_node_t *at = yaml_member(im->doc, map, rows[i].key);
	double v, most = PRICE_MAX / rows[i].times;

	if (!find_number(im, map, path, rows[i].key, &v))
		return -1;
	if (i == IM_PRICE_MINUTE && (caps & CAP_TRANSCRIPTION) == 0)
		note(im, at, path,
		    "%s: of the time that an answer takes; only that of sound "
		    "which is transcribed has a price",
		    rows[i].key);
	else if (v <= most)
		return v * rows[i].times;
	else
		note(im, at, path,
		    "%s: want the price of one %s, at most %g USD, got %g",
		    rows[i].key, rows[i].unit, most, v);
	return -1;
}

/* It gives vectors, ranks or verdicts: no price of tokens that come out is one
 * of nothing, not an unknown one. */
static bool
gives_no_tokens(const struct im_serving *s)
{
	const unsigned none = CAP_EMBEDDINGS | CAP_RERANK | CAP_MODERATION;

	return s->caps != 0 && (s->caps & ~none) == 0;
}

void
read_price(struct import *im, const yaml_node_t *params,
    const yaml_node_t *info, const char *path, struct im_serving *s)
{
	for (enum im_price i = 0; i < IM_PRICE_COUNT; i++) {
		bool own = yaml_member(im->doc, params, rows[i].key) != NULL;

		s->price[i] =
		    read_one(im, own ? params : info, path, i, s->caps);
	}
	if (s->price[IM_PRICE_INPUT] >= 0 && s->price[IM_PRICE_OUTPUT] < 0 &&
	    gives_no_tokens(s))
		s->price[IM_PRICE_OUTPUT] = 0;
}

/* Nothing has a price for its cache alone. */
void
write_price(struct buf *b, const struct im_serving *s)
{
	bool any = false;

	for (size_t i = 0; i < COUNT(rows); i++)
		any |= i != IM_PRICE_CACHED && i != IM_PRICE_CACHE_WRITE &&
		    s->price[i] >= 0;
	if (!any)
		return;
	buf_add_str(b, " price = {");
	for (size_t i = 0; i < COUNT(rows); i++)
		if (s->price[i] >= 0)
			buf_addf(b, " %s = %.9g;", rows[i].ours, s->price[i]);
	buf_add_str(b, " };");
}
