/* backends/registry_test.c - the table of adapters is whole. */
#include <string.h>

#include "backends/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
every_row_can_do_everything(void **state)
{
	size_t n;
	const struct backend_ops *const *all = backend_all(&n);

	assert_int_equal(n, 11);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(backend_find(slice_of(all[i]->name)), all[i]);
		assert_non_null(all[i]->read_header);
		assert_non_null(all[i]->classify);
		assert_non_null(all[i]->read_probe);
		assert_true((all[i]->caps & CAP_CHAT) != 0);
		assert_int_equal(all[i]->caps & ~CAP_ALL, 0);
	}
}

static void
only_hosted_apis_need_keys(void **state)
{
	size_t n;
	const struct backend_ops *const *all = backend_all(&n);

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(all[i]->needs_key, all[i]->always_warm);
		assert_true(!all[i]->needs_key || all[i]->default_url != NULL);
	}
}

static void
urls_end_as_an_sdks_base_url_does(void **state)
{
	size_t n;
	const struct backend_ops *const *all = backend_all(&n);

	for (size_t i = 0; i < n; i++) {
		const char *url = all[i]->default_url;

		if (url != NULL)
			assert_string_equal(url + strlen(url) - 3, "/v1");
	}
}

static void
an_unknown_name_is_nothing(void **state)
{
	assert_null(backend_find(SLICE("open")));
	assert_null(backend_find(SLICE("")));
	assert_null(backend_find(SLICE("OpenAI")));
}

static void
the_configuration_knows_the_same_adapters(void **state)
{
	struct conf_adapter storage[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(storage);
	size_t n;
	const struct backend_ops *const *all = backend_all(&n);

	assert_int_equal(env.n_adapters, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(env.adapters[i].name, all[i]->name);
		assert_ptr_equal(
		    env.adapters[i].default_url, all[i]->default_url);
		assert_int_equal(env.adapters[i].needs_key, all[i]->needs_key);
		assert_int_equal(env.adapters[i].caps, all[i]->caps);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_can_do_everything),
		cmocka_unit_test(only_hosted_apis_need_keys),
		cmocka_unit_test(urls_end_as_an_sdks_base_url_does),
		cmocka_unit_test(an_unknown_name_is_nothing),
		cmocka_unit_test(the_configuration_knows_the_same_adapters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
