# Warnings, hardening and sanitizers, for everything that is compiled here.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

# On unless the builder says otherwise (cmake --compile-no-warning-as-error): for a compiler newer than ours.
if(NOT DEFINED CMAKE_COMPILE_WARNING_AS_ERROR)
    set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
endif()

add_compile_definitions(_GNU_SOURCE)
add_compile_options(
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 -Wvla -Wundef
    -Wpointer-arith -Wwrite-strings
    -fno-common)
add_link_options(-Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

if(GRAPNEL_SANITIZE)
    # One broken promise ends the test: nothing that a sanitizer saw may pass as a line in a log.
    add_compile_options(-O1 -g -fno-omit-frame-pointer -fsanitize=${GRAPNEL_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${GRAPNEL_SANITIZE})
    if(GRAPNEL_FUZZ)
        if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
            message(FATAL_ERROR "GRAPNEL_FUZZ needs libFuzzer, which comes with clang, and the compiler is "
                "${CMAKE_C_COMPILER}: use `cmake --preset fuzz`, or -DCMAKE_C_COMPILER=clang")
        endif()
        add_compile_options(-fsanitize=fuzzer-no-link)
    endif()
else()
    add_compile_options(-fstack-protector-strong)
    # Needs optimisation; -U first since some distributions' compilers define it themselves. The sanitizers see more without it.
    add_compile_options($<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE>
        $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-D_FORTIFY_SOURCE=2>)
endif()
