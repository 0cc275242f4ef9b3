/* gateway/telemetry/expose_test.c - what the page tells a Prometheus. */

#include "gateway/telemetry/expose_testing.h"

static bool
has_line(const char *text, const char *line)
{
	const char *at = text;
	size_t n = strlen(line);

	while ((at = strstr(at, line)) != NULL) {
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return true;
		at++;
	}
	return false;
}

static void
assert_lines(const char *text, const char *const *lines)
{
	for (; *lines != NULL; lines++)
		if (!has_line(text, *lines))
			fail_msg("no line %s in:\n%s", *lines, text);
}

static void
requests_are_counted_by_what_became_of_them(void **state)
{
	const struct outcome o[] = { outcome_good(), outcome_good(),
		outcome_refused(401) };
	static const char *const want[] = {
		"# TYPE pointsman_requests_total counter",
		"pointsman_requests_total{model=\"gemma\",tenant=\"acme\","
		"slo=\"voice\",code=\"200\",result=\"ok\"} 2",
		"pointsman_requests_total{model=\"gemma\",tenant=\"acme\","
		"slo=\"voice\",code=\"401\",result=\"refused\"} 1",
		"pointsman_slo_met_total{tenant=\"acme\",slo=\"voice\"} 2",
		"pointsman_slo_missed_total{tenant=\"acme\",slo=\"voice\"} 0",
		"pointsman_tokens_total{model=\"gemma\",tenant=\"acme\","
		"type=\"input\",source=\"reported\"} 200",
		"pointsman_cost_usd_total{model=\"gemma\",tenant=\"acme\"} 0.5",
		"pointsman_cost_unknown_total{model=\"gemma\","
		"tenant=\"acme\",result=\"ok\"} 0",
		"pointsman_client_bytes_total{model=\"gemma\",tenant=\"acme\","
		"direction=\"out\"} 12000",
		NULL
	};
	char *text = page_of(o, 3, NULL, 0);

	(void)state;
	assert_lines(text, want);
	free(text);
}

static void
estimated_tokens_are_kept_apart(void **state)
{
	struct outcome o = outcome_good();
	static const char *const want[] = {
		"pointsman_tokens_total{model=\"gemma\",tenant=\"acme\","
		"type=\"output\",source=\"estimated\"} 50",
		NULL
	};
	char *text;

	(void)state;
	o.usage.known = false;
	text = page_of(&o, 1, NULL, 0);
	assert_lines(text, want);
	assert_null(strstr(text, "reported\"}"));
	assert_null(strstr(text, "gen_ai_client_token_usage"));
	free(text);
}

static void
a_missed_slo_and_a_client_gone_are_seen(void **state)
{
	struct outcome o = outcome_good();
	static const char *const want[] = {
		"pointsman_slo_met_total{tenant=\"acme\",slo=\"voice\"} 0",
		"pointsman_slo_missed_total{tenant=\"acme\",slo=\"voice\"} 1",
		"pointsman_requests_total{model=\"gemma\",tenant=\"acme\","
		"slo=\"voice\",code=\"none\",result=\"client_gone\"} 1",
		NULL
	};
	char *text;

	(void)state;
	o.slo_met = false;
	o.result = RESULT_CLIENT_GONE;
	o.status = 0;
	text = page_of(&o, 1, NULL, 0);
	assert_lines(text, want);
	free(text);
}

static void
gen_ai_names_are_those_of_the_conventions(void **state)
{
	const struct outcome o[] = { outcome_good(),
		outcome_after(FAULT_RESET) };
	static const char *const want[] = {
		"# TYPE gen_ai_server_time_to_first_token_seconds histogram",
		"gen_ai_server_time_to_first_token_seconds_bucket{"
		"gen_ai_operation_name=\"chat\","
		"gen_ai_request_model=\"gemma\",le=\"0.06\"} 0",
		"gen_ai_server_time_to_first_token_seconds_bucket{"
		"gen_ai_operation_name=\"chat\","
		"gen_ai_request_model=\"gemma\",le=\"0.08\"} 2",
		"gen_ai_server_time_to_first_token_seconds_sum{"
		"gen_ai_operation_name=\"chat\","
		"gen_ai_request_model=\"gemma\"} 0.16",
		"gen_ai_server_request_duration_seconds_count{"
		"gen_ai_operation_name=\"chat\","
		"gen_ai_request_model=\"gemma\"} 2",
		"gen_ai_server_time_per_output_token_seconds_bucket{"
		"gen_ai_operation_name=\"chat\","
		"gen_ai_request_model=\"gemma\",le=\"+Inf\"} 2",
		"gen_ai_client_operation_duration_seconds_count{"
		"gen_ai_operation_name=\"chat\","
		"gen_ai_provider_name=\"cerebras\","
		"gen_ai_request_model=\"gemma-4-31b\",model=\"gemma\","
		"backend=\"cerebras\"} 2",
		"gen_ai_client_operation_duration_seconds_count{"
		"gen_ai_operation_name=\"chat\","
		"gen_ai_provider_name=\"vllm\","
		"gen_ai_request_model=\"google/gemma\",model=\"gemma\","
		"backend=\"gpu\",error_type=\"reset\"} 1",
		"gen_ai_client_token_usage_sum{gen_ai_operation_name=\"chat\","
		"gen_ai_provider_name=\"cerebras\","
		"gen_ai_request_model=\"gemma-4-31b\",model=\"gemma\","
		"backend=\"cerebras\",gen_ai_token_type=\"input\"} 200",
		"gen_ai_client_token_usage_bucket{"
		"gen_ai_operation_name=\"chat\","
		"gen_ai_provider_name=\"cerebras\","
		"gen_ai_request_model=\"gemma-4-31b\",model=\"gemma\","
		"backend=\"cerebras\",gen_ai_token_type=\"output\","
		"le=\"67108864\"} 2",
		NULL
	};
	char *text = page_of(o, 2, NULL, 0);

	(void)state;
	assert_lines(text, want);
	free(text);
}

static void
a_whole_json_answer_has_no_first_token(void **state)
{
	struct outcome o = outcome_good();
	char *text;

	(void)state;
	o.stream = false;
	text = page_of(&o, 1, NULL, 0);
	assert_null(strstr(text, "gen_ai_server_time_to_first_token"));
	free(text);
}

static void
tenants_are_summed_where_they_are_no_label(void **state)
{
	struct outcome o[] = { outcome_good(), outcome_good(), outcome_good() };
	static const char *const want[] = {
		"gen_ai_server_request_duration_seconds_count{"
		"gen_ai_operation_name=\"chat\","
		"gen_ai_request_model=\"gemma\"} 2",
		"gen_ai_server_request_duration_seconds_count{"
		"gen_ai_operation_name=\"embeddings\","
		"gen_ai_request_model=\"gemma\"} 1",
		"pointsman_slo_met_total{tenant=\"acme\",slo=\"batch\"} 1",
		"pointsman_slo_met_total{tenant=\"other co\",slo=\"voice\"} 1",
		NULL
	};
	char *text;

	(void)state;
	o[1].tenant = "other co";
	o[2].slo = "batch";
	o[2].dialect = DIALECT_EMBEDDINGS;
	text = page_of(o, 3, NULL, 0);
	assert_lines(text, want);
	free(text);
}

static void
quantiles_are_of_the_last_minute(void **state)
{
	const struct outcome o = outcome_good();
	static const char *const want[] = {
		"# TYPE pointsman_latency_seconds summary",
		"pointsman_latency_seconds_count{model=\"gemma\","
		"backend=\"cerebras\",upstream=\"gemma-4-31b\","
		"phase=\"ttft\"} 1",
		"pointsman_latency_seconds_sum{model=\"gemma\","
		"backend=\"cerebras\",upstream=\"gemma-4-31b\","
		"phase=\"ttft\"} 0.079",
		NULL
	};
	static const char quantile[] =
	    "pointsman_latency_seconds{model=\"gemma\",backend=\"cerebras\","
	    "upstream=\"gemma-4-31b\",phase=\"ttft\",quantile=\"0.99\"} 0.07";
	struct telemetry *t = telemetry_of(&o, 1);
	struct buf b;

	(void)state;
	buf_init(&b, PAGE_MAX);
	telemetry_expose(t, &gauges, NULL, 0, NOW, &b);
	buf_add_char(&b, '\0');
	assert_lines(b.p, want);
	assert_non_null(strstr(b.p, quantile));

	buf_reset(&b);
	telemetry_expose(t, &gauges, NULL, 0, NOW + 90 * USEC_SEC, &b);
	buf_add_char(&b, '\0');
	assert_lines(b.p, want);
	assert_null(strstr(b.p, "quantile="));
	buf_fini(&b);
	telemetry_free(&t);
}

static void
what_is_not_known_is_left_out(void **state)
{
	const struct telemetry_serving now[] = {
		{ .serving = 1,
		    .in_flight = 4,
		    .usable = true,
		    .warm = true,
		    .load = { .has = LOAD_WAITING | LOAD_LIMIT_TOKENS,
			.running = 9,
			.left_tokens = 5000,
			.reset_tokens = 1500 * USEC_MS } },
		{ .serving = 2, .breaker = 1 },
		{ .serving = 77, .in_flight = 1 },
	};
	static const char *const want[] = {
		"pointsman_in_flight{model=\"gemma\",backend=\"cerebras\","
		"upstream=\"gemma-4-31b\"} 4",
		"pointsman_breaker_state{model=\"gemma\",backend=\"gpu\","
		"upstream=\"google/gemma\"} 1",
		"pointsman_serving_usable{model=\"gemma\",backend=\"gpu\","
		"upstream=\"google/gemma\"} 0",
		"pointsman_backend_waiting{model=\"gemma\","
		"backend=\"cerebras\",upstream=\"gemma-4-31b\"} 0",
		"pointsman_rate_limit_remaining{model=\"gemma\","
		"backend=\"cerebras\",upstream=\"gemma-4-31b\","
		"limit=\"tokens\"} 5000",
		"pointsman_rate_limit_reset_seconds{model=\"gemma\","
		"backend=\"cerebras\",upstream=\"gemma-4-31b\","
		"limit=\"tokens\"} 1.5",
		"pointsman_serving_info{model=\"gemma\",backend=\"cerebras\","
		"upstream=\"gemma-4-31b\",adapter=\"cerebras\","
		"region=\"us\"} 1",
		"pointsman_serving_info{model=\"gemma\",backend=\"gpu\","
		"upstream=\"google/gemma\",adapter=\"vllm\"} 1",
		NULL
	};
	char *text = page_of(NULL, 0, now, 3);

	(void)state;
	assert_lines(text, want);
	assert_null(strstr(text, "pointsman_backend_running"));
	assert_null(strstr(text, "limit=\"requests\""));
	assert_null(strstr(text, "pointsman_attempts_total"));
	assert_null(strstr(text, "pointsman_hedges_total"));
	free(text);
}

static void
the_process_shows_itself(void **state)
{
	static const char *const want[] = { "pointsman_open_requests 3",
		"pointsman_open_connections 5", "pointsman_queue_length 1",
		"pointsman_upstream_transfers 2",
		"pointsman_upstream_connections_total 17",
		"pointsman_request_bodies_bytes 4096",
		"pointsman_memory_limit_bytes 14",
		"pointsman_memory_shed_total 15",
		"pointsman_heartbeats_total 14",
		"pointsman_busy_poll_seconds_total 2.5",
		"pointsman_idempotent_answers 9",
		"pointsman_idempotent_answers_bytes 10",
		"pointsman_idempotent_replays_total 11",
		"pointsman_idempotent_conflicts_total 12",
		"pointsman_idempotent_evicted_total 13",
		"pointsman_access_log_dropped_total 6",
		"pointsman_log_dropped_total 8", "pointsman_config_version 2",
		"pointsman_shared_limits_up 1",
		"pointsman_shared_limits_told_total 18",
		"pointsman_shared_limits_lost_total 19",
		"pointsman_traces_sent_total 16",
		"pointsman_traces_dropped_total 17",
		"pointsman_certificate_expiry_timestamp_seconds 1795000000",
		"pointsman_uptime_seconds 1.5",
		"pointsman_build_info{version=\"" POINTSMAN_VERSION "\"} 1",
		NULL };
	static const char *const some[] = { "\nprocess_resident_memory_bytes ",
		"\nprocess_virtual_memory_bytes ",
		"\nprocess_cpu_seconds_total ", "\nprocess_open_fds ",
		"\nprocess_max_fds " };
	char *text = page_of(NULL, 0, NULL, 0), *at;

	(void)state;
	assert_lines(text, want);
	for (unsigned i = 0; i < 5; i++) {
		at = strstr(text, some[i]);
		assert_non_null(at);
		assert_true(strtod(at + strlen(some[i]), NULL) > 0);
	}
	free(text);
}

static void
a_name_cannot_forge_a_sample(void **state)
{
	struct outcome o = outcome_good();
	static const char *const want[] = {
		"pointsman_retries_total{model=\"a\\\"} 1\\n\\\\b?c?\"} 0", NULL
	};
	char *text;

	(void)state;
	o.model = "a\"} 1\n\\b\001c\377";
	text = page_of(&o, 1, NULL, 0);
	assert_lines(text, want);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_counted_by_what_became_of_them),
		cmocka_unit_test(estimated_tokens_are_kept_apart),
		cmocka_unit_test(a_missed_slo_and_a_client_gone_are_seen),
		cmocka_unit_test(gen_ai_names_are_those_of_the_conventions),
		cmocka_unit_test(a_whole_json_answer_has_no_first_token),
		cmocka_unit_test(tenants_are_summed_where_they_are_no_label),
		cmocka_unit_test(quantiles_are_of_the_last_minute),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(the_process_shows_itself),
		cmocka_unit_test(a_name_cannot_forge_a_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
