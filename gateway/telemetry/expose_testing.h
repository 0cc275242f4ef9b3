/* gateway/telemetry/expose_testing.h - for the tests of the metrics' page: one
 * that is made of a few outcomes. */
#ifndef GATEWAY_TELEMETRY_EXPOSE_TESTING_H
#define GATEWAY_TELEMETRY_EXPOSE_TESTING_H

#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/fixture.h"
#include "gateway/telemetry/telemetry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW (500 * USEC_SEC)
#define PAGE_MAX ((size_t)4 << 20)

static const struct telemetry_label servings[] = {
	{ 1, "gemma", "cerebras", "gemma-4-31b", "cerebras", "us" },
	{ 2, "gemma", "gpu", "google/gemma", "vllm", "" },
};

static const struct telemetry_gauges gauges = {
	.requests = 3,
	.connections = 5,
	.queue = 1,
	.transfers = 2,
	.connections_made = 17,
	.body_bytes = 4096,
	.memory_limit = 14,
	.memory_shed = 15,
	.config_version = 2,
	.access_log_dropped = 6,
	.log_dropped = 8,
	.heartbeats = 14,
	.busy_poll = 2500 * USEC_MS,
	.shared_limits = true,
	.shared_limits_up = true,
	.shared_limits_told = 18,
	.shared_limits_lost = 19,
	.certified = 1795000000 * USEC_SEC,
	.traces_sent = 16,
	.traces_dropped = 17,
	.idempotent_answers = 9,
	.idempotent_bytes = 10,
	.idempotent_replays = 11,
	.idempotent_conflicts = 12,
	.idempotent_evicted = 13,
	.uptime = 1500 * USEC_MS,
};

static inline struct telemetry *
telemetry_of(const struct outcome *outcomes, size_t n)
{
	struct telemetry *t = telemetry_new(2);

	assert_non_null(t);
	assert_int_equal(telemetry_configure(t, servings, 2), OK);
	for (size_t i = 0; i < n; i++)
		telemetry_finish(t, i % 2, &outcomes[i], NOW);
	return t;
}

/* The page of some outcomes; the caller frees. */
static inline char *
page_of(const struct outcome *outcomes, size_t n,
    const struct telemetry_serving *now, size_t n_now)
{
	struct telemetry *t = telemetry_of(outcomes, n);
	struct buf b;
	char *text;

	buf_init(&b, PAGE_MAX);
	telemetry_expose(t, &gauges, now, n_now, NOW, &b);
	assert_int_equal(buf_err(&b), OK);
	text = buf_take(&b, NULL);
	assert_non_null(text);
	telemetry_free(&t);
	return text;
}

#endif
