# A room is a folder under core/ as a static library. What it may include is what it links: its include path holds its
# own folder under its own name and those of the rooms it names, nothing else, so that a wrong-way include does not compile.

# grapnel_room(<name> SOURCES <file>… [HEADERS <file>…] [USES <room>…] [LINKS <library>…])
#   SOURCES  files; a room that has none yet is there for others to link, but compiles nothing
#   HEADERS  show these only, in place of the whole folder
#   USES     rooms whose headers may be included by this one and by whoever uses it
#   LINKS    libraries that are nobody else's business
# FOLDER is core/<name> unless FOLDER says otherwise.
function(grapnel_room name)
    cmake_parse_arguments(PARSE_ARGV 1 room "" "FOLDER" "SOURCES;HEADERS;USES;LINKS")
    if(NOT room_FOLDER)
        set(room_FOLDER ${name})
    endif()
    set(target grapnel_${name})
    set(view "${CMAKE_BINARY_DIR}/include/${target}")

    if(room_HEADERS)
        file(MAKE_DIRECTORY "${view}/${room_FOLDER}")
        foreach(header IN LISTS room_HEADERS)
            get_filename_component(short "${header}" NAME)
            file(CREATE_LINK "${header}" "${view}/${room_FOLDER}/${short}" SYMBOLIC)
        endforeach()
    else()
        file(MAKE_DIRECTORY "${view}")
        file(CREATE_LINK "${CMAKE_SOURCE_DIR}/core/${room_FOLDER}" "${view}/${room_FOLDER}" SYMBOLIC)
    endif()

    list(TRANSFORM room_USES PREPEND grapnel_)
    if(room_SOURCES)
        add_library(${target} STATIC ${room_SOURCES})
        # They only ever become part of an executable: -fPIC would cost speed for nothing.
        target_compile_options(${target} PRIVATE -fPIE)
        target_include_directories(${target} PUBLIC "${view}")
        target_link_libraries(${target} PUBLIC ${room_USES} PRIVATE ${room_LINKS})
    else()
        message(STATUS "core/${room_FOLDER} has no sources for ${target} yet")
        add_library(${target} INTERFACE)
        target_include_directories(${target} INTERFACE "${view}")
        target_link_libraries(${target} INTERFACE ${room_USES})
    endif()
    set_property(GLOBAL APPEND PROPERTY GRAPNEL_ROOMS ${target})
endfunction()

# grapnel_embed_text(<target> <file> <header> <variable>): the file's text as `static const char variable[]` in a header of that
# name, which the target's own sources can include.
function(grapnel_embed_text target file header variable)
    set(folder "${CMAKE_BINARY_DIR}/generated/${target}/private")
    add_custom_command(OUTPUT "${folder}/${header}"
        COMMAND "${CMAKE_COMMAND}" "-DFROM=${file}" "-DTO=${folder}/${header}" "-DVARIABLE=${variable}"
            -P "${CMAKE_SOURCE_DIR}/cmake/embed_text.cmake"
        DEPENDS "${file}" "${CMAKE_SOURCE_DIR}/cmake/embed_text.cmake"
        COMMENT "Embedding ${file}" VERBATIM)
    target_sources(${target} PRIVATE "${folder}/${header}")
    target_include_directories(${target} PRIVATE "${folder}")
endfunction()
