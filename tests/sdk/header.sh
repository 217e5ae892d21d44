#!/usr/bin/env bash
# The plugin header must compile alone, in every language and with every compiler that a plugin may be written with.
set -euo pipefail
include=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if [[ ! -f $include/grapnel/plugin.h ]]; then
    echo "there is no grapnel/plugin.h yet"
    exit 77
fi

checked=0
check() { # compiler, language, standard, header
    command -v "$1" >/dev/null || return 0
    echo "#include <grapnel/$4>" >"$folder/alone.$2"
    if ! "$1" "-std=$3" -Wall -Wextra -Werror -pedantic -I"$include" -fsyntax-only "$folder/alone.$2"; then
        echo "header.sh: grapnel/$4 does not compile alone with $1 -std=$3 -Wall -Wextra -Werror -pedantic" >&2
        exit 1
    fi
    checked=$((checked + 1))
}
for standard in c11 c17; do
    for compiler in gcc clang; do
        for header in "$include"/grapnel/*.h; do
            check $compiler c $standard "$(basename "$header")"
        done
    done
done
for standard in c++11 c++17 c++20; do
    for compiler in g++ clang++; do
        check $compiler cc $standard plugin.h
    done
done
echo "$checked combinations compile"
