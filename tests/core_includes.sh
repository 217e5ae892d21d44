#!/usr/bin/env bash
# Rooms see each other through their include paths, which cmake/room.cmake keeps narrow. A path with dots in it would get
# around that: this finds it.
set -euo pipefail
if grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*\.\./' --include='*.[ch]' --include='*.inl' "$1"; then
    echo "core_includes: the lines above include by a way around the include path: write \"room/header.h\"," \
        "and if that is not found, core/CMakeLists.txt says who may use whom" >&2
    exit 1
fi
