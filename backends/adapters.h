/* backends/adapters.h - what the rows of registry.c are made of.
 *
 * The openai_* functions serve any backend that speaks OpenAI's formats as
 * OpenAI does; the others are what one kind does differently. */
#ifndef BACKENDS_ADAPTERS_H
#define BACKENDS_ADAPTERS_H

#include "backends/backend.h"

/* "6m0s", "250ms", "1h2m3.5s", or plain seconds: "7", "0.25". False: it is
 * none of these, and *out untouched. */
bool read_span(struct slice text, usec *out);

void openai_read_header(
    struct slice name, struct slice value, struct answer_head *);
struct fault openai_classify(const struct answer_head *, struct slice body);
void openai_read_probe(
    enum probe_kind, int status, struct slice body, struct probe_result *);

void anthropic_read_header(
    struct slice name, struct slice value, struct answer_head *);

void vllm_read_probe(
    enum probe_kind, int status, struct slice body, struct probe_result *);
void sglang_read_probe(
    enum probe_kind, int status, struct slice body, struct probe_result *);
void llamacpp_read_probe(
    enum probe_kind, int status, struct slice body, struct probe_result *);

struct fault ollama_classify(const struct answer_head *, struct slice body);
void ollama_read_probe(
    enum probe_kind, int status, struct slice body, struct probe_result *);
void lmstudio_read_probe(
    enum probe_kind, int status, struct slice body, struct probe_result *);

#endif
