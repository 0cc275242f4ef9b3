/* backends/probe_test.c - what each kind of backend is asked, and what its
 * answers tell of its health, load and models. */
#include <string.h>

#include "backends/backend.h"
#include "backends/prometheus.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct probe_result
answered(
    const char *adapter, enum probe_kind kind, int status, const char *body)
{
	struct probe_result r = { .fault = { .kind = FAULT_NONE } };

	backend_find(slice_of(adapter))
	    ->read_probe(kind, status, slice_of(body), &r);
	return r;
}

static struct load
load_of(const char *adapter, const char *body)
{
	return answered(adapter, PROBE_LOAD, 200, body).load;
}

static void
asks(const char *adapter, enum probe_kind kind, const char *path, bool under)
{
	struct probe_request q;

	assert_true(backend_probe(backend_find(slice_of(adapter)), kind, &q));
	assert_string_equal(q.path, path);
	assert_int_equal(q.under_base, under);
}

static void
asks_not(const char *adapter, enum probe_kind kind)
{
	struct probe_request q;

	assert_false(backend_probe(backend_find(slice_of(adapter)), kind, &q));
}

/* --- questions --- */

static void
every_adapter_lists_its_models(void **state)
{
	size_t n;
	const struct backend_ops *const *all = backend_all(&n);

	for (size_t i = 0; i < n; i++)
		asks(all[i]->name, PROBE_MODELS, "/models", true);
}

static void
metered_apis_are_asked_for_models_only(void **state)
{
	asks("cerebras", PROBE_HEALTH, "/models", true);
	asks_not("cerebras", PROBE_LOAD);
	asks("openai", PROBE_HEALTH, "/models", true);
}

static void
servers_are_asked_at_their_root(void **state)
{
	asks("vllm", PROBE_HEALTH, "/health", false);
	asks("vllm", PROBE_LOAD, "/metrics", false);
	asks("sglang", PROBE_HEALTH, "/health", false);
	asks("llamacpp", PROBE_LOAD, "/metrics", false);
	asks("ollama", PROBE_HEALTH, "/api/version", false);
	asks("ollama", PROBE_LOAD, "/api/ps", false);
	asks("lmstudio", PROBE_LOAD, "/api/v1/models", false);
	asks("mlx", PROBE_HEALTH, "/health", false);
	asks_not("mlx", PROBE_LOAD);
}

/* --- health --- */

static void
health_is_judged_by_status(void **state)
{
	static const struct {
		int status;
		enum fault_kind kind;
	} rows[] = {
		{ 200, FAULT_NONE },
		{ 404, FAULT_NONE },
		{ 401, FAULT_KEY },
		{ 429, FAULT_RATE_LIMITED },
		{ 500, FAULT_SERVER_ERROR },
		{ 503, FAULT_SERVER_ERROR },
	};
	size_t n;
	const struct backend_ops *const *all = backend_all(&n);

	for (size_t a = 0; a < n; a++)
		for (size_t i = 0; i < COUNT(rows); i++)
			assert_int_equal(answered(all[a]->name, PROBE_HEALTH,
					     rows[i].status, "")
					     .fault.kind,
			    rows[i].kind);
}

static void
llamacpp_is_cold_while_it_loads(void **state)
{
	struct probe_result r = answered("llamacpp", PROBE_HEALTH, 503,
	    "{\"error\":{\"code\":503,\"message\":\"Loading model\","
	    "\"type\":\"unavailable_error\"}}");

	assert_int_equal(r.fault.kind, FAULT_LOADING);
	assert_int_equal(r.load.has, LOAD_WARM);
	assert_false(r.load.warm);
	r = answered("llamacpp", PROBE_HEALTH, 200, "{\"status\":\"ok\"}");
	assert_true((r.load.has & LOAD_WARM) != 0 && r.load.warm);
}

static void
what_the_caller_found_stands(void **state)
{
	struct probe_result r = { .fault = { .kind = FAULT_REFUSED } };

	backend_find(SLICE("llamacpp"))
	    ->read_probe(PROBE_HEALTH, 0, SLICE(""), &r);
	assert_int_equal(r.fault.kind, FAULT_REFUSED);
	r.fault.kind = FAULT_CUT;
	backend_find(SLICE("ollama"))
	    ->read_probe(PROBE_LOAD, 200, SLICE("{\"models\":[]}"), &r);
	assert_int_equal(r.fault.kind, FAULT_CUT);
	assert_int_equal(r.load.has, 0);
}

/* --- load --- */

static const char vllm_page[] =
    "# HELP vllm:num_requests_running Requests in execution batches.\n"
    "# TYPE vllm:num_requests_running gauge\n"
    "vllm:num_requests_running{engine=\"0\",model_name=\"a b}\"} 3.0\n"
    "vllm:num_requests_waiting{engine=\"0\",model_name=\"a b}\"} 9.0\n"
    "vllm:num_requests_waiting_by_reason{engine=\"0\",reason=\"capacity\"} "
    "2.0\n"
    "vllm:num_requests_waiting_by_reason{engine=\"0\",reason=\"deferred\"} "
    "7.0\n"
    "vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\n"
    "vllm:engine_sleep_state{engine=\"0\",sleep_state=\"awake\"} 1.0\n"
    "vllm:engine_sleep_state{engine=\"0\",sleep_state=\"discard_all\"} 0.0\n";

static void
vllm_tells_its_load(void **state)
{
	struct load l = load_of("vllm", vllm_page);

	assert_int_equal(
	    l.has, LOAD_RUNNING | LOAD_WAITING | LOAD_CACHE_USE | LOAD_WARM);
	assert_true(l.running == 3);
	assert_true(l.waiting == 2);
	assert_true(l.cache_use == 0.25);
	assert_true(l.warm);
}

static void
older_names_of_vllm_serve(void **state)
{
	struct load l = load_of("vllm",
	    "vllm:num_requests_running 1\nvllm:num_requests_waiting 4\n"
	    "vllm:gpu_cache_usage_perc 0.5\n");

	assert_true(l.waiting == 4);
	assert_true(l.cache_use == 0.5);
	assert_true(l.warm);
}

static void
a_sleeping_engine_is_cold(void **state)
{
	struct load l = load_of("vllm",
	    "vllm:num_requests_running 0\n"
	    "vllm:engine_sleep_state{sleep_state=\"awake\"} 0.0\n"
	    "vllm:engine_sleep_state{sleep_state=\"weights_offloaded\"} 1.0\n");

	assert_int_equal(l.has & LOAD_WARM, LOAD_WARM);
	assert_false(l.warm);
}

static void
several_engines_are_one_backend(void **state)
{
	struct load l = load_of("vllm",
	    "vllm:num_requests_running{engine=\"0\"} 3\n"
	    "vllm:num_requests_running{engine=\"1\"} 4\n"
	    "vllm:kv_cache_usage_perc{engine=\"0\"} 0.2\n"
	    "vllm:kv_cache_usage_perc{engine=\"1\"} 0.4\n");

	assert_true(l.running == 7);
	assert_true(l.cache_use > 0.299 && l.cache_use < 0.301);
}

static void
what_is_missing_is_unknown_not_zero(void **state)
{
	static const char *const adapters[] = { "vllm", "sglang", "llamacpp",
		"ollama", "lmstudio" };

	for (size_t i = 0; i < COUNT(adapters); i++) {
		assert_int_equal(load_of(adapters[i], "").has, 0);
		assert_int_equal(load_of(adapters[i], "process_x 1\n").has, 0);
		assert_int_equal(load_of(adapters[i], "{\"a\":[]}").has, 0);
		assert_int_equal(
		    answered(adapters[i], PROBE_LOAD, 501, "").load.has, 0);
		assert_int_equal(
		    answered(adapters[i], PROBE_LOAD, 404, "").fault.kind,
		    FAULT_NONE);
	}
	assert_int_equal(
	    load_of("vllm", "vllm:num_requests_running NaN\n").has, 0);
}

static void
sglang_and_llamacpp_tell_their_load(void **state)
{
	struct load l = load_of("sglang",
	    "sglang:num_running_reqs{model_name=\"m\",tp_rank=\"0\"} 5.0\n"
	    "sglang:num_running_reqs_offline_batch{model_name=\"m\"} 99.0\n"
	    "sglang:num_queue_reqs{model_name=\"m\"} 1.0\n"
	    "sglang:token_usage{model_name=\"m\"} 0.75\n");

	assert_true(l.running == 5 && l.waiting == 1 && l.cache_use == 0.75);
	l = load_of("llamacpp",
	    "llamacpp:requests_processing 2\nllamacpp:requests_deferred 3\n");
	assert_true(l.running == 2 && l.waiting == 3);
	assert_int_equal(l.has, LOAD_RUNNING | LOAD_WAITING);
}

static void
residents_make_ollama_warm(void **state)
{
	struct load l = load_of("ollama", "{\"models\":[]}");

	assert_int_equal(l.has, LOAD_WARM);
	assert_false(l.warm);
	l = load_of("ollama", "{\"models\":[{\"name\":\"qwen3:8b\"}]}");
	assert_true(l.warm);
}

static void
loaded_instances_make_lmstudio_warm(void **state)
{
	struct load l = load_of("lmstudio",
	    "{\"models\":[{\"key\":\"a\",\"loaded_instances\":[]}]}");

	assert_int_equal(l.has, LOAD_WARM);
	assert_false(l.warm);
	l = load_of("lmstudio",
	    "{\"models\":[{\"key\":\"a\",\"loaded_instances\":[]},"
	    "{\"key\":\"b\",\"loaded_instances\":[{\"id\":\"b\"}]}]}");
	assert_true(l.warm);
}

/* --- models --- */

static void
models_are_told_one_per_line(void **state)
{
	struct probe_result r = { .fault = { .kind = FAULT_NONE } };
	struct buf names;

	buf_init(&names, 1024);
	r.models = &names;
	backend_find(SLICE("openai"))
	    ->read_probe(PROBE_MODELS, 200,
		SLICE("{\"object\":\"list\",\"data\":[{\"id\":\"a/b\"},"
		      "{\"id\":\"evil\\nname\"},{\"id\":7},{},7,"
		      "{\"id\":\"qwen3:8b\"}]}"),
		&r);
	assert_int_equal(r.fault.kind, FAULT_NONE);
	assert_int_equal(names.n, strlen("a/b\nqwen3:8b\n"));
	assert_memory_equal(names.p, "a/b\nqwen3:8b\n", names.n);
	buf_fini(&names);
}

static void
a_list_that_is_none_is_a_bad_answer(void **state)
{
	assert_int_equal(
	    answered("openai", PROBE_MODELS, 200, "<html>").fault.kind,
	    FAULT_BAD_ANSWER);
	assert_int_equal(
	    answered("vllm", PROBE_MODELS, 401, "{}").fault.kind, FAULT_KEY);
}

/* --- the text format --- */

static void
finds(const char *page, const char *name, double want)
{
	struct gauge g;

	assert_true(prometheus_find(slice_of(page), name, NULL, NULL, &g));
	assert_true(g.sum == want);
}

static void
odd_lines_are_read_right(void **state)
{
	struct gauge g;

	finds("a_b 1\na 2\n", "a", 2);
	finds("a{x=\"\\\"} 9\"} 2.5e1 1700000000\r\n", "a", 25);
	finds("a {x=\"1\", y=\"2\",} 3", "a", 3);
	finds("a\t4\n", "a", 4);
	finds("# a 1\na{x=\"unterminated 2\na 5\n", "a", 5);
	assert_false(prometheus_find(
	    SLICE("a{x=\"1\" 2\na\nab 1\n"), "a", NULL, NULL, &g));
	assert_false(
	    prometheus_find(SLICE("a{x=\"1\"} 2\n"), "a", "x", "2", &g));
	assert_false(
	    prometheus_find(SLICE("a{xx=\"1\"} 2\n"), "a", "x", "1", &g));
}

static void
a_crowd_that_nobody_can_have_is_unknown(void **state)
{
	static const char *const pages[] = {
		"vllm:num_requests_running 1e300\n"
		"vllm:num_requests_waiting 1e300\n",
		"vllm:num_requests_running -1\n"
		"vllm:num_requests_waiting_by_reason{reason=\"capacity\"} -1\n",
	};

	for (size_t i = 0; i < COUNT(pages); i++)
		assert_int_equal(load_of("vllm", pages[i]).has &
			(LOAD_RUNNING | LOAD_WAITING),
		    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_adapter_lists_its_models),
		cmocka_unit_test(metered_apis_are_asked_for_models_only),
		cmocka_unit_test(servers_are_asked_at_their_root),
		cmocka_unit_test(health_is_judged_by_status),
		cmocka_unit_test(llamacpp_is_cold_while_it_loads),
		cmocka_unit_test(what_the_caller_found_stands),
		cmocka_unit_test(vllm_tells_its_load),
		cmocka_unit_test(older_names_of_vllm_serve),
		cmocka_unit_test(a_sleeping_engine_is_cold),
		cmocka_unit_test(several_engines_are_one_backend),
		cmocka_unit_test(what_is_missing_is_unknown_not_zero),
		cmocka_unit_test(sglang_and_llamacpp_tell_their_load),
		cmocka_unit_test(residents_make_ollama_warm),
		cmocka_unit_test(loaded_instances_make_lmstudio_warm),
		cmocka_unit_test(models_are_told_one_per_line),
		cmocka_unit_test(a_list_that_is_none_is_a_bad_answer),
		cmocka_unit_test(a_crowd_that_nobody_can_have_is_unknown),
		cmocka_unit_test(odd_lines_are_read_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
