/* router/suspect.h - whether failures say more of who asks than of who answers.
 *
 * Of each serving one tenant and one request is remembered whose failures
 * stand out: it failed, and others who asked after it had were answered. As
 * long as they are, its failures are its own, and blame nobody. In an outage
 * nobody is answered who asked after its beginning, so that nobody is excused,
 * and who asks alone never is. The candidate is found as by Boyer and Moore
 * (majority vote): failures of others count against it, and take its place.
 *
 * A tenant that fails over and over before the first token is believed without
 * such proofs: where another was answered in the last half minute, and none but
 * itself has failed for a while. In an outage that ends with the first failure
 * of another; until then only its own are lost, which go elsewhere. */
#ifndef ROUTER_SUSPECT_H
#define ROUTER_SUSPECT_H

#include "router/router.h"

#define SUSPECT_PROOFS 3 /* others answered, to be excused */
#define SUSPECT_PROOFS_MAX 8
#define SUSPECT_REFUTES 3 /* proofs that a failure of another takes off */
#define SUSPECT_PROOF_AGE (10 * USEC_SEC) /* of the latest proof */
#define SUSPECT_WITNESS (30 * USEC_SEC) /* of the latest answer to another */
#define SUSPECT_ALONE 5 /* its failures, none of another in between */
#define SUSPECT_FAILS_ALWAYS 5
#define SUSPECT_REST (15 * USEC_SEC)

/* Who asks: the tenant, and the request itself. */
enum { AUTHOR_TENANT, AUTHOR_REQUEST, AUTHOR_KINDS };
struct author {
	uint64_t by[AUTHOR_KINDS]; /* never 0 */
};
struct author author_of(const struct route_request *);

/* All zeros: nobody. */
struct suspects {
	struct suspect {
		uint64_t who; /* 0: nobody */
		usec since; /* its first failure, or the last one of others */
		usec failed_at, proved_at; /* last time */
		usec refuted_at; /* last failure of another */
		unsigned failed_in_a_row;
		unsigned alone; /* failures, none of another in between */
		unsigned proofs;
		bool late; /* it fails after the first token */
	} by[AUTHOR_KINDS];
	/* the tenant that was answered last, and the last time that another
	 * one was */
	uint64_t well;
	usec well_at, others_well_at;
};

/* One that was sent then has had its first token; its answer has come whole
 * (`began`: the first token was told of before). */
void suspects_began(
    struct suspects *, const struct author *, usec sent, usec now);
void suspects_whole(
    struct suspects *, const struct author *, usec sent, bool began, usec now);
/* It failed, after the first token or before. True: that is its own doing. */
bool suspects_failed(
    struct suspects *, const struct author *, bool began, usec now);

/* Whether it always fails there, and only it does: it is better tried
 * elsewhere. */
bool suspects_avoid(const struct suspects *, const struct author *, usec now);

#endif
