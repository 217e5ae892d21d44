"""What a worker may do and see, and what is left of it when it has ended: nothing, not even children in sessions of their own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from grapnel_test import GRAPNEL, Daemon, event, run, wait_for

SANITIZED = bool(os.environ.get("GRAPNEL_SANITIZE"))
HEAD = 'sources: { shop: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] } }\nroutes: { "*": [ %s ] }\n'


def config(plugins):
    return HEAD % ", ".join(plugins) + f"plugins: {json.dumps(plugins)}\n"


def starter(**more):
    return {"file": "starter.so", "settings": {"record": "started"}, "retry": {"first": "10ms", "attempts": 2}, **more}


def status(pid):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def limits(pid):
    """Name to (soft, hard)."""
    rows = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {row[:26].strip(): tuple(row[26:].split()[:2]) for row in rows}


def descriptors(pid):
    """Number to file; but for those that are closed while this looks at them."""
    found = {}
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[int(path.name)] = os.readlink(path)
    return found


def environment(pid):
    return dict(entry.split("=", 1) for entry in Path(f"/proc/{pid}/environ").read_text().split("\0") if entry)


def started(folder, name="started"):
    path = folder / name
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def gone(pid):
    try:
        return status(pid)["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def reaped(pid):
    return not Path(f"/proc/{pid}").exists()


def test_what_a_worker_is(tmp_path):
    plugins = {"careful": starter(), "loose": starter(privileges="keep", memory="64MiB")}
    with Daemon(tmp_path, config(plugins), environment={"SHOP_TOKEN": "hidden"}) as daemon:
        # The order of the children is that of the config.
        careful, loose = daemon.workers()
        assert status(careful)["NoNewPrivs"] == "1" and status(loose)["NoNewPrivs"] == "0"
        for pid in (careful, loose):
            assert status(pid)["Umask"] == "0077"
            assert int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3]) == pid, "its session"
            assert limits(pid)["Max core file size"] == ("0", "0")
            assert int(limits(pid)["Max open files"][0]) <= 1024
            assert descriptors(pid)[0] == "/dev/null"
        if not SANITIZED:
            assert limits(loose)["Max data size"] == (str(64 << 20),) * 2
        assert limits(careful)["Max realtime timeout"] != limits(loose)["Max realtime timeout"]


def test_nothing_of_the_daemons_is_open(tmp_path):
    """Both while the daemon holds many sockets: a worker that starts then, and a command of exec."""
    plugins = {"idle": starter(), "exec": {"settings": {"command": ["sh", "-c", "ls -l /proc/$$/fd > descriptors; mv descriptors seen"]}}}
    with Daemon(tmp_path, config(plugins)) as daemon, contextlib.ExitStack() as stack:
        host, _, port = daemon.addresses[0].rpartition(":")
        for _ in range(100):
            stack.enter_context(socket.create_connection((host, int(port)))).sendall(b"POST /webhook HTTP/1.1\r\n")
        wait_for(lambda: len(descriptors(daemon.process.pid)) > 100, "the daemon to take them")
        before = daemon.workers()
        os.kill(before[0], signal.SIGKILL)
        worker = wait_for(lambda: set(daemon.workers()) - set(before), "another worker").pop()
        wait_for(lambda: "grapnel-page" not in str(descriptors(worker)), "it to begin")
        inside = descriptors(worker)
        assert sorted(inside) == [0, 1, 2, 3, 4], inside
        assert inside[1] == inside[2] and inside[1].startswith("pipe:") and inside[4].startswith("socket:"), inside
        daemon.sender().accepted(event("e1"))
        seen = wait_for(lambda: (tmp_path / "seen").exists() and (tmp_path / "seen").read_text(), "the command")
        numbers = {line.split(" -> ")[0].split()[-1]: line.split(" -> ")[1] for line in seen.splitlines() if " -> " in line}
        # The shell's own, for the redirection, is in a number from 10 on.
        assert {number for number in numbers if int(number) < 10} == {"0", "1", "2"}, seen
        assert "socket:" not in seen and "grapnel.db" not in seen


def test_the_environment_is_what_was_asked_for(tmp_path):
    (tmp_path / "token").write_text("from a file\n")
    asked = {"SHOP_URL": "https://shop.example", "LANG": "de_DE.UTF-8", "FROM": {"env": "SHOP_NAME"}, "TOKEN": {"file": "token"}, "NONE": ""}
    ours = {"SHOP_NAME": "Ada", "SHOP_TOKEN": "hidden", "LANG": "C", "TZ": "Europe/Berlin", "GRAPNEL_CORE_DUMPS": ""}
    with Daemon(tmp_path, config({"a": starter(environment=asked), "b": starter()}), environment=ours) as daemon:
        first, second = (environment(pid) for pid in daemon.workers())
    expected = {"SHOP_URL": "https://shop.example", "LANG": "de_DE.UTF-8", "FROM": "Ada", "TOKEN": "from a file", "NONE": ""}
    assert {name: first[name] for name in expected} == expected
    assert first["TZ"] == second["TZ"] == "Europe/Berlin" and second["LANG"] == "C"
    known = set("PATH HOME LANG LC_ALL LC_CTYPE TZ TMPDIR LD_LIBRARY_PATH ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS GRAPNEL_CORE_DUMPS".split())
    assert set(second) <= known and set(first) <= known | set(asked)


@pytest.mark.parametrize(
    "plugin, says",
    [
        ({"privileges": "all"}, '"privileges" can\'t be "all"; it must be one of drop, keep'),
        ({"environment": ["A"]}, '"environment" must be a map of names, not a list'),
        ({"environment": {"A B": "x"}}, '"A B" is no name of a variable: letters, digits and _, no digit first'),
        ({"environment": {"1A": "x"}}, '"1A" is no name of a variable'),
        ({"environment": {"A": {"env": "GRAPNEL_NOT_SET"}}}, "the environment variable GRAPNEL_NOT_SET is not set"),
        ({"environment": {f"A{n}": "x" for n in range(65)}}, "more than 64 variables"),
    ],
)
def test_mistakes(tmp_path, plugin, says):
    daemon = Daemon(tmp_path, config({"a": starter(**plugin)}))
    result = run(GRAPNEL, "check", "-c", daemon.config)
    assert result.returncode == 1 and says in result.stderr, result.stderr


def leave(daemon, count, **more):
    """Pids of processes that a worker has started."""
    before = len(started(daemon.folder))
    daemon.sender().accepted(event(f"leave-{before}", count=count, **more))
    return wait_for(lambda: len(started(daemon.folder)) >= before + count and started(daemon.folder)[before:], "them", 60)


@pytest.mark.parametrize("count", [1, 1000])
@pytest.mark.parametrize("how", ["killed", "crashed"])
def test_children_end_with_the_worker(tmp_path, count, how):
    count = count if not SANITIZED else min(count, 50)
    with Daemon(tmp_path, config({"a": starter(memory="64GiB", retry={"attempts": 1})}), plugins_crash=True) as daemon:
        (worker,) = daemon.workers()
        pids = leave(daemon, count, **({"then": "abort"} if how == "crashed" else {}))
        if how == "killed":
            assert not any(gone(pid) for pid in pids) and daemon.workers().count(worker) == 1
            os.kill(worker, signal.SIGKILL)
        wait_for(lambda: all(reaped(pid) for pid in pids), "their end", 60)
        assert "left processes behind, which were killed" in daemon.log()
        wait_for(lambda: worker not in daemon.workers() and len(daemon.workers()) == 1, "the next worker alone")


def test_they_end_with_the_daemon(tmp_path):
    with Daemon(tmp_path, config({"a": starter()})) as daemon:
        pids = leave(daemon, 20)
        assert daemon.stop() == 0
        assert all(gone(pid) for pid in pids)


def test_those_of_others_go_on(tmp_path):
    """Of another worker that runs, and of who was there before the daemon."""
    plugins = {"a": starter(), "b": starter(settings={"record": "others"})}
    with Daemon(tmp_path, config(plugins)) as daemon:
        daemon.stop()
        # What a wrapper has started is a child of the daemon that it becomes.
        with daemon.log_path.open("ab") as log:
            wrapped = ["sh", "-c", 'sleep 1000 & echo $! > stranger; exec "$0" "$@"', GRAPNEL, "serve", "-c", daemon.config]
            daemon.process = subprocess.Popen(wrapped, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        stranger = wait_for(lambda: (tmp_path / "stranger").exists() and (tmp_path / "stranger").read_text().strip(), "it")
        try:
            wait_for(lambda: daemon.log().count("ready: listening") == 2, "ready")
            daemon.addresses = [daemon.log().rpartition("ready: listening on ")[2].split()[0]]
            pids = leave(daemon, 5)
            others = wait_for(lambda: len(started(tmp_path, "others")) == 5 and started(tmp_path, "others"), "the others")
            marks = {pid: limits(pid)["Max realtime timeout"] for pid in daemon.workers()}
            worker = next(pid for pid, mark in marks.items() if mark == limits(pids[0])["Max realtime timeout"])
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda: all(reaped(pid) for pid in pids), "their end")
            assert not any(gone(pid) for pid in [*others, int(stranger)])
            assert daemon.stop() == 0
            assert all(gone(pid) for pid in others) and not gone(int(stranger))
        finally:
            os.kill(int(stranger), signal.SIGKILL)


def test_a_child_that_ends_is_reaped(tmp_path):
    with Daemon(tmp_path, config({"a": starter()})) as daemon:
        (pid,) = leave(daemon, 1)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: reaped(pid), "its end")
        assert "left processes behind" not in daemon.log()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is larger than any limit")
def test_memory_counts_what_a_worker_has_started(tmp_path):
    with Daemon(tmp_path, config({"a": starter(memory="48MiB")})) as daemon:
        (worker,) = daemon.workers()
        pids = leave(daemon, 2, bytes=16 << 20)
        daemon.sender().accepted(event("heavy", count=4, bytes=16 << 20, then="wait"))
        says = "was killed: the processes that it had started took "
        wait_for(lambda: f"heavy: attempt 1 failed: its worker {says}" in daemon.log(), "its end")
        assert "and `memory` is 48MiB" in daemon.log()
        wait_for(lambda: all(reaped(pid) for pid in pids), "what it had started before")
        wait_for(lambda: "heavy: attempt 2 failed" in daemon.log() and "dead letter" in daemon.log(), "the last attempt")
        wait_for(lambda: all(reaped(pid) for pid in started(tmp_path)), "all of them")
        assert worker not in daemon.workers()
