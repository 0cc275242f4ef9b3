/* gateway/dialects/formats.h - the rows behind dialect_get(). */
#ifndef GATEWAY_DIALECTS_FORMATS_H
#define GATEWAY_DIALECTS_FORMATS_H

#include "gateway/dialects/dialect.h"

extern const struct dialect_ops dialect_chat;
extern const struct dialect_ops dialect_completions;
extern const struct dialect_ops dialect_embeddings;
extern const struct dialect_ops dialect_responses;
extern const struct dialect_ops dialect_messages;
extern const struct dialect_ops dialect_speech;
extern const struct dialect_ops dialect_transcription;
extern const struct dialect_ops dialect_images;
extern const struct dialect_ops dialect_moderation;
extern const struct dialect_ops dialect_rerank;
extern const struct dialect_ops dialect_counting;
extern const struct dialect_ops dialect_realtime;

#endif
