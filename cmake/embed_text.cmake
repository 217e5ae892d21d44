# Run as a script: writes the text of FROM into the C header TO as `static const char VARIABLE[]`.
file(READ "${FROM}" text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
# "??" begins a trigraph in strict C.
string(REPLACE "?" "\\?" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
get_filename_component(name "${FROM}" NAME)
file(WRITE "${TO}" "/* Made from ${name} by cmake/embed_text.cmake. */\nstatic const char ${VARIABLE}[] =\n    \"${text}\";\n")
