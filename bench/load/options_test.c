/* bench/load/options_test.c - the command line of loadtest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/options.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define ARGS_MAX 24

/* The words of one command line, cut at its blanks. */
static enum options_end
read_line(struct loadtest_options *o, const char *line)
{
	static char text[1024];
	char *argv[ARGS_MAX + 1] = { text };
	struct slice rest = slice_of(line), word;
	int argc = 0;
	char *p = text;

	while (slice_next(&rest, ' ', &word)) {
		assert_true(argc < ARGS_MAX);
		memcpy(p, word.p, word.n);
		p[word.n] = '\0';
		argv[argc++] = p;
		p += word.n + 1;
	}
	argv[argc] = NULL;
	return loadtest_options_read(o, argc, argv);
}

static void
a_whole_command_line_is_read(void **state)
{
	struct loadtest_options o;

	setenv("LOAD_TEST_KEY", "sk-9", 1);
	assert_int_equal(
	    read_line(&o,
		"loadtest --url https://api.example/v1/ --rate 5 --duration 2m "
		"--class name=a,share=3 --class name=b,model=own --model m "
		"--key env:LOAD_TEST_KEY --bursts 4,12s,120s --seed 9 "
		"--price gpu=1/2 --json --limit 7"),
	    OPTIONS_GO);
	assert_string_equal(o.url, "https://api.example/v1/chat/completions");
	assert_string_equal(o.host, "api.example");
	assert_int_equal(o.offer.n_classes, 2);
	assert_string_equal(o.classes[0].model, "m");
	assert_string_equal(o.classes[1].model, "own");
	assert_string_equal(o.classes[1].key, "sk-9");
	assert_float_equal(o.offer.rate, 5, 0);
	assert_float_equal(o.offer.bursts.factor, 4, 0);
	assert_int_equal(o.offer.bursts.every, 120 * USEC_SEC);
	assert_int_equal(o.duration, 120 * USEC_SEC);
	assert_int_equal(o.offer.seed, 9);
	assert_int_equal(o.n_prices, 1);
	assert_int_equal(o.limit, 7);
	assert_true(o.json);
	loadtest_options_fini(&o);
}

static void
lengths_are_honoured_when_asked(void **state)
{
	struct loadtest_options o;

	assert_int_equal(read_line(&o,
			     "loadtest --url http://h --trace t.csv --speed 2 "
			     "--honour-lengths --max-tokens 8"),
	    OPTIONS_GO);
	assert_string_equal(o.url, "http://h/v1/chat/completions");
	assert_true(o.honour_lengths);
	assert_int_equal(o.offer.output, 8);
	assert_float_equal(o.offer.speed, 2, 0);
	assert_string_equal(o.classes[0].name, "all");
	loadtest_options_fini(&o);
}

static void
misuse_is_refused(void **state)
{
	static const char *const bad[] = {
		"loadtest",
		"loadtest --rate 5 --duration 1s",
		"loadtest --url http://h/v1",
		"loadtest --url http://h/v1 --rate 5",
		"loadtest --url http://h/v1 --rate 5 --duration 5",
		"loadtest --url http://h/v1 --rate 0 --duration 5s",
		"loadtest --url http://h/v1 --rate nan --duration 5s",
		"loadtest --url http://h/v1 --rate 5 --requests 0",
		"loadtest --url http://h/v1 --rate 5 --trace t --requests 1",
		"loadtest --url http://h/v1 --rate 5 --speed 2 --requests 1",
		"loadtest --url http://h/v1 --rate 5 --requests 1 extra",
		"loadtest --url http://h/v1 --rate 5 --requests 1 --nonsense",
		"loadtest --url http://h/v1 --rate 5 --requests 1 --extra []",
		"loadtest --url http://h/v1 --rate 5 --requests 1 --bursts 4",
		"loadtest --url http://h/v1 --rate 5 --requests 1 "
		"--bursts 4,9s,9s",
		"loadtest --url http://h/v1 --rate 5 --requests 1 "
		"--class name=a --class name=a",
		"loadtest --url http://h/v1 --rate 5 --requests 1 --key sk",
		"loadtest --url ftp://h/v1 --rate 5 --requests 1",
		"loadtest --url http:///v1 --rate 5 --requests 1",
		"loadtest --url http://u:p@h/v1 --rate 5 --requests 1",
		"loadtest --url http://h/v1?a=b --rate 5 --requests 1",
	};
	struct loadtest_options o;

	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(read_line(&o, bad[i]), OPTIONS_WRONG);
		loadtest_options_fini(&o);
	}
}

static void
further_members_are_kept_as_they_are(void **state)
{
	struct loadtest_options o;

	assert_int_equal(read_line(&o,
			     "loadtest --url http://h/v1 --rate 5 --requests 1 "
			     "--extra {\"a\":[1],\"b\":{}}"),
	    OPTIONS_GO);
	assert_true(slice_is(o.extra, "\"a\":[1],\"b\":{}"));
	loadtest_options_fini(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_command_line_is_read),
		cmocka_unit_test(lengths_are_honoured_when_asked),
		cmocka_unit_test(misuse_is_refused),
		cmocka_unit_test(further_members_are_kept_as_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
