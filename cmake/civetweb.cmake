# The source of civetweb 1.16, for core/receive/civetweb_unit.c to include: grapnel_civetweb_source is where it is and how it is
# to be compiled. Elsewhere than on Debian: -DFETCHCONTENT_SOURCE_DIR_CIVETWEB=FOLDER.
include(FetchContent)
FetchContent_Declare(civetweb
    DOWNLOAD_COMMAND "${CMAKE_CURRENT_LIST_DIR}/fetch_civetweb.sh" <SOURCE_DIR> "${CMAKE_BINARY_DIR}/civetweb-download"
    # Not a folder of it: its own CMake files are not ours to run.
    SOURCE_SUBDIR none)
FetchContent_MakeAvailable(civetweb)

if(NOT EXISTS "${civetweb_SOURCE_DIR}/src/civetweb.c")
    message(FATAL_ERROR "${civetweb_SOURCE_DIR} holds no src/civetweb.c: give the folder of civetweb 1.16's source as "
        "-DFETCHCONTENT_SOURCE_DIR_CIVETWEB=…, or remove ${CMAKE_BINARY_DIR} and configure again")
endif()
file(STRINGS "${civetweb_SOURCE_DIR}/include/civetweb.h" version REGEX "define CIVETWEB_VERSION \"")
if(NOT version MATCHES "\"1\\.16\"")
    message(FATAL_ERROR "${civetweb_SOURCE_DIR} is not civetweb 1.16 (${version}): core/receive/civetweb_unit.c reaches into it and "
        "was written for that one")
endif()

# All of src/ but the TLS backend. civetweb.c includes "mod_mbedtls.inl", and a compiler looks beside the including file first;
# only when it is not there is ours found, in core/receive.
set(view "${CMAKE_BINARY_DIR}/include/civetweb")
file(GLOB parts "${civetweb_SOURCE_DIR}/src/*.c" "${civetweb_SOURCE_DIR}/src/*.inl")
list(FILTER parts EXCLUDE REGEX "/(main\\.c|mod_mbedtls\\.inl)$")
file(REMOVE_RECURSE "${view}")
file(MAKE_DIRECTORY "${view}")
foreach(part IN LISTS parts)
    get_filename_component(name "${part}" NAME)
    file(CREATE_LINK "${part}" "${view}/${name}" SYMBOLIC)
endforeach()

add_library(grapnel_civetweb_source INTERFACE)
# SYSTEM: our warnings are for our code.
target_include_directories(grapnel_civetweb_source SYSTEM INTERFACE "${view}" "${civetweb_SOURCE_DIR}/include")
target_compile_definitions(grapnel_civetweb_source INTERFACE
    USE_MBEDTLS USE_IPV6 USE_X_DOM_SOCKET
    NO_CGI NO_FILES NO_CACHING NO_SSL_DL
    SOCKET_TIMEOUT_QUANTUM=100) # milliseconds until mg_stop is noticed; 2000 otherwise
if(GRAPNEL_SANITIZE MATCHES thread)
    # Its stop flag is a volatile int that one thread sets and all poll. Atomic, ThreadSanitizer knows what comes before a stop and
    # what after; it costs each request a locked operation on one word for all threads, so other builds do without.
    target_compile_definitions(grapnel_civetweb_source INTERFACE STOP_FLAG_NEEDS_LOCK)
endif()
