/* bench/sim/find.c - where scenarios are. */
#include <libconfig.h>
#include <string.h>
#include <glob.h>
#include <unistd.h>

#include "bench/sim/scenario.h"

#define N_NEAR 4

/* The folders that may hold them, best first: below this one, then below
 * that of the program. False: there is no such place. */
static bool
place(unsigned i, char out[SCENARIO_TEXT])
{
	static const char *const near[N_NEAR] = { "/bench", "/../bench",
		"/../../bench", "/../share/pointsman" };
	char self[SCENARIO_TEXT];
	ssize_t n;

	if (i == 0)
		return snprintf(out, SCENARIO_TEXT, "bench/scenarios") > 0;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return snprintf(out, SCENARIO_TEXT, "%s%s/scenarios", self,
		   near[i - 1]) < SCENARIO_TEXT;
}

static bool
try(char path[SCENARIO_TEXT], const char *folder, const char *name)
{
	int n = snprintf(path, SCENARIO_TEXT, "%s/%s.conf", folder, name);

	return n < SCENARIO_TEXT && access(path, R_OK) == 0;
}

bool
scenario_find(const char *name, char path[SCENARIO_TEXT])
{
	char folder[SCENARIO_TEXT];

	if (strchr(name, '/') != NULL || strchr(name, '.') != NULL) {
		int n = snprintf(path, SCENARIO_TEXT, "%s", name);

		return n < SCENARIO_TEXT && access(path, R_OK) == 0;
	}
	for (unsigned i = 0; i <= N_NEAR; i++)
		if (place(i, folder) && try(path, folder, name))
			return true;
	return false;
}

/* A fleet has no summary. */
static void
list_one(FILE *f, const char *path)
{
	const char *name = strrchr(path, '/') + 1, *summary;
	config_t tree;

	config_init(&tree);
	if (config_read_file(&tree, path) == CONFIG_TRUE &&
	    config_lookup_string(&tree, "summary", &summary) == CONFIG_TRUE)
		fprintf(f, "  %-18.*s %s\n", (int)(strlen(name) - 5), name,
		    summary);
	config_destroy(&tree);
}

void
scenario_list(FILE *f)
{
	char folder[SCENARIO_TEXT], pattern[SCENARIO_TEXT + 16];
	glob_t found;

	for (unsigned i = 0; i <= N_NEAR; i++) {
		if (!place(i, folder))
			continue;
		snprintf(pattern, sizeof(pattern), "%s/*.conf", folder);
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++)
			list_one(f, found.gl_pathv[k]);
		globfree(&found);
		return;
	}
}
