/* gateway/conf/check_test.c - mistakes that no single setting shows. */
#include "gateway/conf/testing.h"

#define A_KEY                                                                  \
	"sha256:"                                                              \
	"0000000000000000000000000000000000000000000000000000000000000000"

static void
an_answer_is_kept_for_a_while_or_not(void **state)
{
	assert_refused(BASE "idempotency = { window = \"100ms\"; };",
	    "gateway.conf:3: idempotency.window: want 0s or 1s..24h, got "
	    "\"100ms\"");
	assert_refused(BASE "idempotency = { memory = \"1KiB\"; };",
	    "gateway.conf:3: idempotency.memory: want 64KiB..1TiB, got "
	    "\"1KiB\"");
}

static void
a_heart_beats_before_the_end(void **state)
{
	struct fixture f;

	assert_refused(BASE "heartbeat = \"10ms\";",
	    "gateway.conf:3: heartbeat: want 0s or 100ms..1h, got \"10ms\"");
	assert_refused(BASE "deadline = \"10s\"; heartbeat = \"10s\";",
	    "gateway.conf:3: heartbeat: want less than deadline, got "
	    "\"10s\"");
	assert_loads(&f, BASE "deadline = \"10s\"; heartbeat = \"9s\";", 0);
	fixture_fini(&f);
}

static void
busy_polling_is_for_moments(void **state)
{
	struct fixture f;

	assert_refused(BASE "busy_poll = \"1s\";",
	    "gateway.conf:3: busy_poll: want 0s or 10us..100ms, got \"1s\"");
	assert_loads(&f, BASE "busy_poll = \"50us\";", 0);
	assert_int_equal(f.conf->busy_poll, 50);
	fixture_fini(&f);
}

static void
names_are_given_once(void **state)
{
	assert_refused(BASE "slo = ( { name = \"a\"; ttft = \"1s\"; },\n"
			    "{ name = \"a\"; ttft = \"2s\"; } );",
	    "gateway.conf:4: slo.a.name: want a name of its own, got \"a\", "
	    "which is taken");
	assert_refused(BACKENDS
	    "models = ( { name = \"m\"; serve = ( { backend = \"gpu\"; } ); "
	    "},\n{ name = \"n\"; aliases = [ \"m\" ]; serve = ( { backend = "
	    "\"gpu\"; } ); } );",
	    "gateway.conf:3: models.n.aliases[0]: want a name of its own, got "
	    "\"m\", which is taken");
	assert_refused(BASE "tenants = ( { name = \"a\"; keys = [ \"" A_KEY
			    "\" ]; },\n"
			    "{ name = \"a\"; keys = [ "
			    "\"sha256:"
			    "11111111111111111111111111111111111111111111111111"
			    "11111111111111\" "
			    "]; } );",
	    "gateway.conf:4: tenants.a.name: want a name of its own, got "
	    "\"a\", which is taken");
	assert_refused(BASE "slo = ( { name = \"default\"; ttft = \"1s\"; } );",
	    "gateway.conf:3: slo.default.name: want a name of its own, got "
	    "\"default\", which is taken");
}

static void
a_class_may_be_called_default_where_it_is_the_default(void **state)
{
	struct fixture f;

	assert_loads(&f,
	    BASE "slo = ( { name = \"default\"; ttft = \"1s\"; } ); "
		 "default_slo = \"default\";",
	    0);
	assert_int_equal(f.conf->n_slos, 1);
	assert_int_equal(f.conf->default_slo->ttft, USEC_SEC);
	fixture_fini(&f);
}

static void
suffixes_have_one_meaning(void **state)
{
	assert_refused(BASE "slo = ( { name = \"gpu\"; ttft = \"1s\"; } );",
	    "gateway.conf:3: slo.gpu.name: want a name that no backend has, "
	    "got \"gpu\"");
	assert_refused(BASE "slo = ( { name = \"fastest\"; ttft = \"1s\"; } );",
	    "gateway.conf:3: slo.fastest.name: want a name that has no meaning "
	    "yet, got \"fastest\"");
	assert_refused(
	    "backends = ( { name = \"cheapest\"; adapter = \"ollama\"; price = "
	    "{ hourly = 1; }; } );\nmodels = ( { name = \"m\"; serve = ( { "
	    "backend = \"cheapest\"; } ); } );",
	    "gateway.conf:1: backends.cheapest.name: want a name that has no "
	    "meaning yet, got \"cheapest\"");
}

#define TWO_MODELS(one, two)                                                   \
	BACKENDS "models = ( { name = \"" one                                  \
		 "\"; serve = ( { backend = \"gpu\"; } ); },\n{ name = \"" two \
		 "\"; serve = ( { backend = \"gpu\"; } ); } );"

static void
ambiguous_model_names_are_refused(void **state)
{
	struct fixture f;

	assert_refused(TWO_MODELS("gemma", "gemma:gpu"),
	    "gateway.conf:3: models.gemma:gpu.name: want a name with one "
	    "meaning, got \"gemma:gpu\", which is also the model \"gemma\" "
	    "with the suffix \"gpu\"");
	assert_refused(TWO_MODELS("a/b:8b", "a/b:8b:fastest"),
	    "gateway.conf:3: models.a/b:8b:fastest.name: want a name with one "
	    "meaning, got \"a/b:8b:fastest\", which is also the model "
	    "\"a/b:8b\" with the suffix \"fastest\"");
	/* No such class; no such model. */
	assert_loads(&f, TWO_MODELS("qwen3", "qwen3:8b"), 0);
	fixture_fini(&f);
	assert_loads(&f, TWO_MODELS("qwen3", "gemma:gpu"), 0);
	fixture_fini(&f);
}

static void
model_names_are_printable(void **state)
{
	assert_refused(TWO_MODELS("gpt-*-mini", "b"),
	    "gateway.conf:2: models.gpt-*-mini.name: want the name of a model, "
	    "of 1..255 visible characters of ASCII without quotation marks and "
	    "with no \"*\" but at its end, got "
	    "\"gpt-*-mini\"");
	assert_refused(BACKENDS
	    "models = ( { name = \"m\"; aliases = [ \"a b\" ];\n serve = ( { "
	    "backend = \"gpu\"; } ); } );",
	    "gateway.conf:2: models.m.aliases[0]: want the name of a model, "
	    "of 1..255 visible characters of ASCII without quotation marks and "
	    "with no \"*\" but at its end, got \"a b\"");
}

static void
unknown_names_are_refused(void **state)
{
	assert_refused(BASE "default_model = \"gema\";",
	    "gateway.conf:3: default_model: want the name of a model, got "
	    "\"gema\": did you mean \"gemma\"?");
	assert_refused(BASE "default_slo = \"x\";",
	    "gateway.conf:3: default_slo: want the name of an SLO class, got "
	    "\"x\"");
	assert_refused(BASE "tenants = ( { name = \"a\"; keys = [ \"" A_KEY
			    "\" ];\n regions = [ \"eu\", \"ue\" ]; } );",
	    "gateway.conf:4: tenants.a.regions[1]: want the name of a region, "
	    "got \"ue\": did you mean \"eu\"?");
	assert_refused(BASE "tenants = ( { name = \"a\"; keys = [ \"" A_KEY
			    "\" ];\n models = [ ]; } );",
	    "gateway.conf:4: tenants.a.models: want a list of names of models, "
	    "got an empty list");
}

static void
a_tenant_may_list_aliases(void **state)
{
	struct fixture f;

	assert_loads(&f,
	    BASE "tenants = ( { name = \"a\"; keys = [ \"" A_KEY
		 "\" ]; models = [ \"g\" ]; backends = [ \"gpu\" ]; } );",
	    0);
	assert_string_equal(f.conf->tenants[0].models[0], "gemma");
	assert_null(f.conf->tenants[0].models[1]);
	assert_string_equal(f.conf->tenants[0].backends[0], "gpu");
	assert_null(f.conf->tenants[0].regions);
	fixture_fini(&f);
}

static void
a_tenant_has_the_priority_of_its_class(void **state)
{
	struct fixture f;

	assert_loads(&f,
	    BASE "slo = ( { name = \"voice\"; ttft = \"1s\"; priority = "
		 "\"premium\"; }, { name = \"bulk\"; total = \"9s\"; priority "
		 "= \"batch\"; } ); default_slo = \"bulk\"; tenants = ( { name "
		 "= \"a\"; keys = [ \"" A_KEY
		 "\" ]; slo = \"voice\"; }, { name = \"b\"; keys = [ "
		 "\"sha256:"
		 "2222222222222222222222222222222222222222222222222222222222222"
		 "222\" "
		 "]; } );",
	    0);
	assert_int_equal(f.conf->tenants[0].priority, PRIORITY_PREMIUM);
	assert_int_equal(f.conf->tenants[1].priority, PRIORITY_BATCH);
	assert_null(f.conf->tenants[1].slo);
	assert_false(f.conf->tenants[0].may_pin);
	fixture_fini(&f);
}

static void
percentiles_have_bounds(void **state)
{
	assert_refused(BASE "slo = ( { name = \"a\"; ttft = \"1s\"; percentile "
			    "= 100; } );",
	    "gateway.conf:3: slo.a.percentile: want 1..99.999, got 100");
	assert_refused(BASE "slo = ( { name = \"a\"; ttft = \"1s\"; percentile "
			    "= 0.95; } );",
	    "gateway.conf:3: slo.a.percentile: want 1..99.999, got 0.95");
}

static void
timeouts_fit_into_their_total(void **state)
{
	assert_refused(BASE "timeouts = { connect = \"2m\"; total = \"60s\"; "
			    "};",
	    "gateway.conf:3: timeouts.connect: want at most total, 1m, got "
	    "\"2m\"");
	assert_refused(BASE "slo = ( { name = \"a\"; ttft = \"2s\"; total = "
			    "\"1s\"; } );",
	    "gateway.conf:3: slo.a.ttft: want at most total, got \"2s\"");
	assert_refused(BASE "body_limit = \"1GiB\";",
	    "gateway.conf:3: body_limit: want body_limit at most "
	    "body_limit_total, got more");
}

static void
doubtful_things_are_warned_of(void **state)
{
	assert_warned(BASE "slo = ( { name = \"a\"; } );",
	    "gateway.conf:3: warning: slo.a: want ttft, itl or total, got no "
	    "target: the cheapest serving will do");
	assert_warned(BASE "slo = ( { name = \"a\"; total = \"1h\"; } );",
	    "gateway.conf:3: warning: slo.a.total: want at most deadline, 10m, "
	    "got more: requests end there");
	assert_warned(BASE "slo = ( { name = \"a\"; ttft = \"1s\"; min_quality "
			   "= 20; } );",
	    "gateway.conf:3: warning: slo.a.min_quality: want at most the best "
	    "serving's quality, 0, got 20: nothing can serve this class");
	assert_warned(
	    "backends = ( { name = \"gpu\"; adapter = \"ollama\"; price = { "
	    "hourly = 1; }; url = \"http://h:1\"; } );\n" MODELS,
	    "gateway.conf:1: warning: backends.gpu.url: want a path after the "
	    "host, mostly /v1, got none");
	assert_warned(
	    "backends = ( { name = \"gpu\"; adapter = \"openai\"; price = { "
	    "hourly = 1; }; } );\n" MODELS,
	    "gateway.conf:2: warning: models.gemma: want a backend that is on, "
	    "got none: requests will get a 503");
}

/* What one of them writes would spoil the other. */
static void
files_are_for_one_thing(void **state)
{
	static const char *const names[] = { "access_log", "audit_log",
		"keys_file", "ledger" };
	char text[1024], words[128];
	struct fixture f;

	for (size_t i = 1; i < COUNT(names); i++)
		for (size_t k = 0; k < i; k++) {
			snprintf(text, sizeof(text),
			    BASE "%s = \"one\";\n%s = \"one\";", names[i],
			    names[k]);
			snprintf(words, sizeof(words),
			    "gateway.conf:3: %s: want a file of its own, got "
			    "that of %s",
			    names[i], names[k]);
			assert_refused(text, words);
		}
	/* by another name */
	assert_refused(BASE "ledger = \"gateway.conf\";\n"
			    "keys_file = \"./gateway.conf\";",
	    "gateway.conf:3: ledger: want a file of its own, got that of "
	    "keys_file");
	/* and where neither is there yet */
	assert_refused(BASE "ledger = \"new.db\";\n"
			    "access_log = \".//new.db\";",
	    "gateway.conf:3: ledger: want a file of its own, got that of "
	    "access_log");
	assert_refused(BASE "audit_log = \"../../tmp/new\";\n"
			    "keys_file = \"/tmp/new\";",
	    "gateway.conf:4: keys_file: want a file of its own, got that of "
	    "audit_log");
	assert_loads(&f,
	    BASE "ledger = \"/tmp/new\"; access_log = \"/new\";"
		 "keys_file = \"/no/new\"; audit_log = \"/nor/new\";",
	    0);
	fixture_fini(&f);
	assert_loads(&f, BASE "access_log = \"off\"; ledger = \"off\";", 0);
	fixture_fini(&f);
}

static void
origins_have_a_form(void **state)
{
	assert_refused(BASE "cors_origins = [ \"https://a.example\", "
			    "\"https://a.example/\" ];",
	    "gateway.conf:3: cors_origins[1]: want an origin such as "
	    "\"https://app.example\", got \"https://a.example/\"");
	assert_refused(BASE "cors_origins = [ \"*\" ];",
	    "gateway.conf:3: cors_origins[0]: want an origin such as "
	    "\"https://app.example\", got \"*\"");
}

static void
servings_are_few_and_distinct(void **state)
{
	struct buf b;
	char *text;

	assert_refused(BACKENDS
	    "models = ( { name = \"m\"; serve = ( { backend = \"gpu\"; },\n { "
	    "backend = \"gpu\"; model = \"m\"; } ); } );",
	    "gateway.conf:3: models.m.serve[1]: want each backend and model "
	    "once, got those of serve[0]");
	assert_refused(BACKENDS "models = ( { name = \"m\"; serve = ( ); } );",
	    "gateway.conf:2: models.m.serve: want a list of groups ( { ... }, "
	    "{ ... } ), got an empty list");
	buf_init(&b, 1 << 16);
	buf_add_str(&b, BACKENDS "models = ( { name = \"m\"; serve = (");
	for (int i = 0; i < 257; i++)
		buf_addf(&b, "%s{ backend = \"gpu\"; model = \"x%d\"; }",
		    i > 0 ? "," : "", i);
	buf_add_str(&b, "); } );");
	text = buf_take(&b, NULL);
	assert_refused(text,
	    "gateway.conf:2: models.m.serve: want 1..256 servings, got 257");
	free(text);
}

static void
backends_can_be_reached(void **state)
{
	assert_refused(
	    "backends = ( { name = \"gpu\"; adapter = \"vllm\"; price = { "
	    "hourly = 1; }; } );\n" MODELS,
	    "gateway.conf:1: backends.gpu: want url or command, got neither, "
	    "and the adapter \"vllm\" has no URL of its own");
	assert_refused(
	    "backends = ( { name = \"gpu\"; adapter = \"vllm\"; price = { "
	    "hourly = 1; }; command = [ \"vllm\", \"serve\" ]; } );\n" MODELS,
	    "gateway.conf:1: backends.gpu.command: want \"{port}\" among the "
	    "arguments, or url, got neither");
	assert_refused(
	    "backends = ( { name = \"gpu\"; adapter = \"vlm\"; price = { "
	    "hourly = 1; }; url = \"http://h/v1\"; } );\n" MODELS,
	    "gateway.conf:1: backends.gpu.adapter: want the name of an "
	    "adapter, got \"vlm\": did you mean \"vllm\"?");
	assert_refused(
	    "backends = ( { name = \"gpu\"; adapter = \"ollama\"; price = { "
	    "hourly = 1; }; ca_file = \"/nonexistent.pem\"; } );\n" MODELS,
	    "gateway.conf:1: backends.gpu.ca_file: want a file that can be "
	    "read, got \"/nonexistent.pem\"");
	assert_refused(
	    "backends = ( { name = \"gpu\"; adapter = \"ollama\"; price = { "
	    "hourly = 1; }; ca_file = \"/tmp\"; } );\n" MODELS,
	    "gateway.conf:1: backends.gpu.ca_file: want a file that can be "
	    "read, got \"/tmp\"");
}

static void
complaints_come_in_order_of_lines(void **state)
{
	struct fixture f;
	unsigned line, last = 0;

	fixture_init(&f);
	fixture_load(&f,
	    "default_model = \"x\";\n" BASE "workers = 0;\nslo = ( { name = "
	    "\"gpu\"; } );\nwrong = 1;\n",
	    NULL);
	assert_int_equal(f.complaints.errors, 4);
	for (const char *p = f.text; (p = strstr(p, ".conf:")) != NULL; p++) {
		line = (unsigned)strtoul(p + 6, NULL, 10);
		assert_true(line >= last);
		last = line;
	}
	assert_int_equal(last, 6);
	fixture_fini(&f);
}

static void
what_an_adapter_does_not_do_is_noticed(void **state)
{
	assert_warned(
	    "backends = ( { name = \"o\"; adapter = \"ollama\"; price "
	    "= { input = 0; output = 0; }; } );\n"
	    "models = ( { name = \"m\"; serve = ( { backend = \"o\"; "
	    "caps = [ \"speech\" ]; } ); } );",
	    "gateway.conf:2: warning: models.m.serve[0].caps: want something "
	    "that the adapter \"ollama\" does, got nothing of it: nothing can "
	    "be sent there");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_kept_for_a_while_or_not),
		cmocka_unit_test(a_heart_beats_before_the_end),
		cmocka_unit_test(busy_polling_is_for_moments),
		cmocka_unit_test(names_are_given_once),
		cmocka_unit_test(
		    a_class_may_be_called_default_where_it_is_the_default),
		cmocka_unit_test(suffixes_have_one_meaning),
		cmocka_unit_test(ambiguous_model_names_are_refused),
		cmocka_unit_test(model_names_are_printable),
		cmocka_unit_test(unknown_names_are_refused),
		cmocka_unit_test(a_tenant_may_list_aliases),
		cmocka_unit_test(a_tenant_has_the_priority_of_its_class),
		cmocka_unit_test(percentiles_have_bounds),
		cmocka_unit_test(timeouts_fit_into_their_total),
		cmocka_unit_test(doubtful_things_are_warned_of),
		cmocka_unit_test(files_are_for_one_thing),
		cmocka_unit_test(origins_have_a_form),
		cmocka_unit_test(servings_are_few_and_distinct),
		cmocka_unit_test(backends_can_be_reached),
		cmocka_unit_test(complaints_come_in_order_of_lines),
		cmocka_unit_test(what_an_adapter_does_not_do_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
