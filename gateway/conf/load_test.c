/* gateway/conf/load_test.c - what a file means once it is loaded. */
#include "gateway/conf/testing.h"

#include <math.h>

static void
the_shipped_file_loads_as_written(void **state)
{
	struct complaints c;
	struct conf *conf = NULL;

	unsetenv("CEREBRAS_API_KEY");
	unsetenv("VLLM_URL");
	complaints_init(&c);
	assert_int_equal(
	    conf_load("gateway.conf", &test_env, NULL, &conf, &c), OK);
	assert_int_equal(c.warnings, 0);
	assert_int_equal(conf->listen.port, 7070);
	assert_int_equal(conf->n_slos, 3);
	assert_string_equal(conf->default_slo->name, "interactive");
	assert_int_equal(conf->default_slo->ttft, 500 * USEC_MS);
	assert_string_equal(conf->backends[0].off,
	    "CEREBRAS_API_KEY is not set: export it to turn this backend on");
	assert_string_equal(conf->backends[1].off,
	    "VLLM_URL is not set: export it to turn this backend on");
	assert_null(conf->backends[2].off);
	assert_string_equal(conf->backends[2].command[0], "tools/local-model");
	assert_string_equal(conf->default_model->name, "gemma");
	assert_ptr_equal(
	    conf_find_model(conf, SLICE("gemma-4-31b")), conf->default_model);
	assert_true(conf->models[0].servings[2].fallback);
	conf_unref(&conf);
	complaints_fini(&c);
}

static void
what_is_not_set_has_its_default(void **state)
{
	struct fixture f;
	const struct conf *c;

	assert_loads(&f, BASE, 0);
	c = f.conf;
	assert_string_equal(c->listen.address, "127.0.0.1");
	assert_int_equal(c->listen.port, 7070);
	assert_int_equal(c->admin.port, 7071);
	assert_in_range(c->workers, 1, 64);
	assert_int_equal(c->busy_poll, 0);
	assert_int_equal(c->limits.header, 16 << 10);
	assert_int_equal(c->limits.body, 64 << 20);
	assert_int_equal(c->limits.bodies, 512 << 20);
	assert_int_equal(c->timeouts.connect, USEC_SEC);
	assert_int_equal(c->timeouts.ttft, 30 * USEC_SEC);
	assert_int_equal(c->timeouts.gap, 30 * USEC_SEC);
	assert_int_equal(c->timeouts.total, 600 * USEC_SEC);
	assert_int_equal(c->deadline, 600 * USEC_SEC);
	assert_int_equal(c->client_stall, 60 * USEC_SEC);
	assert_int_equal(c->header_timeout, 10 * USEC_SEC);
	assert_int_equal(c->body_timeout, 60 * USEC_SEC);
	assert_int_equal(c->idle_timeout, 75 * USEC_SEC);
	assert_int_equal(c->drain_timeout, 30 * USEC_SEC);
	assert_true(fabs(c->retry_budget - 0.1) < 1e-9);
	assert_int_equal(c->queue_limit, 4096);
	assert_int_equal(c->probe_every, USEC_SEC);
	assert_true(fabs(c->probe_budget - 0.05) < 1e-9);
	assert_string_equal(c->policy, "slo");
	assert_string_equal(c->access_log, "stderr");
	assert_null(c->cors_origins[0]);
	assert_string_equal(c->default_slo->name, "default");
	assert_int_equal(c->default_slo->priority, PRIORITY_STANDARD);
	assert_int_equal(c->default_slo->ttft, 0);
	assert_ptr_equal(conf_find_slo(c, SLICE("default")), c->default_slo);
	assert_null(c->default_model);
	assert_int_equal(c->n_patterns, 0);
	assert_int_equal(c->backends[0].probe_interval, 5 * USEC_SEC);
	assert_int_equal(c->backends[0].slots, 0);
	assert_true(c->backends[0].price.input < 0);
	assert_string_equal(c->servings[0].upstream, "gemma");
	assert_int_equal(c->servings[0].caps, CAP_ALL);
	assert_int_equal(c->version, 1);
	fixture_fini(&f);
}

static void
one_and_one_point_zero_are_the_same(void **state)
{
	struct fixture f;

	assert_loads(&f,
	    BASE "workers = 3.0; retry_budget = 1; queue_limit = 0x10; "
		 "max_connections = 5L;",
	    0);
	assert_int_equal(f.conf->workers, 3);
	assert_true(f.conf->retry_budget == 1.0);
	assert_int_equal(f.conf->queue_limit, 16);
	assert_int_equal(f.conf->limits.connections, 5);
	fixture_fini(&f);
	assert_refused(BASE "probe_every = \"50ms\";",
	    "gateway.conf:3: probe_every: want 0s or 100ms..1h, got "
	    "\"50ms\"");
	assert_refused(BASE "probe_budget = -1;",
	    "gateway.conf:3: probe_budget: want 0..1000, got -1");
	assert_refused(BASE "workers = 1.5;",
	    "gateway.conf:3: workers: want a whole number, got 1.5");
}

static void
long_numbers_do_not_wrap(void **state)
{
	assert_refused(BASE "listen = { port = 4294975376; };",
	    "gateway.conf:3: listen.port: want 1..65535, got 4294975376");
	assert_refused(BASE "listen = { port = 4294975376L; };",
	    "gateway.conf:3: listen.port: want 1..65535, got 4294975376");
	assert_refused(BASE "listen = { port = 0x100001b9e; };",
	    "gateway.conf:3: listen.port: want 1..65535, got 4294974366");
	assert_refused(BASE "listen = { port = 99999999999999999999; };",
	    "gateway.conf:3: listen.port: want 1..65535, got 1e+20");
	assert_refused(BASE "workers = -18446744073709551615;",
	    "gateway.conf:3: workers: want 1..64, got -1.84467440737096e+19");
}

static void
wrong_kinds_say_what_is_wanted(void **state)
{
	assert_refused(BASE "deadline = 5;",
	    "gateway.conf:3: deadline: want a duration such as \"100ms\", got "
	    "5");
	assert_refused(BASE "deadline = \"5\";",
	    "gateway.conf:3: deadline: want a duration such as \"100ms\", got "
	    "\"5\"");
	assert_refused(BASE "deadline = \"25h\";",
	    "gateway.conf:3: deadline: want 1ms..24h, got \"25h\"");
	assert_refused(BASE "body_limit = 64;",
	    "gateway.conf:3: body_limit: want a size such as \"64MiB\", got "
	    "64");
	assert_refused(BASE "listen = 7070;",
	    "gateway.conf:3: listen: want a group { ... }, got 7070");
	assert_refused(BASE "slo = { name = \"a\"; };",
	    "gateway.conf:3: slo: want a list of groups ( { ... }, { ... } ), "
	    "got a group");
	assert_refused(BASE "slo = ( 5 );",
	    "gateway.conf:3: slo[0]: want a group { ... }, got 5");
	assert_refused(BASE "log_level = \"inof\";",
	    "gateway.conf:3: log_level: want \"error\", \"warn\", \"info\" or "
	    "\"debug\", got \"inof\": did you mean \"info\"?");
	assert_refused(BASE "cors_origins = [ 5 ];",
	    "gateway.conf:3: cors_origins[0]: want a string in quotes, got 5");
	assert_refused(BASE "access_log = true;",
	    "gateway.conf:3: access_log: want \"stderr\" or \"off\", or the "
	    "path of a file, got true");
}

static void
only_plain_utf8_is_text(void **state)
{
	assert_refused(BASE "access_log = \"a\\nb\";",
	    "gateway.conf:3: access_log: want UTF-8 without control "
	    "characters, got \"a?b\"");
	assert_refused(BASE "access_log = \"a\xc2\x9b\";",
	    "gateway.conf:3: access_log: want UTF-8 without control "
	    "characters, got \"a??\"");
	assert_refused(BASE "cors_origins = [ \"https://Z\xfcrich\" ];",
	    "gateway.conf:3: cors_origins[0]: want UTF-8 without control "
	    "characters, got \"https://Z?rich\"");
}

static void
unknown_settings_suggest_known_ones(void **state)
{
	assert_refused(BASE "worker = 2;",
	    "gateway.conf:3: worker: want a known setting, got \"worker\": did "
	    "you mean \"workers\"?");
	assert_refused(BASE "slo = ( { name = \"a\"; ttft = \"1s\";\n"
			    " prio = \"batch\"; } );",
	    "gateway.conf:4: slo.a.prio: want a known setting, got \"prio\": "
	    "there are name, ttft, itl, total, percentile, priority, "
	    "min_quality and on_miss");
	assert_refused(BASE "frobnicate = 2;",
	    "gateway.conf:3: frobnicate: want a known setting, got "
	    "\"frobnicate\": `pointsman docs configuration` lists all");
}

static void
elements_go_by_name_or_else_by_index(void **state)
{
	assert_refused(BASE "slo = ( { name = \"a\"; ttft = \"1s\"; },\n"
			    " { ttft = \"1s\"; } );",
	    "gateway.conf:4: slo[1].name: want a name of 1..64 letters, "
	    "digits, \".\", \"_\" and \"-\", a letter or digit first, got "
	    "nothing");
	assert_refused(BASE "slo = ( { name = \"a b\"; ttft = \"1s\"; } );",
	    "gateway.conf:3: slo.a b.name: want a name of 1..64 letters, "
	    "digits, \".\", \"_\" and \"-\", a letter or digit first, got \"a "
	    "b\"");
	assert_refused(BASE "slo = ( { name = \"-a\"; ttft = \"1s\"; } );",
	    "gateway.conf:3: slo.-a.name: want a name of 1..64 letters, "
	    "digits, \".\", \"_\" and \"-\", a letter or digit first, got "
	    "\"-a\"");
}

static void
an_empty_file_lacks_backends_and_models(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fixture_load(&f, "", NULL);
	assert_int_equal(f.complaints.errors, 2);
	assert_true(fixture_says(&f,
	    "gateway.conf:1: backends: want a list of groups ( { ... }, { ... "
	    "} ), got nothing"));
	fixture_fini(&f);
}

static void
timeouts_are_inherited(void **state)
{
	struct fixture f;
	const struct conf_timeouts *t;

	assert_loads(&f,
	    "timeouts = { ttft = \"20s\"; };\n" MODELS
	    "backends = ( { name = \"gpu\"; adapter = \"ollama\"; price = { "
	    "hourly = 1; }; timeouts = { total = \"10s\"; }; } );",
	    0);
	t = &f.conf->backends[0].timeouts;
	assert_int_equal(t->total, 10 * USEC_SEC);
	assert_int_equal(t->connect, USEC_SEC);
	assert_int_equal(t->ttft, 10 * USEC_SEC); /* never beyond total */
	assert_int_equal(t->gap, 10 * USEC_SEC);
	assert_int_equal(f.conf->timeouts.ttft, 20 * USEC_SEC);
	fixture_fini(&f);
}

static void
relative_paths_start_at_the_file(void **state)
{
	struct fixture f;
	char want[128];

	assert_loads(&f,
	    MODELS "backends = ( { name = \"gpu\"; adapter = \"vllm\"; price = "
		   "{ hourly = 1; }; command = [ \"bin/serve\", \"data/x\", "
		   "\"--port={port}\" ]; } );\nlisten = { path = \"gw.sock\"; "
		   "};admin = { path = \"/run/admin.sock\"; };",
	    0);
	snprintf(want, sizeof(want), "%s/bin/serve", f.folder);
	assert_string_equal(f.conf->backends[0].command[0], want);
	assert_string_equal(f.conf->backends[0].command[1], "data/x");
	assert_null(f.conf->backends[0].command[3]);
	snprintf(want, sizeof(want), "%s/gw.sock", f.folder);
	assert_string_equal(f.conf->listen.path, want);
	assert_string_equal(f.conf->admin.path, "/run/admin.sock");
	fixture_fini(&f);
}

static void
a_program_without_a_slash_is_left_to_path(void **state)
{
	struct fixture f;

	assert_loads(&f,
	    MODELS "backends = ( { name = \"gpu\"; adapter = \"vllm\"; price = "
		   "{ hourly = 1; }; command = [ \"vllm\", \"{port}\" ]; } );",
	    0);
	assert_string_equal(f.conf->backends[0].command[0], "vllm");
	fixture_fini(&f);
}

static void
the_wildcard_model_is_found(void **state)
{
	struct fixture f;

	assert_loads(&f,
	    BACKENDS "models = ( { name = \"*\"; serve = ( { backend = "
		     "\"gpu\"; } ); } );",
	    0);
	assert_string_equal(conf_find_pattern(f.conf, SLICE("any"))->name, "*");
	assert_string_equal(f.conf->servings[0].upstream, "*");
	fixture_fini(&f);
}

static unsigned
translated(const char *how, const char *caps)
{
	unsigned bits;
	struct fixture f;
	char file[512];

	snprintf(file, sizeof(file),
	    "backends = ( { name = \"b\"; adapter = \"openai\"; url = "
	    "\"http://127.0.0.1:1/v1\"; price = { hourly = 1; }; %s } ); "
	    "models = ( { name = \"m\"; "
	    "serve = ( { backend = \"b\"; caps = [ %s ]; } ); } );",
	    how, caps);
	assert_loads(&f, file, 0);
	bits = f.conf->servings[0].translated;
	assert_int_equal(bits & ~f.conf->servings[0].caps, 0);
	fixture_fini(&f);
	return bits;
}

static void
who_chats_has_the_other_formats_as_chat(void **state)
{
	const char *both = "\"chat\", \"messages\"";

	(void)state;
	assert_int_equal(translated("", "\"chat\""), CAP_BY_CHAT);
	assert_int_equal(translated("", both), CAP_RESPONSES);
	assert_int_equal(
	    translated("translate = \"always\";", both), CAP_BY_CHAT);
	assert_int_equal(translated("translate = \"never\";", "\"chat\""), 0);
	assert_int_equal(translated("", "\"embeddings\""), 0);
}

static void
capabilities_are_read(void **state)
{
	struct fixture f;

	assert_loads(&f,
	    BACKENDS "models = ( { name = \"m\"; serve = ( { backend = "
		     "\"gpu\"; caps = [ \"chat\", \"tools\" ]; context = 8192; "
		     "} ); } );",
	    0);
	assert_int_equal(
	    f.conf->servings[0].caps, CAP_CHAT | CAP_TOOLS | CAP_BY_CHAT);
	assert_int_equal(f.conf->servings[0].translated, CAP_BY_CHAT);
	assert_int_equal(f.conf->servings[0].context, 8192);
	fixture_fini(&f);
	assert_refused(BACKENDS
	    "models = ( { name = \"m\"; serve = ( { backend = \"gpu\"; caps = "
	    "[ \"tool\" ]; } ); } );",
	    "gateway.conf:2: models.m.serve[0].caps[0]: want one of \"chat\", "
	    "\"completions\", \"embeddings\", \"responses\", \"messages\", "
	    "\"tools\", \"images\", \"audio\", \"json_mode\", "
	    "\"speech\", \"transcription\", \"image_generation\", "
	    "\"moderation\", \"rerank\", \"realtime\", got \"tool\": did you "
	    "mean "
	    "\"tools\"?");
}

/* tests/conf/fifteen.conf is also read by people. */
static void
a_text_loads_like_a_file(void **state)
{
	struct complaints c;
	struct conf *conf = NULL;

	complaints_init(&c);
	assert_int_equal(conf_load_text(SLICE(BASE), "not/there.conf",
			     &test_env, NULL, &conf, &c),
	    OK);
	assert_string_equal(conf->path, "not/there.conf");
	conf_unref(&conf);
	assert_int_equal(conf_load_text(SLICE(BACKENDS "\nmodels = 1;"),
			     "not/there.conf", &test_env, NULL, &conf, &c),
	    ERR_INVALID);
	assert_non_null(strstr(c.text.p, "not/there.conf:"));
	assert_int_equal(c.errors, 1);
	complaints_fini(&c);
}

static void
fifteen_mistakes_are_found_in_one_run(void **state)
{
	struct buf want;
	struct complaints c;
	struct conf *conf = NULL;
	size_t n;
	FILE *f = fopen("tests/conf/fifteen.expected", "r");

	assert_non_null(f);
	buf_init(&want, 1 << 16);
	assert_true(buf_reserve(&want, 1 << 16));
	n = fread(want.p, 1, 1 << 16, f);
	want.n = n;
	fclose(f);
	complaints_init(&c);
	assert_int_equal(
	    conf_load("tests/conf/fifteen.conf", &test_env, NULL, &conf, &c),
	    ERR_INVALID);
	assert_null(conf);
	assert_int_equal(c.errors, 15);
	assert_int_equal(c.warnings, 0);
	if (!slice_eq(buf_slice(&c.text), buf_slice(&want)))
		fail_msg("said:\n%.*s", SLICE_ARG(buf_slice(&c.text)));
	complaints_fini(&c);
	buf_fini(&want);
}

/* A file of so many models with two servings each, and tenants: 20 to one. */
static char *
large_file(int models)
{
	struct buf b;

	buf_init(&b, 8 << 20);
	buf_add_str(&b, BACKENDS "models = (\n");
	for (int i = 0; i < models; i++)
		buf_addf(&b,
		    "%s{ name = \"m%d\"; serve = ( { backend = \"gpu\"; }, { "
		    "backend = \"gpu\"; model = \"x\"; } ); }\n",
		    i > 0 ? "," : "", i);
	buf_add_str(&b, ");\ntenants = (\n");
	for (int i = 0; i < models * 20; i++)
		buf_addf(&b,
		    "%s{ name = \"t%d\"; keys = [ \"sha256:%064x\" ]; models = "
		    "[ \"m%d\" ]; regions = [ \"eu\" ]; }\n",
		    i > 0 ? "," : "", i, i, i % models);
	buf_add_str(&b, ");\n");
	return buf_take(&b, NULL);
}

/* The processor time of loading it; the caller's to free. */
static usec
load_large_file(struct fixture *f, int models)
{
	char *text = large_file(models);
	usec began;

	assert_non_null(text);
	fixture_init(f);
	began = clock_cpu();
	fixture_load(f, text, NULL);
	began = clock_cpu() - began;
	assert_int_equal(f->rc, OK);
	free(text);
	return began;
}

/* 1,000 servings and 10,000 tenants. Ten times as much takes ten times as long
 * on any machine, under any sanitizer; a hundred times where each looks at all
 * the others. */
static void
a_large_file_loads_in_proportion(void **state)
{
	struct fixture small, large;
	usec tenth = load_large_file(&small, 50);
	usec whole = load_large_file(&large, 500);

	assert_true(whole < tenth * 30);
	assert_int_equal(large.conf->n_servings, 1000);
	assert_int_equal(large.conf->n_tenants, 10000);
	assert_int_equal(large.conf->n_keys, 10000);
	for (uint32_t id = 1; id <= 1000; id++)
		assert_int_equal(conf_find_serving(large.conf, id)->id, id);
	assert_null(conf_find_serving(large.conf, 0));
	assert_null(conf_find_serving(large.conf, 1001));
	fixture_fini(&small);
	fixture_fini(&large);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_file_loads_as_written),
		cmocka_unit_test(what_is_not_set_has_its_default),
		cmocka_unit_test(one_and_one_point_zero_are_the_same),
		cmocka_unit_test(long_numbers_do_not_wrap),
		cmocka_unit_test(wrong_kinds_say_what_is_wanted),
		cmocka_unit_test(only_plain_utf8_is_text),
		cmocka_unit_test(unknown_settings_suggest_known_ones),
		cmocka_unit_test(elements_go_by_name_or_else_by_index),
		cmocka_unit_test(an_empty_file_lacks_backends_and_models),
		cmocka_unit_test(timeouts_are_inherited),
		cmocka_unit_test(relative_paths_start_at_the_file),
		cmocka_unit_test(a_program_without_a_slash_is_left_to_path),
		cmocka_unit_test(the_wildcard_model_is_found),
		cmocka_unit_test(who_chats_has_the_other_formats_as_chat),
		cmocka_unit_test(capabilities_are_read),
		cmocka_unit_test(a_text_loads_like_a_file),
		cmocka_unit_test(fifteen_mistakes_are_found_in_one_run),
		cmocka_unit_test(a_large_file_loads_in_proportion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
