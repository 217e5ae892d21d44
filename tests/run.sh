#!/usr/bin/env bash
# Builds Grapnel in every way that counts and runs all tests, on a fresh Debian 12 too:
#   tests/run.sh           everything: packages, builds with gcc and clang, format, clang-tidy, tests, sanitizers, fuzzers
#   tests/run.sh --quick   the release build and its tests
#   tests/run.sh --help
# Every step is run even when an earlier one failed, except those that need its build; exit 0 only if all are ok.
set -euo pipefail
umask g-w,o-w # Grapnel loads no plugin, and reads no config, that others could have written
cd "$(dirname "$0")/.."

quick=
case "${1-}" in
"") ;;
--quick) quick=yes ;;
-h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0" && exit 0 ;;
*) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac

rm -f build/*/ctest.log
summary=()
failed=()
began=$SECONDS

# step NAME COMMAND…: runs it, says how it went.
step() {
    local name=$1 start=$SECONDS word=ok
    shift
    printf '\n=== %s\n' "$name"
    if ! "$@"; then
        word=FAILED
        failed+=("$name")
    fi
    summary+=("$(printf '%-6s %5d s  %s' "$word" $((SECONDS - start)) "$name")")
    printf '=== %s: %s after %d s\n' "$name" "$word" $((SECONDS - start))
    [[ $word == ok ]]
}

skip() {
    summary+=("$(printf '%-6s %5s    %s' skipped - "$1")")
}

packages() {
    cmake/packages.sh build && cmake/packages.sh test
}

build() {
    cmake --preset "$1" -DGRAPNEL_TESTS=ON && cmake --build --preset "$1"
}

# What is committed or about to be; everything, where there is no repository.
sources() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        # A file that is deleted but not yet committed is still listed.
        git ls-files -- "$@" | while read -r file; do [[ ! -e $file ]] || echo "$file"; done
    else
        local pattern
        for pattern in "$@"; do
            find . -path ./build -prune -o -path "./$pattern" -type f -print
        done
    fi
}

format() {
    local file wrong=0
    while read -r file; do
        clang-format "$file" | cmp -s - "$file" && continue
        echo "not formatted: clang-format -i $file"
        wrong=1
    done < <(sources '*.c' '*.h')
    return $wrong
}

# One file a process, two at a time. The analyzer stays out of the file that includes all of civetweb.
tidy() {
    local unit=core/receive/civetweb_unit.c
    { sources 'core/*.c' | grep -vxF "$unit" || true; } |
        xargs -r -P "$(nproc)" -n 1 clang-tidy -p build/clang --quiet 2>/dev/null &&
        { [[ ! -f $unit ]] || clang-tidy -p build/clang --quiet --checks='-clang-analyzer-*' "$unit" 2>/dev/null; }
}

if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache
fi

# test_build PRESET: builds it, then runs its tests.
test_build() {
    if step "build $1" build "$1"; then
        step "tests $1" ctest --preset "$1" --output-log "build/$1/ctest.log" || true
    else
        skip "tests $1"
    fi
}

if step "packages" packages; then
    if [[ -z $quick ]]; then
        step "build dev (gcc)" build dev || true
        step "format" format || true
        if step "build clang" build clang; then
            step "clang-tidy" tidy || true
        else
            skip "clang-tidy"
        fi
        test_build asan
        test_build tsan
        step "fuzzers, 10 s each" tests/fuzz/run.sh --seconds 10 || true
    fi
    test_build release
fi

printf '\n=== summary, after %d s\n' $((SECONDS - began))
printf '%s\n' "${summary[@]}"
# ctest's own last words, the release build's at the very end.
for preset in asan tsan release; do
    log=build/$preset/ctest.log
    if [[ -f $log ]]; then
        printf '\n--- %s\n' "$preset"
        sed -n '/% tests passed/,$p' "$log"
    fi
done
if [[ ${#failed[@]} -gt 0 ]]; then
    printf '\n%d of %d steps failed\n' ${#failed[@]} ${#summary[@]}
    exit 1
fi
printf '\nall %d steps are ok\n' ${#summary[@]}
