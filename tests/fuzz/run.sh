#!/usr/bin/env bash
# Builds the fuzzers (preset `fuzz`: clang, address and undefined-behaviour sanitizers) and runs them one after the other:
#   tests/fuzz/run.sh                       every fuzzer for 20 minutes, as before a release
#   tests/fuzz/run.sh --seconds 10          for 10 seconds each, as in CI
#   tests/fuzz/run.sh --seconds 60 json     that one
# tests/fuzz/NAME/ holds the seeds. What a run finds that is new to it stays in build/fuzz/tests/fuzz/found/NAME, and the next run goes
# on from there. An input that breaks something is kept as build/fuzz/tests/fuzz/NAME-crash-…: run build/fuzz/tests/fuzz/NAME FILE.
# Exit 0: nothing found; 1: something was, or it could not be built; 2: wrong usage.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$0"
}

seconds=1200
names=()
while [[ $# -gt 0 ]]; do
    case "$1" in
    --seconds)
        [[ ${2-} =~ ^[1-9][0-9]*$ ]] || { usage >&2 && exit 2; }
        seconds=$2
        shift
        ;;
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && exit 2 ;;
    *)
        [[ -f tests/fuzz/$1.c ]] || { echo "tests/fuzz/run.sh: there is no fuzzer \"$1\": tests/fuzz has no $1.c" >&2 && exit 2; }
        names+=("$1")
        ;;
    esac
    shift
done
if [[ ${#names[@]} -eq 0 ]]; then
    for file in tests/fuzz/*.c; do
        names+=("$(basename "$file" .c)")
    done
fi

cmake --preset fuzz -DGRAPNEL_TESTS=ON >/dev/null
cmake --build --preset fuzz --target fuzzers
# The sanitizers of clang 14 cannot start where the kernel spreads addresses wider than they were made for.
fixed_addresses=()
if setarch -R true 2>/dev/null; then
    fixed_addresses=(setarch -R)
fi

found=0
folder=build/fuzz/tests/fuzz
for name in "${names[@]}"; do
    mkdir -p "$folder/found/$name"
    log=$folder/$name.log
    if "${fixed_addresses[@]}" "$folder/$name" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
        -dict="tests/fuzz/$name.dict" -artifact_prefix="$folder/$name-" "$folder/found/$name" "tests/fuzz/$name" >"$log" 2>&1; then
        printf '%-10s nothing found: %s\n' "$name" "$(grep '^Done ' "$log")"
    else
        printf '%-10s FOUND SOMETHING; the end of %s:\n' "$name" "$log"
        tail -n 40 "$log"
        found=1
    fi
done
exit $found
