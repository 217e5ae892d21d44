#!/usr/bin/env bash
# An install can be moved, and a plugin is built against what was installed: by pkg-config and by CMake.
set -euo pipefail
source=$1 build=$2 cmake=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset DESTDIR

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

"$cmake" --install "$build" --prefix "$folder/first" >"$folder/log" || { cat "$folder/log"; fail "cmake --install failed"; }
mv "$folder/first" "$folder/moved"
prefix=$folder/moved
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
grep -rIl "$folder/first" "$prefix" && fail "the files above hold the folder that the install was first put into"
if [[ -d $build/bin ]]; then
    [[ -x $prefix/bin/grapnel ]] || fail "bin/grapnel was not installed"
    [[ -x $prefix/libexec/grapnel/grapnel-host ]] || fail "libexec/grapnel/grapnel-host was not installed"
    "$prefix/bin/grapnel" version >/dev/null || fail "the installed grapnel does not run"
fi
plugins=$(pkg-config --variable=plugindir grapnel-sdk)
[[ $(realpath "$plugins") == "$(realpath "$prefix/lib/grapnel/plugins")" ]] || fail "pkg-config gives the plugindir $plugins"
for file in "$build"/plugins/*.so; do
    [[ ! -e $file || -e $plugins/$(basename "$file") ]] || fail "$(basename "$file") was not installed into $plugins"
done

example=$source/examples/hello_plugin
if [[ ! -d $example ]]; then
    echo "there is no examples/hello_plugin yet"
    exit 77
fi
# shellcheck disable=SC2046 # the flags are words
${CC:-gcc} -std=c17 -Wall -Wextra -Werror -fPIC -shared $(pkg-config --cflags grapnel-sdk) -o "$folder/hello.so" "$example"/*.c ||
    fail "examples/hello_plugin does not build with the flags of pkg-config"
if [[ -f $example/CMakeLists.txt ]]; then
    project=$example
else
    project=$folder/project
    mkdir "$project"
    cat >"$project/CMakeLists.txt" <<EOT
cmake_minimum_required(VERSION 3.25)
project(hello LANGUAGES C)
find_package(GrapnelSdk 0.1 REQUIRED)
file(GLOB sources "$example/*.c")
add_library(hello MODULE \${sources})
set_target_properties(hello PROPERTIES PREFIX "")
target_link_libraries(hello PRIVATE Grapnel::sdk)
install(TARGETS hello DESTINATION \${GRAPNEL_PLUGIN_DIR})
EOT
fi
if ! { "$cmake" -S "$project" -B "$folder/hello" -DCMAKE_PREFIX_PATH="$prefix" && "$cmake" --build "$folder/hello"; } >"$folder/log" 2>&1; then
    cat "$folder/log"
    fail "examples/hello_plugin does not build with find_package(GrapnelSdk)"
fi
built=$(find "$folder/hello" -name '*.so' | head -n 1)
[[ -n $built ]] || fail "find_package(GrapnelSdk) built no plugin"

# The moved daemon finds its host beside itself, and loads what was built against it, and its own plugins.
if [[ -x $prefix/bin/grapnel ]]; then
    for plugin in "$folder/hello.so" "$built"; do
        cat >"$folder/grapnel.yaml" <<EOT
listen: [ 127.0.0.1:0 ]
sources:
  shop: { path: /webhook, signature: stripe, secrets: [ whsec_test ] }
plugins:
  hello: { file: $plugin, settings: { greeting: Hi } }
  logging: { settings: { path: events.log } }
routes:
  "*": [ hello, logging ]
EOT
        "$prefix/bin/grapnel" check -c "$folder/grapnel.yaml" || fail "the installed grapnel cannot use $plugin"
    done
fi
