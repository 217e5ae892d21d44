#!/usr/bin/env bash
# Builds what it takes (release), then measures Grapnel against an empty civetweb handler: README.md beside this.
#   tests/bench/run.sh           3 rounds of 10 s each, about 2 minutes
#   tests/bench/run.sh --short   3 rounds of 3 s
#   tests/bench/run.sh --help    all options
# Another build folder than build/release: GRAPNEL_BUILD=FOLDER.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in wrk /usr/bin/python3 setpriv; do
    if ! command -v "$tool" >/dev/null; then
        echo "tests/bench/run.sh: $tool is missing; \`cmake/packages.sh test\` installs what the tests need" >&2
        exit 1
    fi
done
build=${GRAPNEL_BUILD:-build/release}
case " $* " in
*" --help "* | *" -h "*) ;;
*)
    [[ -f $build/build.ninja ]] || cmake --preset release -B "$build" -DGRAPNEL_TESTS=ON >&2
    cmake --build "$build" --target bench >&2
    ;;
esac
exec env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/bench.py --build "$build" "$@"
