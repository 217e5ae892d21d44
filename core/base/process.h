/* What the rest of the machine may see of this process. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>

/* From here on no crash leaves a core dump, whatever the system does with them, and no process of the same user can look into our memory or
 * environment: a plugin's least of all. For processes that hold secrets; first thing in main. What we start may be looked into again, but
 * leaves no core files either. With $GRAPNEL_CORE_DUMPS set to anything it does nothing, for whoever must debug. */
void process_hide(void);
bool process_is_hidden(void);

#endif
