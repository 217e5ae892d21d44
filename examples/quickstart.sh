#!/usr/bin/env bash
# From a fresh Debian 12 to a running Grapnel: builds it, starts it, sends it signed events, shows what became of them.
#
#   examples/quickstart.sh [FOLDER]               FOLDER (default: ./quickstart) gets the config, secrets, store and output
#   examples/quickstart.sh --build DIR [FOLDER]   uses what is built in DIR already; installs and builds nothing
#   examples/quickstart.sh --stop [FOLDER]        stops the daemon that was started in FOLDER
#   examples/quickstart.sh --help
#
# The daemon goes on running at the end. Run it again as often as you like: what is there is kept, what runs goes on
# running. Exit codes: 0 done, 1 it failed (stderr says why), 2 wrong usage.
set -euo pipefail
umask g-w,o-w # Grapnel loads no plugin, and reads no config, that others could have written

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
first_port=8080 ports=20  # 8080, or the next one that is free
wait_seconds=30           # for the daemon to be ready, for deliveries, for its end

ready='ready: listening on'  # what the daemon logs when it receives

bold='' green='' red='' plain=''
if [[ -t 1 && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

fail() {
    printf '%squickstart: %s%s\n' "$([[ -t 2 ]] && printf %s "$red")" "$*" "$([[ -t 2 ]] && printf %s "$plain")" >&2
    exit 1
}

step() {
    printf '%s== %s%s\n' "$bold" "$*" "$plain"
}

# Waits until a command succeeds; false when it does not in wait_seconds.
wait_until() {
    local end=$((SECONDS + wait_seconds))
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.05
    done
}

# quietly WHAT COMMAND…: its words go to a file; the last of them are shown when it fails.
quietly() {
    local what=$1 began=$SECONDS log=$folder/build.log
    shift
    if ! "$@" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "$what failed: \`$*\` in $source. All it said is in $log"
    fi
    printf '   %s: done in %d s\n' "$what" $((SECONDS - began))
}

build() {
    step "Build (what it says goes to ${folder_shown}/build.log)"
    cd "$source"
    : >"$folder/build.log"
    quietly "Debian packages" cmake/packages.sh build
    quietly "configure" cmake --preset release
    quietly "compile" cmake --build --preset release
    cd "$start"
}

# The files are made once; later runs leave them as they are.
make_files() {
    local source_name
    step "Folder ${folder_shown}"
    # It holds secrets: no repository that it stands in should take it.
    [[ -e $folder/.gitignore ]] || echo '*' >"$folder/.gitignore"
    for source_name in cryptopay stripe; do
        [[ -e $folder/$source_name.secret ]] && continue
        # 24 random bytes, in the form that both senders give their secrets.
        (umask 077 && printf 'whsec_%s\n' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >"$folder/$source_name.secret")
        echo "   made $source_name.secret"
    done
    if [[ ! -e $folder/grapnel.yaml ]]; then
        cp "$source/examples/grapnel.yaml" "$folder/grapnel.yaml"
        echo "   made grapnel.yaml"
    fi
}

# The process id of the daemon of this folder, if it runs. A number alone could be somebody else's by now.
daemon_pid() {
    local pid
    [[ -r $folder/grapnel.pid ]] && pid=$(<"$folder/grapnel.pid") && [[ $pid =~ ^[0-9]+$ ]] || return 1
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$folder/grapnel.yaml" || return 1
    echo "$pid"
}

stopped() {
    ! daemon_pid >/dev/null
}

# Does it answer, or is it gone? One that was killed may be seen for a moment longer.
settled() {
    stopped || "$bin/grapnel" status -c "$folder/grapnel.yaml" >/dev/null 2>&1
}

stop() {
    local pid
    pid=$(daemon_pid) || {
        echo "No daemon of ${folder_shown} is running."
        return
    }
    kill -TERM "$pid"
    wait_until stopped || fail "process $pid did not end within $wait_seconds s; its last words are in $folder/grapnel.log"
    rm -f "$folder/grapnel.pid"
    echo "Stopped process $pid. What was not delivered yet is kept in ${folder_shown}/state."
}

port_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The log since byte `$1`.
log_since() {
    tail -c "+$(($1 + 1))" "$folder/grapnel.log"
}

# Ready, or over before it was.
decided() {
    log_since "$1" | grep -q "$ready" || ! kill -0 "$2" 2>/dev/null
}

# Starts it once. False if it ended before it was ready; $said is what it logged.
launch() {
    local before process
    touch "$folder/grapnel.log"
    before=$(stat -c %s "$folder/grapnel.log")
    # A session of its own: it outlives this script and this terminal.
    setsid "$bin/grapnel" serve -c "$folder/grapnel.yaml" </dev/null >>"$folder/grapnel.log" 2>&1 &
    process=$!
    wait_until decided "$before" "$process" || fail "no word from the daemon within $wait_seconds s; see $folder/grapnel.log"
    said=$(log_since "$before")
    kill -0 "$process" 2>/dev/null && echo "$process" >"$folder/grapnel.pid"
}

# The port of the config's first address, as the example has it: an address that you wrote in another way is left alone.
config_port() {
    sed -n -E 's/^ +- 127\.0\.0\.1:([0-9]+) .*/\1/p' "$folder/grapnel.yaml" | head -n 1
}

start_daemon() {
    local pid own port said=''
    step "Daemon"
    if pid=$(daemon_pid); then
        wait_until settled || fail "process $pid does not answer; end it (kill $pid), and start again"
    fi
    if pid=$(daemon_pid); then
        echo "   runs already, as process $pid"
        return
    fi
    own=$(config_port)
    for port in $own $(seq $first_port $((first_port + ports - 1))); do
        if [[ -n $own ]]; then
            port_taken "$port" && continue
            sed -i -E "s/^( +- 127\.0\.0\.1:)$(config_port) /\1$port /" "$folder/grapnel.yaml"
        fi
        "$bin/grapnel" check -c "$folder_shown/grapnel.yaml" | sed 's/^/   /'
        if launch; then
            echo "   process $(daemon_pid): $(grep "$ready" <<<"$said" | tail -n 1)"
            return
        fi
        # Somebody took the port just now; otherwise another one is no better.
        [[ -n $own && $said == *"already in use"* ]] || break
    done
    [[ -z $said ]] || printf '%s\n' "$said" >&2
    [[ -n $said ]] || fail "the ports $first_port to $((first_port + ports - 1)) are all taken: write a free one into $folder/grapnel.yaml"
    fail "the daemon did not start: its words are above, and in $folder/grapnel.log"
}

# Each file is named SOURCE.TYPE.json; these are the sources of the shop's config.
example_events=("$source"/examples/events/{cryptopay,stripe}.*.json)

send_events() {
    local file name
    step "Events, signed as their senders would"
    for file in "${example_events[@]}"; do
        name=$(basename "$file" .json)
        printf '   %-40s ' "$name"
        "$bin/grapnel" send -c "$folder/grapnel.yaml" --source "${name%%.*}" --data "$file" ||
            fail "the event was not accepted; see $folder/grapnel.log"
    done
}

# Are all example events in the output file $1? Twice is possible: delivery is at least once.
delivered() {
    local file id
    for file in "${example_events[@]}"; do
        id=$(grep -oE '"id": ?"evt_[^"]*"' "$file" | head -n 1 | grep -o 'evt_[^"]*')
        grep -qF "\"id\":\"$id\"" "$folder/$1" 2>/dev/null || return 1
    done
}

show_file() {
    local line width=${COLUMNS:-120}
    wait_until delivered "$1" ||
        fail "the events were accepted but are not in $folder/$1 after $wait_seconds s; see $folder/grapnel.log"
    printf '   %s%s/%s%s\n' "$bold" "$folder_shown" "$1" "$plain"
    while read -r line; do
        [[ ${#line} -le $((width - 4)) ]] || line=${line:0:$((width - 5))}…
        printf '     %s\n' "$line"
    done <"$folder/$1"
}

orders() {
    sqlite3 -readonly "$folder/orders.db" "SELECT id, status, amount, currency FROM orders ORDER BY id" 2>/dev/null
}

orders_settled() {
    [[ $(orders | wc -l) -ge 3 ]]
}

show_orders() {
    local id status amount currency
    wait_until orders_settled || fail "the orders did not get into $folder/orders.db in $wait_seconds s; see $folder/grapnel.log"
    printf '   %s%s/orders.db%s\n' "$bold" "$folder_shown" "$plain"
    while IFS='|' read -r id status amount currency; do
        printf '     order %s: %-8s %5s %s\n' "$id" "$status" "$amount" "$currency"
    done < <(orders)
}

mails() {
    compgen -G "$folder/outbox/new/*" || compgen -G "$folder/outbox/cur/*"
}

show_mail() {
    local mail line
    wait_until mails >/dev/null || fail "no mail came into $folder/outbox in $wait_seconds s; see $folder/grapnel.log"
    mail=$(mails | head -n 1)
    printf '   %s%s/outbox/…/%s%s\n' "$bold" "$folder_shown" "${mail##*/}" "$plain"
    { grep -E -m 1 '^Subject: ' "$mail" && sed '1,/^$/d' "$mail" | grep -v '^$'; } | while read -r line; do
        line=${line//\\/\\\\} # quoted-printable: =C3=96
        printf '     %b\n' "${line//=/\\x}"
    done
}

show() {
    step "What the plugins made of them"
    show_file events.jsonl
    # With a config of your own, orders and mails may be elsewhere.
    if grep -q '^      database: sqlite:orders.db' "$folder/grapnel.yaml"; then show_orders; fi
    if grep -q '^      maildir: ./outbox' "$folder/grapnel.yaml"; then show_mail; fi
}

# A word as it can be pasted into a shell, whatever is in it.
quoted() {
    printf %q "$1"
}

next() {
    local grapnel config again=examples/quickstart.sh restart pid forged=''
    pid=$(daemon_pid)
    grapnel=$(quoted "$bin_shown/grapnel")
    config=$(quoted "$folder_shown/grapnel.yaml")
    [[ $start == "$source" ]] || again=$(quoted "$source/$again")
    restart="$again --stop${folder_given:+ $(quoted "$folder_given")}; $again${build_given:+ --build $(quoted "$build_given")}${folder_given:+ $(quoted "$folder_given")}"
    [[ -z $(config_port) ]] || forged="
   - a forged one:    $grapnel send -c $config --source stripe --url http://127.0.0.1:$(config_port)/webhook"
    step "It runs"
    cat <<EOT
   process $pid, log $folder_shown/grapnel.log
   ${green}stop it with: $again --stop${folder_given:+ $(quoted "$folder_given")}${plain} (or: kill $pid)

   What to try next:
   - another event:   $grapnel send -c $config --source cryptopay --type payment_intent.succeeded$forged
   - pull the plug:   kill -9 $pid; $again${build_given:+ --build $(quoted "$build_given")}${folder_given:+ $(quoted "$folder_given")}
   - real mails:      in $config, smtp_url instead of maildir; PostgreSQL: database: postgresql://USER:PASSWORD@HOST/NAME;
                      then $restart
   - how it does:     $grapnel status -c $config; then events, show, dead (grapnel help)
   - your own config: edit $config, then $grapnel check -c $config
   - your own plugin: examples/hello_plugin
EOT
}

start=$PWD
build_given='' folder_given='' stop=''
while [[ $# -gt 0 ]]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --stop) stop=yes ;;
    --build)
        [[ $# -gt 1 ]] || { echo "quickstart: --build needs a folder; see --help" >&2 && exit 2; }
        build_given=$2
        shift
        ;;
    -*) echo "quickstart: unknown option $1; see --help" >&2 && exit 2 ;;
    *)
        [[ -z $folder_given ]] || { echo "quickstart: one folder only, and $1 is a second one; see --help" >&2 && exit 2; }
        folder_given=$1
        ;;
    esac
    shift
done

folder_shown=${folder_given:-quickstart}
[[ -n $stop ]] || mkdir -p "$folder_shown" || fail "the folder $folder_shown can't be made"
[[ -d $folder_shown ]] || fail "there is no folder $folder_shown"
folder=$(cd "$folder_shown" && pwd)
if [[ -n $stop ]]; then
    stop
    exit
fi

if [[ -n $build_given ]]; then
    bin_shown=$build_given/bin
else
    build
    bin_shown=build/release/bin
    [[ $start == "$source" ]] || bin_shown=$source/$bin_shown
fi
[[ -x $bin_shown/grapnel ]] || fail "there is no $bin_shown/grapnel: build it, or leave --build out"
bin=$(cd "$bin_shown" && pwd)

make_files
start_daemon
send_events
show
next
