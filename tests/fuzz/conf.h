/* tests/fuzz/conf.h - a configuration for a fuzz target that wants one. */
#ifndef TESTS_FUZZ_CONF_H
#define TESTS_FUZZ_CONF_H

#include "backends/backend.h"
#include "gateway/conf/conf.h"
#include "tests/fuzz/file.h"

/* Of both texts, which have to be good; the caller's to unref. */
static inline struct conf *
fuzz_conf(const char *first, const char *second)
{
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct complaints c;
	struct conf *conf = NULL;
	struct buf text;

	buf_init(&text, 4096);
	buf_add_str(&text, first);
	buf_add_str(&text, second);
	complaints_init(&c);
	if (conf_load(fuzz_file(buf_slice(&text)), &env, NULL, &conf, &c) != OK)
		fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&c.text)));
	FUZZ_REQUIRE(conf != NULL);
	complaints_fini(&c);
	buf_fini(&text);
	return conf;
}

#endif
