#!/usr/bin/env bash
# Installs the Debian 12 packages that Grapnel needs:
#   cmake/packages.sh build    to build it
#   cmake/packages.sh test     what the tests need on top of that
# Quick when all of them are there. Uses sudo when it does not run as root.
set -euo pipefail

build=(gcc libc6-dev cmake ninja-build pkg-config dpkg-dev xz-utils ca-certificates
    libmbedtls-dev libjsmn-dev libyaml-dev libsqlite3-dev libxxhash-dev libcurl4-openssl-dev libpq-dev
    sqlite3) # the last for examples/quickstart.sh
test=(g++ git curl openssl procps tzdata postgresql prometheus nginx-light strace valgrind wrk faketime
    clang clang-format clang-tidy libclang-rt-14-dev
    libcmocka-dev python3 python3-pytest python3-pytest-xdist python3-aiosmtpd)

usage() {
    sed -n '2,5s/^# \{0,1\}//p' "$0"
}

case "${1-}" in
build) wanted=("${build[@]}") ;;
test)
    wanted=("${test[@]}")
    # Debian's npm conflicts with a Node.js that came from elsewhere, which serves as well.
    command -v npm >/dev/null || wanted+=(nodejs npm)
    ;;
-h | --help) usage && exit 0 ;;
*) usage >&2 && exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status} ' "$package" 2>/dev/null || true)
    [[ " $state" == *" installed "* ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
    exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "cmake/packages.sh: these packages are missing and neither root nor sudo is at hand; have them installed: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

# A fresh machine may be updating itself just now; wait for the lock instead of failing.
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

echo "Installing: ${missing[*]}"
for attempt in 1 2 3 4 5; do
    apt update && break
    # The lock on the lists has no timeout of its own.
    echo "cmake/packages.sh: apt-get update failed (attempt $attempt of 5)" >&2
    sleep 5
done
if ! apt install --no-install-recommends "${missing[@]}"; then
    echo "cmake/packages.sh: apt-get could not install the packages above. They are those of Debian 12 (bookworm), section main:" \
        "see that apt's sources have it, and that \`apt-get update\` works." >&2
    exit 1
fi
