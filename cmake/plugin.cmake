# grapnel_plugin(<target> <name> <output folder> <source>…): a plugin, which sees the sdk and nothing of core/.
# A CMakeLists.txt beside its first source may add to it, as ${plugin}.
function(grapnel_plugin plugin name folder first)
    add_library(${plugin} MODULE "${first}" ${ARGN})
    set_target_properties(${plugin} PROPERTIES PREFIX "" OUTPUT_NAME "${name}" C_VISIBILITY_PRESET hidden
        LIBRARY_OUTPUT_DIRECTORY "${folder}")
    target_link_libraries(${plugin} PRIVATE grapnel_sdk)
    # A missing symbol is an error here, not at the first event. The sanitizers' own symbols come from the executable.
    if(NOT GRAPNEL_SANITIZE)
        target_link_options(${plugin} PRIVATE -Wl,-z,defs)
    endif()
    get_filename_component(beside "${first}" DIRECTORY)
    if(EXISTS "${beside}/CMakeLists.txt" AND NOT beside STREQUAL CMAKE_CURRENT_SOURCE_DIR)
        add_subdirectory("${beside}" "${CMAKE_BINARY_DIR}/glue/${plugin}")
    endif()
endfunction()
