/* backends/anthropic.c - Anthropic's own API.
 *
 * Chat goes to what it has for OpenAI's SDKs, at the same base URL. */
#include "backends/adapters.h"
#include "gateway/lib/count.h"

/* What is left of its limits has names of its own, and when there will be more
 * is a date. */
void
anthropic_read_header(
    struct slice name, struct slice value, struct answer_head *h)
{
	static const struct {
		const char *name, *as;
	} limits[] = {
		{ "anthropic-ratelimit-requests-remaining",
		    "x-ratelimit-remaining-requests" },
		{ "anthropic-ratelimit-requests-reset",
		    "x-ratelimit-reset-requests" },
		{ "anthropic-ratelimit-tokens-remaining",
		    "x-ratelimit-remaining-tokens" },
		{ "anthropic-ratelimit-tokens-reset",
		    "x-ratelimit-reset-tokens" },
	};

	for (size_t i = 0; i < COUNT(limits); i++)
		if (slice_iis(name, limits[i].name))
			name = slice_of(limits[i].as);
	openai_read_header(name, value, h);
}
