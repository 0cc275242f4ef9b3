/* bench/loadclient.c - the load client as a program of its own. See load.h. */
#include "bench/load/load.h"

int
main(int argc, char **argv)
{
	return load_command(argc, argv);
}
