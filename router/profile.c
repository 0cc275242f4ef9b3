/* router/profile.c - how fast a serving is, as physics would have it. */
#include "router/profile.h"

#include <string.h>

#include "gateway/lib/count.h"

#define SIGMA_TOLD 0.5 /* the operator or the hardware's name told us */
#define SIGMA_GUESSED 1.0

/* Orders of magnitude of servings seen in 2025, for a model of some tens of
 * billions of parameters (cpu: of a billion); milliseconds matter less than
 * which is faster. */
static const struct {
	const char *hardware;
	struct profile profile;
} kinds[] = {
	{ "wafer", { 60000, 500, 5, 2 } },
	{ "lpu", { 60000, 1800, 10, 8 } },
	{ "gpu", { 30000, 12000, 150, 50 } },
	{ "cpu", { 2000, 30000, 4000, 1000 } },
};

static struct profile
profile_of_kind(const char *hardware, double *sigma)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].hardware, hardware) == 0) {
			*sigma = SIGMA_TOLD;
			return kinds[i].profile;
		}
	*sigma = SIGMA_GUESSED;
	return profile_of_kind("gpu", &(double){ 0 });
}

struct profile
profile_of(const struct conf_backend *b, double *sigma)
{
	const struct conf_profile *told = &b->profile;
	struct profile p = profile_of_kind(b->hardware, sigma);

	if (told->rtt > 0)
		p.rtt = (double)told->rtt;
	if (told->step > 0) {
		p.step = (double)told->step;
		*sigma = SIGMA_TOLD;
	}
	if (told->per_sequence > 0)
		p.per_sequence = (double)told->per_sequence;
	if (told->per_token > 0)
		p.per_token = told->per_token;
	return p;
}
