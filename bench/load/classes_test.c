/* bench/load/classes_test.c - classes as the command line has them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load/classes.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static enum err
parse(const char *spec, struct load_class *c, struct errmsg *why)
{
	return load_class_parse(slice_of(spec), 3, c, why);
}

static void
headers_are(const char *spec, const char *want)
{
	struct load_class c;
	struct errmsg why;
	struct buf b;

	assert_int_equal(parse(spec, &c, &why), OK);
	buf_init(&b, 4096);
	load_class_headers(&c, &b);
	buf_add_char(&b, '\0');
	assert_string_equal(b.p, want);
	buf_fini(&b);
	load_class_fini(&c);
}

static void
every_part_is_read(void **state)
{
	struct load_class c;
	struct errmsg why;

	setenv("LOAD_TEST_KEY", "sk-1", 1);
	assert_int_equal(
	    parse("name=voice,share=20,key=env:LOAD_TEST_KEY,model=gemma:voice,"
		  "ttft=250ms,itl=15ms,total=1.5s,percentile=99,"
		  "priority=premium,slo=fast",
		&c, &why),
	    OK);
	assert_string_equal(c.name, "voice");
	assert_string_equal(c.slo.name, "voice");
	assert_string_equal(c.key, "sk-1");
	assert_string_equal(c.model, "gemma:voice");
	assert_string_equal(c.slo_class, "fast");
	assert_float_equal(c.share, 20, 0);
	assert_float_equal(c.slo.percentile, 99, 0);
	assert_int_equal(c.slo.ttft, 250 * USEC_MS);
	assert_int_equal(c.slo.itl, 15 * USEC_MS);
	assert_int_equal(c.slo.total, 1500 * USEC_MS);
	assert_int_equal(c.slo.priority, PRIORITY_PREMIUM);
	load_class_fini(&c);
}

static void
what_is_left_out_has_a_default(void **state)
{
	struct load_class c;
	struct errmsg why;

	assert_int_equal(parse("", &c, &why), OK);
	assert_string_equal(c.name, "3");
	assert_null(c.key);
	assert_null(c.model);
	assert_float_equal(c.share, 1, 0);
	assert_int_equal(c.slo.priority, PRIORITY_STANDARD);
	load_class_fini(&c);
}

static void
terms_are_sent_or_the_class_or_nothing(void **state)
{
	headers_are("ttft=250ms,itl=12500us",
	    "x-slo-ttft-ms: 250\nx-slo-itl-ms: 12.5\n");
	headers_are("ttft=250ms,slo=voice", "x-slo-class: voice\n");
	headers_are("ttft=250ms,slo=voice,headers=no", "");
	setenv("LOAD_TEST_KEY", "sk-1", 1);
	headers_are("total=60s,key=env:LOAD_TEST_KEY",
	    "authorization: Bearer sk-1\nx-slo-total-ms: 60000\n");
}

static void
wrong_parts_are_named(void **state)
{
	static const struct {
		const char *spec, *complaint;
	} bad[] = { { "colour=red", "got \"colour\"" },
		{ "share=0", "share: want a number above 0, got \"0\"" },
		{ "share=many", "share: " },
		{ "ttft=250", "ttft: want a time" },
		{ "itl=-1ms", "itl: want a time" },
		{ "priority=vip", "priority: want premium, standard or batch" },
		{ "percentile=100",
		    "percentile: want a percentage of 1..99.999, such as 99, "
		    "got \"100\"" },
		{ "percentile=0.99", "1..99.999, such as 99, got \"0.99\"" },
		{ "headers=maybe", "headers: want yes or no" },
		{ "name=", "name: want a name" },
		{ "key=env:LOAD_TEST_UNSET",
		    "want $LOAD_TEST_UNSET to be set" },
		{ "key=file:/no/such", "/no/such" } };
	struct load_class c;
	struct errmsg why;

	unsetenv("LOAD_TEST_UNSET");
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_not_equal(parse(bad[i].spec, &c, &why), OK);
		if (strstr(why.text, bad[i].complaint) == NULL)
			fail_msg("%s: %s", bad[i].spec, why.text);
	}
}

static void
a_key_is_never_shown(void **state)
{
	static const char *const bad[] = { "key=sk-secret", "sk-secret",
		"key=env:LOAD_TEST_BAD" };
	struct load_class c;
	struct errmsg why;

	setenv("LOAD_TEST_BAD", "sk-secret with blanks", 1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_not_equal(parse(bad[i], &c, &why), OK);
		assert_null(strstr(why.text, "sk-secret"));
	}
}

static void
a_key_may_be_in_a_file(void **state)
{
	char path[] = "/tmp/load-key-XXXXXX", spec[64];
	struct load_class c;
	struct errmsg why;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "sk-2\n", 5), 5);
	close(fd);
	snprintf(spec, sizeof(spec), "key=file:%s", path);
	assert_int_equal(parse(spec, &c, &why), OK);
	assert_string_equal(c.key, "sk-2");
	load_class_fini(&c);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_is_read),
		cmocka_unit_test(what_is_left_out_has_a_default),
		cmocka_unit_test(terms_are_sent_or_the_class_or_nothing),
		cmocka_unit_test(wrong_parts_are_named),
		cmocka_unit_test(a_key_is_never_shown),
		cmocka_unit_test(a_key_may_be_in_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
