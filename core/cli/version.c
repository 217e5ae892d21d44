/* grapnel version */
#include "base/version.h"
#include "cli/cli.h"

int version_run(const struct arguments *arguments) {
    (void)arguments;
    printf("grapnel %s\n", GRAPNEL_VERSION);
    return EXIT_DONE;
}
