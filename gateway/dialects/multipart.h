/* gateway/dialects/multipart.h - multipart/form-data, read in place.
 *
 * After RFC 7578 and RFC 2046, 5.1, strictly: what two readers could cut in two
 * ways is refused, since a backend is to find the same parts that we judged.
 * There is nothing before the first delimiter and nothing behind the last, no
 * boundary inside a part, no folded header, no second name. */
#ifndef GATEWAY_DIALECTS_MULTIPART_H
#define GATEWAY_DIALECTS_MULTIPART_H

#include "gateway/lib/err.h"
#include "gateway/lib/slice.h"

#define MULTIPART_PARTS_MAX 256
#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 */
#define MULTIPART_HEAD_MAX ((size_t)8 << 10) /* bytes of a part's headers */

struct multipart {
	struct slice rest; /* behind the last delimiter that was read */
	char mark[MULTIPART_BOUNDARY_MAX + 2]; /* "--BOUNDARY" */
	size_t n_mark;
	unsigned parts; /* so far */
	struct slice end; /* once all are read: the mark that closes them */
};

/* All slices point into the body. */
struct multipart_part {
	struct slice name; /* as written, without its quotes; has no escape */
	struct slice value;
	bool file; /* it has a file's name */
	bool coded; /* content-transfer-encoding: not as it is */
};

/* Whether a content-type is multipart of any kind. */
bool multipart_is(struct slice content_type);

/* At the first part. ERR_INVALID: the content-type has no good boundary;
 * ERR_SYNTAX: the body does not begin with it. */
enum err multipart_begin(struct multipart *, struct slice content_type,
    struct slice body, struct errmsg *why) MUST_USE;

/* ERR_NOT_FOUND: that was the last. */
enum err multipart_next(
    struct multipart *, struct multipart_part *, struct errmsg *why) MUST_USE;

#endif
