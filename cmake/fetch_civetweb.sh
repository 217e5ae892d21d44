#!/usr/bin/env bash
# Unpacks the source of civetweb 1.16 into a folder:
#   cmake/fetch_civetweb.sh FOLDER WORK_FOLDER
# Debian 12 has 1.15, which is not usable here; Debian 13 (trixie) has 1.16. It is taken from the Debian mirror that this
# system's apt uses already, through an apt set up in WORK_FOLDER, so that the system's own lists stay as they are.
set -euo pipefail

archive=civetweb_1.16+dfsg.orig.tar.xz
sha256=41dbfd68cd3b914ce440a5813f21058813b61a972600cc04fb8233a0d2d04fe4
suite=trixie

[[ $# -eq 2 ]] || { echo "usage: $0 FOLDER WORK_FOLDER" >&2; exit 2; }
mkdir -p "$1" "$2"
folder=$(cd "$1" && pwd)
work=$(cd "$2" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-$work}/.cache}/grapnel

is_genuine() {
    [[ -f $1 ]] && echo "$sha256  $1" | sha256sum --check --status
}

# One line `URI<tab>KEYRING` for each Debian archive among apt's sources: main of a plain release suite. Other people's
# repositories name other suites or components; one that does not is tried and does not have the package.
list_mirrors() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [[ -r $file ]] || continue
        awk -v release="$1" '
            { sub(/#.*/, "") }
            $1 == "deb" || $1 == "deb-src" {
                key = ""
                if (match($0, /\[[^]]*\]/)) {
                    options = substr($0, RSTART + 1, RLENGTH - 2)
                    $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
                    if (match(options, /signed-by=[^ \t]+/)) key = substr(options, RSTART + 10, RLENGTH - 10)
                }
                for (i = 4; i <= NF; i++) if ($3 ~ release && $i == "main") { print $2 "\t" key; break }
            }' "$file"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [[ -r $file ]] || continue
        awk -v release="$1" '
            function flush(    i, n, part) {
                if (on && suites ~ release && components ~ /(^| )main( |$)/) {
                    n = split(uris, part, " ")
                    for (i = 1; i <= n; i++) print part[i] "\t" key
                }
                on = 1; suites = components = uris = key = field = ""
            }
            function take(value) {
                gsub(/[ \t]+/, " ", value)
                if (field == "uris") uris = uris value " "
                else if (field == "suites") suites = suites value " "
                else if (field == "components") components = components value " "
                else if (field == "signed-by" && value ~ /^ ?\//) { key = value; gsub(/ /, "", key) }
                else if (field == "enabled" && value ~ /no|false|0/) on = 0
            }
            BEGIN { flush() }
            /^#/ { next }
            /^[ \t]*$/ { flush(); next }
            /^[^ \t:]+:/ { field = tolower($0); sub(/:.*/, "", field); value = $0; sub(/^[^:]*:/, "", value); take(value); next }
            { take($0) }
            END { flush() }' "$file"
    done
}

# Asks one mirror. The system's own settings hold (proxy, certificates, credentials), its lists and hooks stay out of it.
download() {
    local uri=$1 key=$2 setup=$work/apt
    rm -rf "$setup"
    mkdir -p "$setup/lists/partial" "$setup/archives/partial" "$setup/parts"
    if [[ -z $key && -r /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
        key=/usr/share/keyrings/debian-archive-keyring.gpg
    fi
    echo "deb-src ${key:+[signed-by=$key] }$uri $suite main" >"$setup/sources.list"
    # Hooks of the system's apt are about the system's lists. A snapshot archive's Release files have expired by design: what
    # counts is the hash below. And apt's own user may not be allowed to enter the build folder.
    cat >"$setup/apt.conf" <<EOT
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "$setup";
Dir::State::Lists "$setup/lists";
Dir::State::Status "/var/lib/dpkg/status";
Dir::Cache "$setup";
Dir::Cache::Archives "$setup/archives";
Dir::Etc::SourceList "$setup/sources.list";
Dir::Etc::SourceParts "$setup/parts";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "$(id -un)";
EOT
    (cd "$work" && rm -f "$archive" && apt-get -q -c "$setup/apt.conf" update --error-on=any &&
        apt-get -q -c "$setup/apt.conf" source --tar-only civetweb)
}

if ! is_genuine "$cache/$archive"; then
    command -v apt-get >/dev/null || {
        echo "fetch_civetweb: no apt-get here to bring civetweb 1.16. Unpack its source somewhere and give" \
            "-DFETCHCONTENT_SOURCE_DIR_CIVETWEB=/where/it/is to cmake." >&2
        exit 1
    }
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
    mirrors=$(list_mirrors "(^| )(${codename:-stable}|stable|oldstable|testing|unstable|sid|bookworm|trixie)( |\$)" | sort -u)
    tried=
    while IFS=$'\t' read -r uri key; do
        [[ -n $uri && $uri != cdrom:* ]] || continue
        tried+="
  $uri"
        if ! download "$uri" "$key"; then
            tried+=": apt-get could not get the source package civetweb of $suite there (its words are above)"
        elif ! is_genuine "$work/$archive"; then
            tried+=": what it has is not $archive with sha256 $sha256"
        else
            break
        fi
    done <<<"$mirrors"
    rm -rf "$work/apt"
    if ! is_genuine "$work/$archive"; then
        echo "fetch_civetweb: civetweb 1.16 could not be had from the Debian mirrors in /etc/apt (sources.list, sources.list.d):${tried:-
  none was found there}
Mend that, or unpack the source of civetweb 1.16 somewhere and give -DFETCHCONTENT_SOURCE_DIR_CIVETWEB=/where/it/is to cmake." >&2
        exit 1
    fi
    # Into place by a rename: another build may be looking. A cache that cannot be written is no reason to fail.
    if ! { mkdir -p "$cache" && cp "$work/$archive" "$cache/$archive.$$" && mv "$cache/$archive.$$" "$cache/$archive"; }; then
        echo "fetch_civetweb: $cache cannot be written; the next build folder will download civetweb again" >&2
        cache=$work
    fi
fi

tar -xJf "$cache/$archive" -C "$folder" --strip-components=1
