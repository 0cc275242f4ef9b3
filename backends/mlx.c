/* backends/mlx.c - mlx-lm's server, which tells only that it lives. */
#include "backends/probe.h"

bool
mlx_probe(enum probe_kind kind, const struct conf_backend *b,
    struct probe_request *out)
{
	static const struct probe_paths paths = { "/health", NULL };

	(void)b;
	return probe_at(&paths, kind, out);
}
