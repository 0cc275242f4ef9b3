/* gateway/key_rest.h - when it is a backend's key that is to blame, and for how
 * long. */
#ifndef GATEWAY_KEY_REST_H
#define GATEWAY_KEY_REST_H

#include "gateway/conf/conf.h"

/* How long a key rests at its limit, by what was told; 0: nothing was. */
usec key_at_its_limit(usec told);
/* How long the key is to blame, and nobody else; 0: it is not. */
usec key_rest(const struct fault *);
/* From now on, for so long: a refused one whatever it is asked for. */
void key_lay_down(const struct conf_serving *, struct conf_api_key *,
    enum fault_kind, usec until);
/* The same where it is to blame and another of its backend's keys may be used
 * now: then the backend is not to blame. `id`: of the request, for the log. */
bool key_turn(const char *id, const struct conf_serving *,
    struct conf_api_key *, const struct fault *, usec now);

#endif
