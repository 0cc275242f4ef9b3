/* policies/slo_test.c - which latency target a request has. */
#include "gateway/conf/testing.h"

#include "policies/slo.h"

#define CLASSES                                                                \
	"slo = ( { name = \"voice\"; ttft = \"100ms\"; itl = \"20ms\";"        \
	" percentile = 99; priority = \"premium\"; },"                         \
	" { name = \"chat\"; ttft = \"500ms\"; },"                             \
	" { name = \"bulk\"; total = \"60s\"; priority = \"batch\"; } );\n"
#define DEFAULT "default_slo = \"chat\";\n"
#define TENANT                                                                 \
	"tenants = ( { name = \"acme\"; slo = \"bulk\"; keys = [ \"sha256:"    \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"     \
	"\" ]; } );\n"

static struct fixture f;

static int
load(void **state)
{
	(void)state;
	assert_loads(&f, BASE CLASSES DEFAULT TENANT, 0);
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	fixture_fini(&f);
	return 0;
}

static struct slo
resolved(const struct conf_tenant *t, struct slo_headers h, const char *suffix)
{
	struct slo out;
	struct errmsg why;
	const struct slo *class =
	    suffix != NULL ? conf_find_slo(f.conf, slice_of(suffix)) : NULL;

	assert_int_equal(slo_resolve(f.conf, t, &h, class, &out, &why), OK);
	return out;
}

static void
refused(struct slo_headers h, const char *want)
{
	struct slo out = { .name = "untouched" };
	struct errmsg why;

	assert_int_equal(
	    slo_resolve(f.conf, NULL, &h, NULL, &out, &why), ERR_INVALID);
	assert_string_equal(out.name, "untouched");
	assert_string_equal(why.text, want);
}

static void
headers_beat_suffix_beats_tenant_beats_default(void **state)
{
	const struct conf_tenant *acme = &f.conf->tenants[0];
	struct slo_headers none = { 0 };
	struct slo_headers voice = { .slo_class = SLICE(" voice ") };

	(void)state;
	assert_string_equal(resolved(NULL, none, NULL).name, "chat");
	assert_string_equal(resolved(acme, none, NULL).name, "bulk");
	assert_string_equal(resolved(acme, none, "chat").name, "chat");
	assert_string_equal(resolved(acme, voice, "chat").name, "voice");
}

static void
a_number_replaces_one_target_and_makes_it_custom(void **state)
{
	struct slo_headers h = { .slo_class = SLICE("voice"),
		.itl_ms = SLICE("12.5"),
		.total_ms = SLICE("3000") };
	struct slo s = resolved(NULL, h, NULL);

	(void)state;
	assert_string_equal(s.name, "custom");
	assert_int_equal(s.ttft, 100 * USEC_MS);
	assert_int_equal(s.itl, 12500);
	assert_int_equal(s.total, 3 * USEC_SEC);
	assert_true(s.percentile > 98.9 && s.priority == PRIORITY_PREMIUM);
}

static void
a_higher_class_comes_at_the_tenants_own_priority(void **state)
{
	struct conf_tenant modest = f.conf->tenants[0];
	struct slo_headers voice = { .slo_class = SLICE("voice") };
	struct slo_headers bulk = { .slo_class = SLICE("bulk") };
	struct slo s;

	(void)state;
	modest.priority = PRIORITY_STANDARD;
	s = resolved(&modest, voice, NULL);
	assert_string_equal(s.name, "voice");
	assert_int_equal(s.ttft, 100 * USEC_MS);
	assert_int_equal(s.priority, PRIORITY_STANDARD);
	/* a lower one stays low */
	assert_int_equal(
	    resolved(&modest, bulk, NULL).priority, PRIORITY_BATCH);
	/* an open gateway trusts everybody */
	assert_int_equal(
	    resolved(NULL, voice, NULL).priority, PRIORITY_PREMIUM);
}

static void
bad_values_name_their_header(void **state)
{
	static const char *const bad[] = { "0", "-5", "fast", "1e3", "0x10",
		"nan", "inf", "100ms", "86400001", "1.2.3", "." };
	char want[160];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(want, sizeof(want),
		    "x-slo-ttft-ms: want milliseconds above 0 and up to "
		    "86400000, got \"%s\"",
		    bad[i]);
		refused(
		    (struct slo_headers){ .ttft_ms = slice_of(bad[i]) }, want);
	}
	refused((struct slo_headers){ .total_ms = SLICE("soon") },
	    "x-slo-total-ms: want milliseconds above 0 and up to 86400000, "
	    "got \"soon\"");
	refused((struct slo_headers){ .slo_class = SLICE("gold") },
	    "x-slo-class: no SLO class is called \"gold\"");
}

static void
a_long_bad_value_is_not_repeated_whole(void **state)
{
	char long_value[2000];
	struct slo_headers h = { .slo_class = { long_value, 2000 } };
	struct slo out;
	struct errmsg why;

	(void)state;
	memset(long_value, 'x', sizeof(long_value));
	assert_int_equal(
	    slo_resolve(f.conf, NULL, &h, NULL, &out, &why), ERR_INVALID);
	assert_true(strlen(why.text) < 150);
}

static void
the_smallest_target_is_a_microsecond(void **state)
{
	struct slo_headers h = { .ttft_ms = SLICE("0.0000001") };

	(void)state;
	assert_int_equal(resolved(NULL, h, NULL).ttft, 1);
}

static void
a_class_without_targets_has_none(void **state)
{
	struct slo s = { .name = "default" };

	(void)state;
	assert_false(slo_has_targets(&s));
	s.itl = 1;
	assert_true(slo_has_targets(&s));
}

static void
a_whole_answer_is_due_when_a_stream_would_have_ended(void **state)
{
	struct slo s = { .ttft = 100, .itl = 10 };

	(void)state;
	assert_true(slo_whole(&s, 0) == 100 && slo_whole(&s, 1) == 100);
	assert_true(slo_whole(&s, 11) == 200);
	s.total = 150;
	assert_true(slo_whole(&s, 3) == 120 && slo_whole(&s, 11) == 150);
	s.itl = 0;
	assert_true(slo_whole(&s, 11) == 150);
	s.total = 0;
	assert_true(slo_whole(&s, 11) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    headers_beat_suffix_beats_tenant_beats_default),
		cmocka_unit_test(
		    a_number_replaces_one_target_and_makes_it_custom),
		cmocka_unit_test(
		    a_higher_class_comes_at_the_tenants_own_priority),
		cmocka_unit_test(bad_values_name_their_header),
		cmocka_unit_test(a_long_bad_value_is_not_repeated_whole),
		cmocka_unit_test(the_smallest_target_is_a_microsecond),
		cmocka_unit_test(a_class_without_targets_has_none),
		cmocka_unit_test(
		    a_whole_answer_is_due_when_a_stream_would_have_ended),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
