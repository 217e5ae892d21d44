/* A shared object, but no plugin. */
__attribute__((visibility("default"))) int grapnel_plugin_v0(void);

int grapnel_plugin_v0(void) {
    return 0;
}
