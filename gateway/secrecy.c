/* gateway/secrecy.c - memory that holds keys and prompts stays in memory.
 *
 * The soft limit alone: what is started from here may be given cores again by
 * whoever starts it, and secrecy_end() can undo it. Core files that go to a
 * pipe ignore the limit; for those the kernel asks whether the process is
 * dumpable. */
#include "gateway/secrecy.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "gateway/lib/log.h"

static void
set_core_limit(bool allow)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_CORE, &l) != 0)
		return;
	l.rlim_cur = allow ? l.rlim_max : 0;
	if (setrlimit(RLIMIT_CORE, &l) != 0)
		log_warn("core_dumps reason=\"setrlimit failed\"");
}

static void
set_dumpable(unsigned long yes)
{
	if (prctl(PR_SET_DUMPABLE, yes, 0UL, 0UL, 0UL) != 0)
		log_warn("core_dumps reason=\"prctl failed\"");
}

void
secrecy_begin(void)
{
	set_core_limit(false);
	set_dumpable(0);
}

void
secrecy_end(void)
{
	set_core_limit(true);
	set_dumpable(1);
}
