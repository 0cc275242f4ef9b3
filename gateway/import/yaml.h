/* gateway/import/yaml.h - a YAML file to be read once, by name and by line.
 *
 * Anchors and merge keys ("<<") are followed. Nodes belong to the document. */
#ifndef GATEWAY_IMPORT_YAML_H
#define GATEWAY_IMPORT_YAML_H

#include <yaml.h>

#include "gateway/lib/err.h"
#include "gateway/lib/slice.h"

/* The one document that the file has: without a root node where it has none.
 * ERR_IO, ERR_LIMIT, or ERR_SYNTAX with "FILE:LINE: ..." */
enum err yaml_read(
    const char *path, yaml_document_t *out, struct errmsg *why) MUST_USE;
/* Of members of the same name the last counts, as for PyYAML: the others are
 * taken out of their maps, and each such key is told. ERR_MEMORY */
enum err yaml_drop_twins(yaml_document_t *,
    void (*tell)(void *, const yaml_node_t *key), void *to) MUST_USE;

/* All of them take NULL for a node that is not there. */
const yaml_node_t *yaml_member(
    yaml_document_t *, const yaml_node_t *map, const char *name);
/* The i-th member of a map, or NULL: no more. Those of merge keys are not
 * counted. */
const yaml_node_t *yaml_pair(yaml_document_t *, const yaml_node_t *map,
    size_t i, const yaml_node_t **key);
/* The i-th element of a sequence, or NULL: no more. */
const yaml_node_t *yaml_element(
    yaml_document_t *, const yaml_node_t *sequence, size_t i);
/* Of a scalar that is not null; else empty, with a NULL pointer. */
struct slice yaml_text(const yaml_node_t *);
bool yaml_number(const yaml_node_t *, double *out);
bool yaml_is_true(const yaml_node_t *);
bool yaml_is_false(const yaml_node_t *);
unsigned yaml_line(const yaml_node_t *);

#endif
