/* gateway/conf/settings_backends.c - settings of what answers: timeouts,
 * backends, models. */
#include "gateway/conf/settings_rows.h"

#define PRICE_MAX 1e6

/* --- timeouts --- */

#define TIMEOUT(member, high, ...)                                             \
#member, SETTING_DURATION, AT(conf_timeouts, member),                  \
	    BOUNDS(MS, high), __VA_ARGS__

static const char *const translate_words[] = { "needed", "always", "never",
	NULL };

static const struct setting timeout_rows[] = {
	{ TIMEOUT(connect, HOUR, .value = "1s",
	    .help = "To connect, TLS included.") },
	{ TIMEOUT(ttft, 24 * HOUR, .value = "30s",
	    .help = "Streamed calls: from request sent to first token.") },
	{ TIMEOUT(gap, 24 * HOUR, .value = "30s",
	    .help = "Streamed calls: between two pieces of the answer. It "
		    "stands still while a slow client holds the stream up.") },
	{ TIMEOUT(total, 24 * HOUR, .value = "600s",
	    .help = "The whole attempt; calls that are not streamed have no "
		    "other limit once connected. A default above, longer than "
		    "a `total` that you set, is cut down to it.") },
};

const struct setting_group settings_timeouts = {
	.title = "timeouts",
	.intro = "How long one attempt on a backend may take. These are the "
		 "defaults; a backend may have its own.",
	ROWS(timeout_rows, conf_timeouts),
};

#define INHERITED                                                              \
	.flags = SETTING_UNSET_NEGATIVE, .otherwise = "that of `timeouts`"

static const struct setting backend_timeout_rows[] = {
	{ TIMEOUT(
	    connect, HOUR, INHERITED, .help = "To connect, TLS included.") },
	{ TIMEOUT(ttft, 24 * HOUR, INHERITED,
	    .help = "Streamed calls: from request sent to first token.") },
	{ TIMEOUT(gap, 24 * HOUR, INHERITED,
	    .help = "Streamed calls: between two pieces of the answer.") },
	{ TIMEOUT(total, 24 * HOUR, INHERITED,
	    .help = "The whole attempt; calls that are not streamed have no "
		    "other limit once connected.") },
};

static const struct setting_group backend_timeouts_group = {
	.title = "backends[].timeouts",
	.intro = "As `timeouts` at the top level, for one backend.",
	ROWS(backend_timeout_rows, conf_timeouts),
};

/* --- backends --- */

#define PRICE(member, ...)                                                     \
#member, SETTING_NUMBER, SETTING_UNSET_NEGATIVE,                       \
	    AT(conf_price, member), BOUNDS(0, PRICE_MAX), __VA_ARGS__

/* hourly comes last: a serving has none of its own. */
static const struct setting price_rows[] = {
	{ PRICE(input, .otherwise = "unknown", .help = "Prompt tokens.") },
	{ PRICE(
	    output, .otherwise = "unknown", .help = "Tokens of the answer.") },
	{ PRICE(cached, .otherwise = "that of `input`",
	    .help = "Prompt tokens that the backend read from its cache.") },
	{ PRICE(cache_write, .otherwise = "that of `input`",
	    .help = "Prompt tokens that it wrote into its cache, where it "
		    "tells them (`/v1/messages`).") },
	{ PRICE(
	    request, .otherwise = "nothing", .help = "USD for each call.") },
	{ PRICE(image, .otherwise = "nothing",
	    .help = "USD for each picture that a call asks for.") },
	{ PRICE(characters, .otherwise = "nothing",
	    .help = "For a million characters that are spoken.") },
	{ PRICE(minute, .otherwise = "nothing",
	    .help = "USD for a minute of sound that is transcribed, as the "
		    "answer tells it.") },
	{ "as_of", SETTING_STRING, AT(conf_price, as_of), .otherwise = "none",
	    .help = "When you looked the price up: `\"2026-11\"` or "
		    "`\"2026-11-30\"`." },
	{ PRICE(hourly, .otherwise = "not fixed-cost",
	    .help = "USD per hour, for hardware that costs the same busy or "
		    "idle.") },
};

static const struct setting_group price_group = {
	.title = "backends[].price",
	.intro = "USD per million tokens, and for what is not sold by tokens. "
		 "Free is written `0`; what is left out is unknown, and an "
		 "unknown price is ranked as the dearest, never as free. Only "
		 "beside `request`, `image`, `characters` or `minute` tokens "
		 "that are left out cost nothing.",
	ROWS(price_rows, conf_price),
};

static const struct setting_group serving_price_group = {
	.title = "models[].serve[].price",
	.intro = "Instead of all of `backends[].price` but `hourly`: one "
		 "account often has models at several prices.",
	.rows = price_rows,
	.n = COUNT(price_rows) - 1,
	.size = sizeof(struct conf_price),
};

#define GUESSED .otherwise = "by `hardware`"

static const struct setting profile_rows[] = {
	{ "rtt", SETTING_DURATION, AT(conf_profile, rtt), BOUNDS(0, 10 * SEC),
	    GUESSED,
	    .help = "From here to it and back, on a connection that is open." },
	{ "step", SETTING_DURATION, AT(conf_profile, step), BOUNDS(0, 10 * SEC),
	    GUESSED,
	    .help = "One step of decoding for one request alone: its time "
		    "between tokens." },
	{ "per_sequence", SETTING_DURATION, AT(conf_profile, per_sequence),
	    BOUNDS(0, SEC), GUESSED,
	    .help = "What each further request at work adds to a step." },
	{ "per_token", SETTING_NUMBER, AT(conf_profile, per_token),
	    BOUNDS(0, 1e6), GUESSED,
	    .help = "Microseconds to prefill one token of a prompt." },
};

static const struct setting_group profile_group = {
	.title = "backends[].profile",
	.intro = "First estimates of its speed. The router corrects them as "
		 "answers come in, so they matter for the first hundred "
		 "requests; the simulator takes them as the truth.",
	ROWS(profile_rows, conf_profile),
};

static const struct setting backend_rows[] = {
	{ "name", SETTING_NAME, SETTING_REQUIRED, AT(conf_backend, name),
	    .help = "Not that of an SLO class, `fastest` or `cheapest`: "
		    "`gemma:gpu` asks for the backend `gpu`." },
	{ "adapter", SETTING_REF, SETTING_REQUIRED, AT(conf_backend, adapter),
	    .ref = REF_ADAPTER,
	    .help = "The kind of API: `openai`, `vllm`, `llamacpp`, ..." },
	{ "url", SETTING_URL, AT(conf_backend, url),
	    .otherwise = "the adapter's own",
	    .help = "Base URL as an SDK takes it, mostly with `/v1`. Also "
		    "`\"env:NAME\"`, or `\"unix:/path\"` for a Unix socket "
		    "(the path in the request is then below `/v1`). A port is "
		    "1..65535; the whole has 383 bytes at most." },
	{ "api_key", SETTING_API_KEY, AT(conf_backend, api_key),
	    .otherwise = "none",
	    .help = "A secret: `\"env:NAME\"` or `\"file:PATH\"`. Where the "
		    "variable is unset the backend is off. Adapters of hosted "
		    "services need a key, unless `url` is given. Or a list of "
		    "secrets: the first is used, the next while it is "
		    "refused (five minutes) or at its rate limit." },
	{ "slots", SETTING_INT, AT(conf_backend, slots), BOUNDS(1, 65536),
	    .otherwise = "not known",
	    .help = "How many requests it serves at the same time." },
	{ "hardware", SETTING_STRING, AT(conf_backend, hardware), .value = "",
	    .help = "What it runs on: `wafer`, `lpu`, `gpu` and `cpu` have "
		    "first estimates of speed of their own; any other word is "
		    "taken for `gpu`." },
	{ "region", SETTING_STRING, AT(conf_backend, region), .value = "",
	    .help = "Where it runs, in your words; `tenants[].regions` "
		    "names it." },
	{ "price", SETTING_GROUP, AT(conf_backend, price),
	    .group = &price_group, .otherwise = "unknown",
	    .help = "What it costs." },
	{ "profile", SETTING_GROUP, AT(conf_backend, profile),
	    .group = &profile_group, .otherwise = "by `hardware`",
	    .help = "How fast it is, to begin with." },
	{ "timeouts", SETTING_GROUP, AT(conf_backend, timeouts),
	    .group = &backend_timeouts_group,
	    .otherwise = "those of the top level",
	    .help = "How long an attempt may take." },
	{ "command", SETTING_COMMAND, SETTING_NONEMPTY,
	    AT(conf_backend, command), .otherwise = "none",
	    .help = "Program and arguments of a backend that the gateway "
		    "starts, watches and stops itself. `{port}` becomes a "
		    "free port; it then needs no `url`." },
	{ "strip", SETTING_STRINGS, AT(conf_backend, strip),
	    .otherwise = "the adapter's own",
	    .help = "Members of a request that this backend rejects: they "
		    "are taken out." },
	{ "translate", SETTING_ENUM, AT(conf_backend, translate),
	    .words = translate_words, .value = "needed",
	    .help = "Whether calls of `/v1/responses` and `/v1/messages` are "
		    "sent to it as chat, and its answers sent back as they "
		    "were asked for: `needed`, where its adapter, the "
		    "serving's `caps` or a 404 of its own say that it does not "
		    "speak them; `always`; `never`." },
	{ "ca_file", SETTING_PATH, AT(conf_backend, ca_file),
	    .otherwise = "the system's",
	    .help = "Certificates to trust, PEM." },
	{ "tls_insecure", SETTING_BOOL, AT(conf_backend, tls_insecure),
	    .value = "false",
	    .help = "Do not verify certificates. For tests only." },
	{ "probe_interval", SETTING_DURATION, SETTING_OR_ZERO,
	    AT(conf_backend, probe_interval), BOUNDS(100 * MS, HOUR),
	    .value = "5s",
	    .help = "How often its health and load are asked for; where nobody "
		    "is there each second, for a minute. With the adapter of a "
		    "hosted service twelve times less often, unless `url` is "
		    "of this machine or a private address. `\"0s\"`: "
		    "never." },
};

const struct setting_group settings_backends = {
	.title = "backends[]",
	.intro = "What can answer requests. Their order means nothing.",
	ROWS(backend_rows, conf_backend),
};

/* --- models --- */

static const struct setting serving_rows[] = {
	{ "backend", SETTING_REF, SETTING_REQUIRED, AT(conf_serving, backend),
	    .ref = REF_BACKEND, .help = "Which backend." },
	{ "model", SETTING_MODEL_NAME, AT(conf_serving, upstream),
	    .otherwise = "the public name",
	    .help =
		"The backend's own name for the model. A `*` at its end is "
		"what that of the public name stands for: of `openai/*`, `*` "
		"asks for `gpt-5` where the client has said `openai/gpt-5`, "
		"and of `gpt-*`, `openai/gpt-*` for `openai/gpt-5` where it "
		"has said `gpt-5`. Alone it is, where the public name has "
		"none, what was asked for." },
	{ "quality", SETTING_NUMBER, AT(conf_serving, quality),
	    BOUNDS(0, QUALITY_MAX), .value = "0",
	    .help = "How good its answers are, on a scale of your own." },
	{ "fallback", SETTING_BOOL, AT(conf_serving, fallback),
	    .value = "false",
	    .help = "Use it only when no other serving of the model can be." },
	{ "context", SETTING_INT, AT(conf_serving, context),
	    BOUNDS(1, UINT32_MAX), .otherwise = "not known: any",
	    .help = "Context length in tokens." },
	{ "caps", SETTING_CAPS, SETTING_NONEMPTY, AT(conf_serving, caps),
	    .otherwise = "not known: all",
	    .help = "What it can do; requests that need more go elsewhere." },
	{ "price", SETTING_GROUP, AT(conf_serving, price),
	    .group = &serving_price_group, .otherwise = "the backend's",
	    .help = "What it costs there." },
	{ "version", SETTING_STRING, AT(conf_serving, version), .value = "",
	    .help = "Of the model, in your words; shown in receipts." },
};

const struct setting_group settings_servings = {
	.title = "models[].serve[]",
	.intro = "A serving: the model on one backend. Servings of a model "
		 "need not be equal; SLO, quality, price and state decide "
		 "among them, their order does not (but where `policy` is "
		 "`observe`).",
	ROWS(serving_rows, conf_serving),
};

static const struct setting model_rows[] = {
	{ "name", SETTING_MODEL_NAME, SETTING_REQUIRED, AT(conf_model, name),
	    .help = "The public name, as clients write it. `*` stands for "
		    "every name that is not listed, `gpt-*` for those that "
		    "begin with `gpt-`; where several fit the longest counts. "
		    "`/v1/models` then has those, too, that its backends say "
		    "they have (where they are probed)." },
	{ "aliases", SETTING_STRINGS, SETTING_NO_NULL, AT(conf_model, aliases),
	    .otherwise = "none", .help = "Other names for it." },
	{ "serve", SETTING_LIST, SETTING_REQUIRED | SETTING_NONEMPTY,
	    LIST_AT(conf_model, servings, n_servings),
	    .group = &settings_servings,
	    .help = "Where it is served; at most 256 servings." },
};

const struct setting_group settings_models = {
	.title = "models[]",
	.intro = "What clients may ask for.",
	ROWS(model_rows, conf_model),
};
