/* gateway/conf/suggest_test.c - which word was meant. */
#include "gateway/conf/suggest.h"
#include "gateway/conf/testing.h"

static size_t
distance(const char *a, const char *b)
{
	return suggest_distance(slice_of(a), slice_of(b));
}

static void
one_slip_is_one_step(void **state)
{
	assert_int_equal(distance("slots", "slots"), 0);
	assert_int_equal(distance("slots", "slot"), 1);
	assert_int_equal(distance("slots", "slotss"), 1);
	assert_int_equal(distance("slots", "slops"), 1);
	assert_int_equal(distance("slots", "slost"), 1); /* swapped */
	assert_int_equal(distance("slots", "SLOTS"), 0);
	assert_int_equal(distance("", "abc"), 3);
	assert_int_equal(distance("abc", ""), 3);
	assert_int_equal(distance("kitten", "sitting"), 3);
}

static void
an_overlong_word_is_far_from_everything(void **state)
{
	char word[SUGGEST_MAX + 2];

	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	assert_true(distance(word, "x") == SIZE_MAX);
	word[SUGGEST_MAX] = '\0';
	assert_int_equal(distance(word, "x"), SUGGEST_MAX - 1);
}

static void
the_nearest_is_suggested(void **state)
{
	struct suggest s;

	suggest_init(&s, SLICE("cerebra"));
	suggest_offer(&s, "vllm");
	suggest_offer(&s, "celebrate");
	suggest_offer(&s, "cerebras");
	suggest_offer(&s, NULL);
	assert_string_equal(s.best, "cerebras");
}

static void
another_word_is_not_suggested(void **state)
{
	struct suggest s;

	suggest_init(&s, SLICE("groq"));
	suggest_offer(&s, "vllm");
	suggest_offer(&s, "nim");
	suggest_offer(&s, "cerebras");
	assert_null(s.best);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_slip_is_one_step),
		cmocka_unit_test(an_overlong_word_is_far_from_everything),
		cmocka_unit_test(the_nearest_is_suggested),
		cmocka_unit_test(another_word_is_not_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
