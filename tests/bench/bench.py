"""Grapnel against an empty civetweb handler, under the same load in alternating rounds. README.md says what the table means.

Exit status 1 if anything was lost, refused or delivered twice, or if the ratio is under --least; 2 for wrong usage."""
import argparse
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import machine
from servers import CONNECTIONS, EventFile, Failure, Load, start_empty, start_grapnel

SAMPLE_SECONDS = 0.01
# Without a new line in the file for as long as this, what is missing will not come.
PATIENCE_SECONDS = 30
# An event that went through takes this much disk: in the store, its log, and the plugin's file. With room to spare.
BYTES_PER_EVENT, MOST_EVENTS_PER_SECOND = 3 * 1024, 50_000

# From this share of the machine on, what others take is told with the ratio.
CROWDED = 0.1


class Watch(threading.Thread):
    """Looks at the machine, the server's memory and the size of the event file, if there is one, while wrk runs and after."""

    def __init__(self, server, own, load, events):
        super().__init__(daemon=True)
        self.server_pid, self.own, self.events = server.pid, own + [load.process.pid], events
        self.last_growth_ns, self.resident_kib = 0, 0
        self.samples = []  # (when, what the machine has spent on others than us)
        self.ended = threading.Event()

    def run(self):
        size, looked = self.events.size() if self.events else 0, 0
        while not self.ended.wait(SAMPLE_SECONDS):
            now = self.events.size() if self.events else 0
            if now != size:
                size, self.last_growth_ns = now, time.monotonic_ns()
            if looked % 10 == 0:
                ours = time.process_time() + sum(map(machine.cpu_seconds, self.own))
                self.samples.append((time.monotonic_ns(), machine.machine_busy_seconds() - ours))
                self.resident_kib = max(self.resident_kib, machine.resident_kib(self.server_pid))
            looked += 1

    def others(self, first_ns, last_ns):
        """The share of all cores that others had between two moments."""
        inside = [sample for sample in self.samples if first_ns <= sample[0] <= last_ns]
        if len(inside) < 2:
            return 0.0
        (begun_ns, before), (ended_ns, after) = inside[0], inside[-1]
        return max(0.0, after - before) / ((ended_ns - begun_ns) / 1e9 * os.cpu_count())

    def end(self):
        self.ended.set()
        self.join()


def wait_for_events(events, wanted, watch):
    """All ids that arrived: waits until there are as many as wanted, and for a moment longer, for such as are too many."""
    ids, until = [], time.monotonic() + PATIENCE_SECONDS
    while len(ids) < wanted and time.monotonic() < until:
        more = events.take_ids()
        ids += more
        if more:
            until = time.monotonic() + PATIENCE_SECONDS
        else:
            time.sleep(SAMPLE_SECONDS)
    watch.end()
    return ids + events.take_ids()


def wait_until_idle(pids):
    """Until they have not used the processor for 0.3 s, so that all work for the round is counted as the round's."""
    until = time.monotonic() + PATIENCE_SECONDS
    used, still = None, 0
    while still < 3:
        if time.monotonic() > until:
            raise Failure(f"the daemon and its workers do not come to rest within {PATIENCE_SECONDS} s after the load")
        time.sleep(0.1)
        now = sum(map(machine.cpu_seconds, pids))
        still = still + 1 if now == used else 0
        used = now


def check_events(load, result, ids):
    wanted = load.ids(result["sent"])
    came = set(ids)
    if came != wanted:
        raise Failure(f"{len(wanted - came)} of {len(wanted)} events answered with 200 did not reach the plugin's file, and "
                      f"{len(came - wanted)} in it were never sent; missing for instance {sorted(wanted - came)[:3]}")
    if len(ids) != len(came):
        raise Failure(f"{len(ids) - len(came)} events were delivered more than once, though nothing was killed")


def play(build, server, prefix, seconds, events=None):
    """One round: the load, and everything until the last event is through. The row of the table."""
    own = [server.pid] + machine.children(server.pid)
    cpu = {pid: machine.cpu_seconds(pid) for pid in own}
    load = Load(build, server.address, prefix, seconds)
    watch = Watch(server, own, load, events)
    try:
        watch.start()
        result = load.result()
        first_ns, last_ns = result["first_ns"], result["last_ns"]
        row = {"server": server.name, "rate": result["answered"] / (last_ns - first_ns) * 1e9, "others": watch.others(first_ns, last_ns)}
        if events:
            ids = wait_for_events(events, result["sent_total"], watch)
            check_events(load, result, ids)
            drained_ns = max(watch.last_growth_ns, last_ns)
            row["drain"] = (drained_ns - last_ns) / 1e9
            row["delivered"] = result["answered"] / (drained_ns - first_ns) * 1e9
            row["resident_kib"] = watch.resident_kib
            wait_until_idle(own)
    finally:
        load.end()
        watch.end()
    micro = {pid: (machine.cpu_seconds(pid) - cpu[pid]) / result["answered"] * 1e6 for pid in own}
    row["cpu"] = micro.pop(server.pid)
    row["workers_cpu"] = sum(micro.values())
    row["load_cpu"] = result["cpu_seconds"] / result["answered"] * 1e6
    row["answered"] = result["answered"]
    row.update({name: result[name] / 1000 for name in ("p50", "p99", "max")})
    return row


def print_row(number, row):
    drain = f"{row['delivered']:11,.0f} {row['drain']:7.2f}" if "drain" in row else f"{'-':>11} {'-':>7}"
    print(f"{number:5} {row['server']:8} {row['rate']:10,.0f} {row['p50']:7.2f} {row['p99']:7.2f} {row['max']:7.1f} "
          f"{row['cpu']:7.1f} {row['workers_cpu']:8.1f} {row['load_cpu']:6.1f} {drain} {100 * row['others']:7.0f}%", flush=True)


HEADER = (f"{'round':5} {'server':8} {'requests/s':>10} {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7} {'µs/ev':>7} {'+workers':>8} "
          f"{'+load':>6} {'delivered/s':>11} {'drain s':>7} {'others':>8}")


def middle(rows, server, name):
    return statistics.median(row[name] for row in rows if row["server"] == server)


def summary(rows, disk, memory, workers):
    pairs = zip([row for row in rows if row["server"] == "empty"], [row for row in rows if row["server"] == "grapnel"])
    ratios = sorted(grapnel["rate"] / empty["rate"] for empty, grapnel in pairs)
    ratio = statistics.median(ratios)
    rates = {server: middle(rows, server, "rate") for server in ("empty", "grapnel")}
    print(f"\nmedians of {len(ratios)} rounds each, {CONNECTIONS} connections, bodies of 1 KiB")
    print(f"  {'':12} {'requests/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'µs/event':>9}")
    for server in ("empty", "grapnel"):
        cpu = statistics.median(row["cpu"] + row["workers_cpu"] for row in rows if row["server"] == server)
        print(f"  {server:12} {rates[server]:10,.0f} {middle(rows, server, 'p50'):8.2f} {middle(rows, server, 'p99'):8.2f} {cpu:9.1f}")
    print(f"  ratio        {ratio:10.2f}   (rounds: {' '.join(f'{each:.2f}' for each in ratios)})")
    crowded = max(row["others"] for row in rows)
    if crowded > CROWDED:
        print(f"               too low, as others had up to {100 * crowded:.0f} % of the machine, mostly from grapnel's share: README.md")
    spent = {server: statistics.median(row["cpu"] + row["workers_cpu"] + row["load_cpu"] for row in rows if row["server"] == server)
             for server in rates}
    print(f"  if only processor time counted: {spent['empty'] / spent['grapnel']:.2f}   ({spent['empty']:.1f} and "
          f"{spent['grapnel']:.1f} µs for each event, wrk included)")
    print(f"  delivered    {middle(rows, 'grapnel', 'delivered'):10,.0f} /s to each of 2 plugins, the drain included; "
          f"queue empty {middle(rows, 'grapnel', 'drain'):.2f} s after the load")
    print(f"  fdatasync    p50 {machine.percentile(disk, 0.5) * 1000:.2f} ms, p99 {machine.percentile(disk, 0.99) * 1000:.2f} ms "
          f"(64 KiB, idle disk, {len(disk)} times)")
    most_resident = max(row["resident_kib"] for row in rows if row["server"] == "grapnel")
    print(f"  daemon       {most_resident / 1024:.1f} MiB resident under load, {memory / 1024:.1f} MiB at most")
    print(f"  workers      {', '.join(f'{kib / 1024:.2f} MiB' for kib in workers)} private")
    return ratio


def check_store(folder):
    """After the daemon has ended: nothing may be waiting or dead."""
    store = sqlite3.connect(f"file:{folder}/state/grapnel.db?mode=ro", uri=True)
    try:
        left = {table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("delivery", "dead", "unrouted")}
    finally:
        store.close()
    if any(left.values()):
        raise Failure(f"not every event went through both plugins: {left}")


def run(options, folder):
    servers, rows = [], []
    disk = machine.fdatasync_seconds(folder)
    profiler = None
    try:
        for name, start in (("empty", start_empty), ("grapnel", start_grapnel)):
            (folder / name).mkdir()
            servers.append(start(options.build, folder / name))
        empty, grapnel = servers
        events = EventFile(folder / "grapnel" / "events.jsonl")
        for server in servers:  # a second each, not counted: threads, caches and the store's files come into being
            play(options.build, server, f"evt_warm_{server.name}_", 1, events if server is grapnel else None)
        if options.profile:
            pids = ",".join(map(str, [grapnel.pid] + machine.children(grapnel.pid)))
            profiler = subprocess.Popen(["perf", "record", "-q", "-F", "999", "-g", "-p", pids, "-o", options.profile])
        print(HEADER)
        for number in range(1, options.rounds + 1):
            for server in servers:
                # Unique across rounds, and across runs on the same file.
                prefix = f"evt_{int(time.time()):x}_{number}_"
                row = play(options.build, server, prefix, options.seconds, events if server is grapnel else None)
                print_row(number, row)
                rows.append(row)
        if profiler:
            profiler.send_signal(signal.SIGINT)
            profiler.wait(60)
        disk = sorted(disk + machine.fdatasync_seconds(folder))
        memory = machine.resident_most_kib(grapnel.pid)
        private = [machine.private_kib(pid) for pid in machine.children(grapnel.pid)]
        status = grapnel.stop()
        if status != 0:
            raise Failure(f"the daemon ended with {status}:\n{grapnel.output.read_text()[-4000:]}")
        check_store(folder / "grapnel")
    finally:
        if profiler and profiler.poll() is None:
            profiler.kill()
        for server in servers:
            server.stop()
    total = sum(row["answered"] for row in rows if row["server"] == "grapnel")
    ratio = summary(rows, disk, memory, private)
    print(f"\nok: all {total:,} requests to grapnel were answered with 200, and each event reached both plugins exactly once")
    return ratio


def read_options():
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", description=__doc__)
    parser.add_argument("--short", action="store_true", help="3 rounds of 3 s, for a look or for CI")
    parser.add_argument("--rounds", type=int, default=3, help="of each server (default: %(default)s)")
    parser.add_argument("--seconds", type=int, help="of each round (default: 10)")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="where the store lies meanwhile (default: %(default)s)")
    parser.add_argument("--least", type=float, help="fail if the ratio is under this")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="let perf record the daemon and its workers into FILE")
    parser.add_argument("--build", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seconds is None:
        options.seconds = 3 if options.short else 10
    if not 1 <= options.rounds <= 20 or not 1 <= options.seconds <= 60:
        parser.error("between 1 and 20 rounds of 1 to 60 s")
    options.build = options.build.resolve()
    return options


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    needed = options.rounds * options.seconds * MOST_EVENTS_PER_SECOND * BYTES_PER_EVENT
    free = shutil.disk_usage(options.folder).free
    if free < needed:
        print(f"{options.folder} has {free / 2**30:.1f} GiB free, and {needed / 2**30:.1f} may be needed: --folder, or less rounds",
              file=sys.stderr)
        return 1
    kind = machine.file_system(options.folder)
    if kind in ("tmpfs", "ramfs", "overlay"):
        print(f"note: {options.folder} is on {kind}, so that this does not measure a disk: see --folder")
    with tempfile.TemporaryDirectory(prefix="grapnel-bench-", dir=options.folder) as folder:
        try:
            ratio = run(options, Path(folder))
        except (Failure, OSError, sqlite3.Error) as failure:
            print(f"\nFAILED: {failure}", file=sys.stderr)
            return 1
    if options.least and ratio < options.least:
        print(f"\nFAILED: the ratio is {ratio:.2f}, under {options.least}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
