/* gateway/upstream/result.c - how a transfer ended, in our words.
 *
 * Codes of libcurl that can mean several things are told apart by what had
 * been sent and seen when they came. */
#include "gateway/upstream/result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNPACKED_FREE ((curl_off_t)16 << 20) /* bytes */
#define UNPACKED_MOST 100 /* times what came, beyond those */

static enum fault_kind
connect_fault(const struct transfer *t)
{
	long os_errno = 0;

	switch (t->open_error) {
	case 0:
		break;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return FAULT_INTERNAL;
	default:
		return FAULT_UNREACHABLE;
	}
	curl_easy_getinfo(t->easy.curl, CURLINFO_OS_ERRNO, &os_errno);
	return os_errno == ECONNREFUSED ? FAULT_REFUSED : FAULT_UNREACHABLE;
}

static bool
says(const struct transfer *t, const char *word)
{
	return strcasestr(t->easy.error, word) != NULL;
}

/* What a proxy was asked is counted, too, but comes before. */
bool
transfer_was_sent(const struct transfer *t)
{
	curl_off_t began = 0;
	long sent = 0;

	if (t->state == TRANSFER_QUEUED)
		return false; /* libcurl still has the one before */
	curl_easy_getinfo(t->easy.curl, CURLINFO_PRETRANSFER_TIME_T, &began);
	curl_easy_getinfo(t->easy.curl, CURLINFO_REQUEST_SIZE, &sent);
	return began > 0 && sent > 0;
}

/* Who does not take the whole of a body may be at work all the same: whether it
 * is, the next request will tell. */
static enum fault_kind
broken_fault(const struct transfer *t)
{
	return t->answered || !easy_body_taken(&t->easy) ? FAULT_CUT
							 : FAULT_RESET;
}

static enum fault_kind
fault_of(const struct transfer *t, CURLcode code)
{
	enum fault_kind broken = broken_fault(t);

	if (t->bomb)
		return FAULT_TOO_LARGE;
	/* of any other it may be a header that libcurl cannot store */
	if (t->wired && code == CURLE_OUT_OF_MEMORY)
		return FAULT_MEMORY;
	switch (code) {
	case CURLE_OK:
		/* libcurl calls it well when the headers were cut short */
		return t->headed ? FAULT_NONE : broken;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return FAULT_DNS;
	case CURLE_COULDNT_CONNECT:
		return connect_fault(t);
	case CURLE_OPERATION_TIMEDOUT:
		return FAULT_CONNECT_TIMEOUT; /* no other limit is set */
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_SSL_ENGINE_SETFAILED:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_USE_SSL_FAILED:
		return FAULT_TLS;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return FAULT_FRAMING;
	case CURLE_UNSUPPORTED_PROTOCOL:
		/* of a URL, unless an answer was not HTTP at all */
		return transfer_was_sent(t) ? FAULT_FRAMING : FAULT_UNREACHABLE;
	case CURLE_URL_MALFORMAT:
		return FAULT_UNREACHABLE;
	case CURLE_RECV_ERROR:
		return says(t, "chunk") ? FAULT_FRAMING : broken;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_PROXY:
		return broken;
	default:
		return t->answered ? FAULT_FRAMING : FAULT_INTERNAL;
	}
}

static void
fill_spans(struct transfer_result *r, const struct transfer *t)
{
	CURL *curl = t->easy.curl;
	curl_off_t connected = 0, secured = 0;
	long made = 0;

	curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &made);
	r->sent = transfer_was_sent(t);
	r->reused = made == 0 && r->sent;
	r->connect = r->tls = -1;
	if (made == 0)
		return;
	curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &secured);
	if (connected > 0)
		r->connect = connected;
	if (connected > 0 && secured > connected)
		r->tls = secured - connected;
}

void
transfer_timing(const struct transfer *t, usec *connect, usec *tls)
{
	struct transfer_result r;

	fill_spans(&r, t);
	*connect = r.connect;
	*tls = r.tls;
}

/* libcurl keeps its first words, also where they are of a kept connection that
 * it has found dead, and it fails with the next one for a reason of its own. */
static bool
is_of_the_first(const struct transfer *t, CURLcode code)
{
	return code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR &&
	    (says(t, "send failure") || says(t, "recv failure"));
}

static const char *
words_of(const struct transfer *t, CURLcode code)
{
	long verified = 0;

	if (code == CURLE_OK)
		return "Connection closed within the headers";
	if (t->easy.error[0] != '\0' && !is_of_the_first(t, code))
		return t->easy.error;
	curl_easy_getinfo(t->easy.curl, CURLINFO_SSL_VERIFYRESULT, &verified);
	return code == CURLE_PEER_FAILED_VERIFICATION &&
		verified > X509_V_ERR_UNSPECIFIED
	    ? X509_verify_cert_error_string(verified)
	    : curl_easy_strerror(code);
}

void
result_fill(struct transfer_result *r, const struct transfer *t, CURLcode code)
{
	r->fault = fault_of(t, code);
	fill_spans(r, t);
	r->message[0] = '\0';
	if (r->fault == FAULT_NONE)
		return;
	snprintf(r->message, sizeof(r->message), "%.*s",
	    (int)sizeof(r->message) - 1, words_of(t, code));
}

/* libcurl unpacks all that one read has brought before it lets go of the
 * thread: of 16 KB that may be gigabytes. */
bool
result_is_bomb(struct transfer *t, size_t more)
{
	curl_off_t came = 0;

	t->taken += (curl_off_t)more;
	if (t->taken <= UNPACKED_FREE)
		return false;
	curl_easy_getinfo(t->easy.curl, CURLINFO_SIZE_DOWNLOAD_T, &came);
	t->bomb = t->taken / UNPACKED_MOST > came;
	return t->bomb;
}
