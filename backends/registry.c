/* backends/registry.c - every kind of backend; a new one is a row here.
 *
 * A row says what is known of a kind and which functions speak its language:
 * openai_* unless it does something in a way of its own. */
#include "backends/adapters.h"
#include "gateway/lib/count.h"

static const struct backend_ops openai = {
	.name = "openai",
	.default_url = "https://api.openai.com/v1",
	.caps = CAP_ALL & ~(unsigned)(CAP_MESSAGES | CAP_RERANK),
	.needs_key = true,
	.always_warm = true,
	.completion_tokens = true,
	.chat_files = true,
	.read_header = openai_read_header,
	.classify = openai_classify,
	.read_probe = openai_read_probe,
};

/* What is said of its refusals varies: `strip` of a backend has the last word.
 */
static const char *const cerebras_strip[] = { "frequency_penalty", "logit_bias",
	"presence_penalty", "parallel_tool_calls", NULL };

static const struct backend_ops cerebras = {
	.name = "cerebras",
	.default_url = "https://api.cerebras.ai/v1",
	.caps = CAP_CHAT | CAP_COMPLETIONS | CAP_TOOLS | CAP_JSON_MODE,
	.needs_key = true,
	.always_warm = true,
	.strip = cerebras_strip,
	.completion_tokens = true,
	.read_header = openai_read_header,
	.classify = openai_classify,
	.read_probe = openai_read_probe,
};

static const char *const groq_strip[] = { "logprobs", "logit_bias",
	"top_logprobs", NULL };

static const struct backend_ops groq = {
	.name = "groq",
	.default_url = "https://api.groq.com/openai/v1",
	.caps = CAP_CHAT | CAP_RESPONSES | CAP_TOOLS | CAP_IMAGES |
	    CAP_JSON_MODE | CAP_SPEECH | CAP_TRANSCRIPTION,
	.needs_key = true,
	.always_warm = true,
	.strip = groq_strip,
	.completion_tokens = true,
	.read_header = openai_read_header,
	.classify = openai_classify,
	.read_probe = openai_read_probe,
};

static const struct backend_ops anthropic = {
	.name = "anthropic",
	.default_url = "https://api.anthropic.com/v1",
	.caps = CAP_CHAT | CAP_MESSAGES | CAP_TOOLS | CAP_IMAGES,
	.needs_key = true,
	.always_warm = true,
	.x_api_key = true,
	.read_header = anthropic_read_header,
	.classify = openai_classify,
	.read_probe = openai_read_probe,
};

static const struct backend_ops huggingface = {
	.name = "huggingface",
	.default_url = "https://router.huggingface.co/v1",
	.caps =
	    CAP_CHAT | CAP_RESPONSES | CAP_TOOLS | CAP_IMAGES | CAP_JSON_MODE,
	.needs_key = true,
	.always_warm = true,
	.read_header = openai_read_header,
	.classify = openai_classify,
	.read_probe = openai_read_probe,
};

static const struct backend_ops vllm = {
	.name = "vllm",
	.default_url = "http://127.0.0.1:8000/v1",
	.caps = CAP_PLAIN | CAP_TRANSCRIPTION | CAP_RERANK,
	.health_path = "/health",
	.load_path = "/metrics",
	.read_header = openai_read_header,
	.classify = openai_classify,
	.read_probe = vllm_read_probe,
};

static const struct backend_ops sglang = {
	.name = "sglang",
	.default_url = "http://127.0.0.1:30000/v1",
	.caps = (CAP_PLAIN & ~(unsigned)CAP_MESSAGES) | CAP_RERANK,
	.lacks_base64 = true,
	.health_path = "/health",
	.load_path = "/metrics",
	.read_header = openai_read_header,
	.classify = openai_classify,
	.read_probe = sglang_read_probe,
};

/* Its port has changed over time: the URL is never assumed. */
static const struct backend_ops llamacpp = {
	.name = "llamacpp",
	/* its events of responses lack members that SDKs need */
	.caps = (CAP_PLAIN & ~(unsigned)CAP_RESPONSES) | CAP_RERANK,
	.tells_usage = true, /* in timings, which would move if it were asked */
	.health_path = "/health",
	.load_path = "/metrics",
	.read_header = openai_read_header,
	.classify = openai_classify,
	.read_probe = llamacpp_read_probe,
};

static const struct backend_ops ollama = {
	.name = "ollama",
	.default_url = "http://127.0.0.1:11434/v1",
	.caps = CAP_PLAIN & ~(unsigned)CAP_AUDIO,
	.lacks_base64 = true,
	.health_path = "/api/version",
	.load_path = "/api/ps",
	.read_header = openai_read_header,
	.classify = ollama_classify,
	.read_probe = ollama_read_probe,
};

static const struct backend_ops mlx = {
	.name = "mlx",
	.default_url = "http://127.0.0.1:8080/v1",
	.caps = CAP_CHAT | CAP_COMPLETIONS | CAP_TOOLS,
	.health_path = "/health",
	.read_header = openai_read_header,
	.classify = openai_classify,
	.read_probe = openai_read_probe,
};

static const struct backend_ops lmstudio = {
	.name = "lmstudio",
	.default_url = "http://127.0.0.1:1234/v1",
	.caps = CAP_PLAIN & ~(unsigned)CAP_AUDIO,
	.lacks_base64 = true,
	.health_path = "/api/v1/models",
	.load_path = "/api/v1/models",
	.read_header = openai_read_header,
	.classify = openai_classify,
	.read_probe = lmstudio_read_probe,
};

/* In the order of the documentation. */
static const struct backend_ops *const all[] = { &openai, &cerebras, &groq,
	&anthropic, &huggingface, &vllm, &sglang, &llamacpp, &ollama, &mlx,
	&lmstudio };

const struct backend_ops *
backend_find(struct slice name)
{
	for (size_t i = 0; i < COUNT(all); i++)
		if (slice_is(name, all[i]->name))
			return all[i];
	return NULL;
}

_Static_assert(COUNT(all) <= BACKENDS_MAX, "more rows than places");

const struct backend_ops *const *
backend_all(size_t *n)
{
	*n = COUNT(all);
	return all;
}

struct conf_env
backend_conf_env(struct conf_adapter storage[BACKENDS_MAX])
{
	for (size_t i = 0; i < COUNT(all); i++)
		storage[i] = (struct conf_adapter){
			.name = all[i]->name,
			.default_url = all[i]->default_url,
			.needs_key = all[i]->needs_key,
			.caps = all[i]->caps,
		};
	return (
	    struct conf_env){ .adapters = storage, .n_adapters = COUNT(all) };
}
