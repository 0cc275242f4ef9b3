/* policies/boundaries_test.c - what a tenant may never leave. */
#include "gateway/conf/testing.h"

#include "policies/boundaries.h"

static const char *const us[] = { "us", NULL };
static const char *const gpu[] = { "gpu", NULL };

static const struct conf_backend in_us = { .name = "gpu", .region = "us" };
static const struct conf_backend in_eu = { .name = "gpu", .region = "eu" };
static const struct conf_backend nowhere = { .name = "gpu", .region = "" };
static const struct conf_backend other = { .name = "cpu", .region = "us" };

static void
an_open_gateway_has_no_boundaries(void **state)
{
	(void)state;
	assert_true(boundary_backend(NULL, &nowhere));
}

static void
backends_and_regions_both_bind(void **state)
{
	struct conf_tenant t = { .regions = us, .backends = gpu };

	(void)state;
	assert_true(boundary_backend(&t, &in_us));
	assert_false(boundary_backend(&t, &in_eu));
	assert_false(boundary_backend(&t, &other));
}

static void
an_unsaid_region_is_outside_every_region(void **state)
{
	struct conf_tenant t = { .regions = us };

	(void)state;
	assert_false(boundary_backend(&t, &nowhere));
}

static void
the_higher_of_two_qualities_is_asked_for(void **state)
{
	struct conf_tenant t = { .min_quality = 20 };
	struct slo slo = { .min_quality = 10 };
	struct conf_serving s = { .backend = &in_us, .quality = 15 };

	(void)state;
	assert_true(boundary_serving(NULL, &slo, &s));
	assert_false(boundary_serving(&t, &slo, &s));
	s.quality = 20;
	assert_true(boundary_serving(&t, &slo, &s));
	slo.min_quality = 21;
	assert_false(boundary_serving(&t, &slo, &s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_gateway_has_no_boundaries),
		cmocka_unit_test(backends_and_regions_both_bind),
		cmocka_unit_test(an_unsaid_region_is_outside_every_region),
		cmocka_unit_test(the_higher_of_two_qualities_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
