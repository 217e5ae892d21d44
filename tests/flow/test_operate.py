"""The queue as people operate it: events become dead letters, are looked at, retried, replayed, discarded; by the commands of a real daemon."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from grapnel_test import GRAPNEL, SECRET, SLOWNESS, Daemon, event, run, wait_for
from operate_test import flood

CONFIG = f"""
limits: {{ body: 64KiB }}
sources:
  cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ {SECRET}, whsec_older ] }}
plugins:
  steered:
    retry: {{ first: 10ms, longest: 20ms, attempts: 3 }}
    settings: {{ record: record.txt, steer: steer.txt }}
  logging: {{ settings: {{ path: log.jsonl }} }}
routes:
  payment.*: [ steered, logging ]
"""


@pytest.fixture
def daemon(tmp_path):
    with Daemon(tmp_path, CONFIG) as daemon:
        yield daemon


def grapnel(daemon, *arguments, code=0, **options):
    done = run(GRAPNEL, *arguments, "-c", daemon.config, **options)
    assert done.returncode == code, done
    return done.stdout if code == 0 else done.stderr


def grapnel_json(daemon, *arguments):
    return json.loads(grapnel(daemon, *arguments, "--json"))


def steer(daemon, what):
    """What steered.so does from now on; see tests/plugins/steered.c."""
    (daemon.folder / "steer.new").write_text(what)
    os.rename(daemon.folder / "steer.new", daemon.folder / "steer.txt")


def begun(daemon):
    """(id, attempt, key) of each time that steered.so was called."""
    path = daemon.folder / "record.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(line.split()[1:4]) for line in lines if line.startswith("begin ")]


def send(daemon, *ids, **object):
    with contextlib.closing(daemon.sender()) as sender:
        for id in ids:
            sender.accepted(event(id, **object))


def dead_ids(daemon):
    return {letter["id"] for letter in grapnel_json(daemon, "dead", "--limit", 10000)}


def until_dead(daemon, *ids):
    wait_for(lambda: dead_ids(daemon) == set(ids), f"{ids} to be dead")


def state(daemon, id):
    return grapnel_json(daemon, "show", f"cryptopay/{id}")["state"]


def on_terminal(daemon, *arguments, columns=80, answer=None, code=0, environment=None):
    """What the command shows on a terminal that is so wide, its standard output, input and errors."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", str(columns)], stdin=theirs, check=True)
    process = subprocess.Popen(
        [GRAPNEL, *map(str, arguments), "-c", daemon.config], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", **(environment or {})},
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal without programs ends
        while more := os.read(ours, 65536):
            shown += more
            if answer is not None and b"[y/N]" in shown:
                os.write(ours, answer.encode())
                answer = None
    os.close(ours)
    assert process.wait(60 * SLOWNESS) == code, shown
    return shown.decode().replace("\r\n", "\n")


# ---- from an event to a dead letter and back ----


def test_a_letter_dies_is_retried_in_vain_and_is_delivered_after_the_fix(daemon):
    steer(daemon, "retry")
    send(daemon, "evt_1")
    until_dead(daemon, "evt_1")
    first_line, letter = grapnel(daemon, "dead").splitlines()
    assert first_line.split() == ["DIED", "(UTC)", "PLUGIN", "EVENT", "ATTEMPTS", "REASON", "ERROR"]
    assert letter.split()[2:] == ["steered", "cryptopay/evt_1", "3", "attempts", "steered", "to", "retry"]
    assert state(daemon, "evt_1") == "dead"

    assert grapnel(daemon, "retry", "--plugin", "steered", "cryptopay/evt_1") == (
        "steered: cryptopay/evt_1 is delivered again, with fresh attempts\n")
    wait_for(lambda: len(begun(daemon)) == 6, "three more attempts")
    until_dead(daemon, "evt_1")

    steer(daemon, "ok")
    grapnel(daemon, "retry", "-p", "steered", "cryptopay/evt_1")
    wait_for(lambda: state(daemon, "evt_1") == "done", "the delivery")
    assert grapnel(daemon, "dead") == "There are no dead letters.\n"
    calls = begun(daemon)
    assert [int(attempt) for _, attempt, _ in calls] == [1, 2, 3, 1, 2, 3, 1]
    assert len({key for _, _, key in calls}) == 1
    assert "is not dead" in grapnel(daemon, "retry", "-p", "steered", "cryptopay/evt_1", code=1)


def test_show_tells_the_whole_story(daemon):
    steer(daemon, "retry")
    send(daemon, "evt_1", amount=7)
    until_dead(daemon, "evt_1")
    steer(daemon, "ok")
    grapnel(daemon, "retry", "-p", "steered", "cryptopay/evt_1")
    wait_for(lambda: state(daemon, "evt_1") == "done", "the delivery")
    grapnel(daemon, "replay", "cryptopay/evt_1", "--plugin", "steered")
    wait_for(lambda: len(begun(daemon)) == 5 and state(daemon, "evt_1") == "done", "the replay")
    story = grapnel(daemon, "show", "cryptopay/evt_1")
    head, steered, logging = re.split(r"\n\n(?=steered|logging)", story) if "\n\nsteered" in story else [story, "", ""]
    if logging.startswith("steered"):
        steered, logging = logging, steered
    assert head.startswith("cryptopay/evt_1\n  type      payment.succeeded\n  state     done\n  received  20")
    assert "verified  by secret 1 of cryptopay" in head and "content-type: application/json" in head
    assert re.match(r"steered: done, key [0-9a-f]{32}~1\n", steered)
    told = [re.sub(r"\d\d-\d\d \d\d:\d\d:\d\d|<?\d[\d.]*m?s\b", "", line).split() for line in steered.splitlines()[2:]]
    assert told == [
        ["1", "retry", "steered", "to", "retry"],
        ["2", "retry", "steered", "to", "retry"],
        ["3", "retry", "steered", "to", "retry"],
        ["3", "dead", "given", "up:", "a", "dead", "letter"],
        ["retried", "put", "back", "by", "`grapnel", "retry`"],
        ["1", "done", "delivered"],
        ["replayed", "once", "more,", "by", "`grapnel", "replay`"],
        ["1", "done", "delivered"],
    ]
    assert "1        done" in logging and "logging: done, key" in logging


def test_attempts_that_were_not_kept_are_counted(tmp_path):
    with Daemon(tmp_path, CONFIG.replace("attempts: 3", "attempts: 15")) as daemon:
        steer(daemon, "retry")
        send(daemon, "evt_1")
        until_dead(daemon, "evt_1")
        assert "… 5 attempts not kept …" in grapnel(daemon, "show", "cryptopay/evt_1")


def test_the_body_byte_for_byte(daemon):
    body = event("evt_1", text="ä\x1b\n").replace(b'"data"', b'  "data"') + b"\n"
    with contextlib.closing(daemon.sender()) as sender:
        sender.accepted(body)
    shown = subprocess.run([GRAPNEL, "show", "--body", "cryptopay/evt_1", "-c", daemon.config], capture_output=True, check=True)
    assert shown.stdout == body


def test_strange_ids(daemon):
    ids = ["a/b/../c", "ä ?&=%25#+", "\"\\", "-x", "." * 3, "x" * 500]
    steer(daemon, "fail")
    send(daemon, *ids)
    until_dead(daemon, *ids)
    table = grapnel(daemon, "dead")
    for id in ids:
        assert f"cryptopay/{id} " in table
        assert grapnel_json(daemon, "show", f"cryptopay/{id}")["id"] == id
        assert grapnel(daemon, "show", f"cryptopay/{id}").startswith(f"cryptopay/{id}\n")
        grapnel(daemon, "discard", "-p", "steered", f"cryptopay/{id}")
    assert dead_ids(daemon) == set()


def test_what_strangers_wrote_does_not_reach_the_terminal(daemon):
    with contextlib.closing(daemon.sender()) as sender:
        status, _ = sender.post(event("evt_1", type="payment.\x1b[2J"), headers={"User-Agent": "a\x9bb\xff"})
    if status == 200:  # what is refused can't be shown
        assert "\x1b" not in grapnel(daemon, "events") + grapnel(daemon, "show", "cryptopay/evt_1")
    with contextlib.closing(daemon.sender()) as sender:
        assert sender.post(event("evt_2"), headers={"User-Agent": "a\x9bb"})[0] == 200
    assert "\x9b" not in grapnel(daemon, "show", "cryptopay/evt_2")


# ---- lists ----


def test_events_are_listed_and_filtered(daemon):
    steer(daemon, "ok\nevt_bad fail")
    send(daemon, "evt_1", "evt_bad", "evt_2")
    with contextlib.closing(daemon.sender()) as sender:
        sender.accepted(event("evt_other", type="refund.made"))
    daemon.drained()

    def listed(*options):
        return [row["id"] for row in grapnel_json(daemon, "events", *options)]

    assert listed() == ["evt_other", "evt_2", "evt_bad", "evt_1"]
    assert listed("--state", "dead") == ["evt_bad"] and listed("--state", "unrouted") == ["evt_other"]
    assert listed("--type", "refund.*") == ["evt_other"] and listed("--state", "done") == ["evt_2", "evt_1"]
    assert listed("--since", "1h", "--source", "cryptopay") == listed()
    assert listed("--since", str(int(time.time()) + 3600)) == []
    assert "There are no such events." in grapnel(daemon, "events", "--type", "nothing")
    table = grapnel(daemon, "events").splitlines()
    assert table[0].split() == ["RECEIVED", "(UTC)", "EVENT", "TYPE", "STATE", "DELIVERIES"]
    assert table[3].endswith("dead      steered dead, logging done") or table[3].endswith("dead      logging done, steered dead")
    assert table[1].split()[2:] == ["cryptopay/evt_other", "refund.made", "unrouted"]


def test_pages_are_followed_until_the_limit(daemon):
    steer(daemon, "fail")
    ids = [f"evt_{i:03}" for i in range(230)]
    flood(daemon, ids, connections=1)
    wait_for(lambda: len(dead_ids(daemon)) == 230, "all to be dead")
    for command in ("events", "dead"):
        done = run(GRAPNEL, command, "--json", "-c", daemon.config)
        assert len(json.loads(done.stdout)) == 50
        found, cursor = json.loads(done.stdout), re.search(r"go on behind these with --cursor (\S+)", done.stderr).group(1)
        rest = run(GRAPNEL, command, "--json", "-n", "1000", "--cursor", cursor, "-c", daemon.config)
        found += json.loads(rest.stdout)
        assert [row["id"] for row in found] == ids[::-1] and rest.stderr == ""
        assert len(grapnel(daemon, command, "--limit", "120").splitlines()) == 121


def test_wrong_questions(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1")
    until_dead(daemon, "evt_1")
    for arguments, code, words in [
        (["events", "--state", "ded"], 2, "did you mean \"dead\"?"),
        (["events", "--since", "yesterday"], 2, "\"yesterday\" is not a time"),
        (["events", "--limit", "0"], 2, "--limit is a number from 1"),
        (["events", "--sourc", "x", "--type="], 2, "--type can't be \"\""),
        (["dead", "--plugin", "steerd"], 1, "did you mean \"steered\"?"),
        (["retry", "cryptopay/evt_1"], 2, "say with --plugin"),
        (["retry", "-p", "steerd", "cryptopay/evt_1"], 1, "did you mean \"steered\"?"),
        (["retry", "-p", "steered", "evt_1"], 2, "an event is named SOURCE/ID"),
        (["retry", "-p", "steered", "cryptopay/evt_2"], 1, "evt_2"),
        (["retry", "-p", "steered"], 2, "or --all"),
        (["retry", "-p", "steered", "--all", "cryptopay/evt_1"], 2, "or --all"),
        (["discard", "-p", "logging", "cryptopay/evt_1"], 1, "is not dead"),
        (["discard", "-p", "steered", "--all"], 2, "confirm with --yes"),
        (["replay"], 2, "say which"),
        (["replay", "cryptopay/evt_1", "--state", "done"], 2, "say which"),
        (["replay", "--state", "done", "--from", "x"], 2, "--from takes the place"),
        (["show"], 2, "say which event"),
        (["show", "cryptopay/evt_1", "--body", "--json"], 2, "--body prints"),
        (["show", "cryptopay/nothing"], 1, "nothing"),
        (["status", str(daemon.config)], 2, f"the config file is named with -c {daemon.config}"),
    ]:
        done = run(GRAPNEL, *arguments, "-c", daemon.config)
        assert done.returncode == code and words in done.stderr and done.stdout == "", (arguments, done)
    assert dead_ids(daemon) == {"evt_1"}


# ---- status ----


def test_status_on_one_page(daemon):
    steer(daemon, "retry 3600000\nevt_bad fail")
    send(daemon, "evt_1", "evt_bad")
    wait_for(lambda: len(begun(daemon)) == 2 and dead_ids(daemon), "the attempts")
    page = grapnel(daemon, "status")
    assert re.search(rf"grapnel +\S+, pid {daemon.process.pid}, since 20\S+ \S+ UTC", page)
    assert f"listening  {daemon.addresses[0]}\n" in page and "intake     open\n" in page
    assert re.search(r"store +\S+/state\S*: .*, 2 events, the oldest of 20", page)
    rows = {row.split()[0]: row.split() for row in page.splitlines() if row.startswith(("steered ", "logging ", "PLUGIN"))}
    assert rows["PLUGIN"] == ["PLUGIN", "WORKERS", "PENDING", "RETRYING", "DEAD", "BREAKER"]
    assert rows["steered"] == ["steered", "1/1", "0", "1", "1", "closed"]
    assert rows["logging"] == ["logging", "1/1", "0", "0", "0", "closed"]
    assert "1 dead letter: `grapnel dead` tells why; `grapnel retry --plugin steered --all` delivers it again." in page
    assert grapnel_json(daemon, "status")["pid"] == daemon.process.pid
    assert re.search(r"steered retrying in (59m|1h)", grapnel(daemon, "events"))


def test_an_open_breaker_says_why_and_until_when(daemon):
    steer(daemon, "busy 3600000")
    send(daemon, "evt_1")
    wait_for(lambda: "open, probe in" in grapnel(daemon, "status"), "the breaker to open")
    page = grapnel(daemon, "status")
    assert re.search(r"steered +1/1 +1 +0 +0 +open, probe in (59m\d*s?|1h)\n", page)
    assert re.search(r"^steered: .*steered to be busy", page, re.M)


def test_a_removed_plugin_is_parked_and_discarded(tmp_path):
    daemon = Daemon(tmp_path, CONFIG)
    with daemon:
        steer(daemon, "retry 3600000\nevt_bad fail")
        send(daemon, "evt_1", "evt_2", "evt_bad")
        wait_for(lambda: len(begun(daemon)) == 3 and dead_ids(daemon), "the attempts")
    with Daemon(tmp_path, CONFIG[: CONFIG.index("  steered:")] + CONFIG[CONFIG.index("  logging:") :].replace("steered, ", "")) as daemon:
        page = grapnel(daemon, "status")
        assert re.search(r"steered +parked +0 +2 +1 +-\n", page) and "has no such plugin any more: steered." in page
        assert "is not in the config" in grapnel(daemon, "retry", "-p", "steered", "--all", code=1)
        assert grapnel(daemon, "discard", "-p", "steered", "--all", "--yes") == "steered: 3 discarded\n"
        assert "parked" not in grapnel(daemon, "status")
        assert state(daemon, "evt_1") == "discarded"


def test_without_a_daemon(tmp_path):
    daemon = Daemon(tmp_path, CONFIG)
    for arguments in (["status"], ["events", "--json"], ["dead"], ["show", "cryptopay/x"], ["retry", "-p", "steered", "--all"],
                      ["replay", "--since", "1h"], ["discard", "-p", "steered", "--all", "--yes"]):
        done = run(GRAPNEL, *arguments, "-c", daemon.config)
        assert done.returncode == 1 and f"no daemon runs on {tmp_path}/state" in done.stderr, done
        assert done.stdout.strip() in ("", "["), done


def test_all_works_while_the_config_is_broken(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1")
    until_dead(daemon, "evt_1")
    good = daemon.config.read_text()
    steer(daemon, "ok")
    try:
        for broken in (good.replace("sources:", "sorces:"), good + "plugins: [ { \n"):
            daemon.config.write_text(broken)
            assert run(GRAPNEL, "check", "-c", daemon.config).returncode == 1
            assert "steered" in grapnel(daemon, "status") and "evt_1" in grapnel(daemon, "events")
        grapnel(daemon, "retry", "-p", "steered", "cryptopay/evt_1")
        wait_for(lambda: state(daemon, "evt_1") == "done", "the delivery")
    finally:
        daemon.config.write_text(good)


# ---- replay ----


def test_replay_has_a_key_of_its_own(daemon):
    steer(daemon, "ok")
    send(daemon, "evt_1")
    daemon.drained()
    assert grapnel(daemon, "replay", "cryptopay/evt_1") == "2 deliveries were made\n"
    daemon.drained()
    assert grapnel(daemon, "replay", "cryptopay/evt_1", "-p", "steered") == "1 delivery was made\n"
    daemon.drained()
    key = begun(daemon)[0][2]
    assert [call[2] for call in begun(daemon)] == [key, key + "~1", key + "~2"]
    steer(daemon, "fail")
    grapnel(daemon, "replay", "cryptopay/evt_1", "-p", "steered")
    until_dead(daemon, "evt_1")
    assert "still open or dead" in grapnel(daemon, "replay", "cryptopay/evt_1", "-p", "steered", code=1)


def test_replay_of_what_had_no_route(tmp_path):
    with Daemon(tmp_path, CONFIG.replace("payment.*", "refund.*")) as daemon:
        send(daemon, "evt_1")
        assert state(daemon, "evt_1") == "unrouted"
        assert "no route of today's config" in grapnel(daemon, "replay", "cryptopay/evt_1", code=1)
        assert grapnel(daemon, "replay", "--state", "unrouted") == "0 deliveries were made; 1 event has no route by today's config\n"
    with Daemon(tmp_path, CONFIG) as daemon:
        assert grapnel(daemon, "replay", "--state", "unrouted") == "2 deliveries were made\n"
        wait_for(lambda: state(daemon, "evt_1") == "done", "the delivery")


# ---- many ----


def test_all_of_them(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1", "evt_2", "evt_3")
    until_dead(daemon, "evt_1", "evt_2", "evt_3")
    assert grapnel(daemon, "retry", "-p", "steered", "--all") == "steered: 3 put back, with fresh attempts\n"
    wait_for(lambda: len(begun(daemon)) == 6 and len(dead_ids(daemon)) == 3, "all to be dead again")
    assert grapnel(daemon, "discard", "-p", "steered", "--all", "--yes") == "steered: 3 discarded\n"
    assert grapnel(daemon, "retry", "-p", "steered", "--all") == "steered: 0 put back, with fresh attempts\n"
    assert dead_ids(daemon) == set() and state(daemon, "evt_1") == "discarded"


def test_discard_of_all_asks_on_a_terminal(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1", "evt_2")
    until_dead(daemon, "evt_1", "evt_2")
    shown = on_terminal(daemon, "discard", "-p", "steered", "--all", answer="\n", code=1)
    assert "discard the 2 dead letters of steered? They will never be delivered [y/N]" in shown and "nothing was done" in shown
    assert dead_ids(daemon) == {"evt_1", "evt_2"}
    assert "steered: 2 discarded" in on_terminal(daemon, "discard", "-p", "steered", "--all", answer="y\n")
    assert dead_ids(daemon) == set()


class Relay:
    """Stands between a command and the daemon, and calls `before` with the number of each question to `path`."""

    def __init__(self, folder, daemon, path, before):
        import socket

        self.folder, self.path, self.before, self.count = folder, path.encode(), before, 0
        self.target = str(daemon.folder / "state/control.sock")
        (folder / "state").mkdir()
        (folder / "grapnel.yaml").write_text("state: ./state\n")
        self.config = folder / "grapnel.yaml"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / "state/control.sock"))
        self.listener.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        import socket

        with contextlib.suppress(OSError):
            while True:
                asker, _ = self.listener.accept()
                question = asker.recv(65536)
                if b" " + self.path in question:
                    self.count += 1
                    if self.before(self.count) is False:
                        asker.close()
                        continue
                with contextlib.closing(socket.socket(socket.AF_UNIX)) as answerer:
                    answerer.connect(self.target)
                    answerer.sendall(question)
                    while answer := answerer.recv(65536):
                        asker.sendall(answer)
                asker.close()

    def close(self):
        import socket

        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def short_folder():
    """A socket's path is short."""
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@contextlib.contextmanager
def interrupting(folder, daemon, path, at):
    """A relay, and a function that runs a command by it which gets Ctrl-C while its question number `at` is asked."""
    process = None

    def before(number):
        if number == at:
            process.send_signal(signal.SIGINT)

    relay = Relay(folder, daemon, path, before)

    def run_it(*arguments):
        nonlocal process
        process = subprocess.Popen([GRAPNEL, *arguments, "-c", relay.config], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, error = process.communicate(timeout=60 * SLOWNESS)
        return process.returncode, out, error

    try:
        yield run_it
    finally:
        relay.close()


def test_a_retry_of_all_is_interrupted_and_taken_up_again(daemon, short_folder):
    ids = [f"evt_{i:04}" for i in range(5000)]
    steer(daemon, "fail")
    flood(daemon, ids)
    wait_for(lambda: daemon.rows("SELECT count(*) FROM dead") == [(5000,)], "all to be dead", 120)
    steer(daemon, "ok")
    (daemon.folder / "record.txt").unlink()
    with interrupting(short_folder, daemon, "/api/retry", at=3) as run_it:
        code, out, error = run_it("retry", "-p", "steered", "--all")
    assert code == 130 and out == "steered: 750 put back, with fresh attempts\n", (code, out, error)
    assert "interrupted; the same command goes on with the rest" in error
    assert daemon.rows("SELECT count(*) FROM dead") == [(4250,)]
    assert grapnel(daemon, "retry", "-p", "steered", "--all") == "steered: 4250 put back, with fresh attempts\n"
    wait_for(lambda: len(begun(daemon)) >= 5000, "all deliveries", 120)
    daemon.drained()
    assert sorted(id for id, _, _ in begun(daemon)) == ids
    assert dead_ids(daemon) == set()


def test_a_replay_is_interrupted_and_goes_on_from_its_place(daemon, short_folder):
    ids = [f"evt_{i:04}" for i in range(1000)]
    steer(daemon, "ok")
    flood(daemon, ids, connections=1)
    daemon.drained()
    (daemon.folder / "record.txt").unlink()
    with interrupting(short_folder, daemon, "/api/replay", at=2) as run_it:
        code, out, error = run_it("replay", "-p", "steered", "--since", "1h", "--state", "done")
    assert code == 130 and out == "500 deliveries were made\n", (code, out, error)
    place = re.search(r"--from (\S+) goes on", error).group(1)
    daemon.drained()
    assert grapnel(daemon, "replay", "-p", "steered", "--since", "1h", "--state", "done", "--from", place) == "500 deliveries were made\n"
    daemon.drained()
    assert sorted(id for id, _, key in begun(daemon)) == ids
    assert {key[-2:] for _, _, key in begun(daemon)} == {"~1"}


def test_a_daemon_that_goes_in_the_middle(daemon, short_folder):
    steer(daemon, "fail")
    flood(daemon, [f"evt_{i:04}" for i in range(600)], connections=1)
    wait_for(lambda: daemon.rows("SELECT count(*) FROM dead") == [(600,)], "all to be dead")
    relay = Relay(short_folder, daemon, "/api/discard", lambda number: number < 2)
    done = run(GRAPNEL, "discard", "-p", "steered", "--all", "--yes", "-c", relay.config)
    relay.close()
    assert done.returncode == 1 and done.stdout == "steered: 250 discarded\n", done
    assert "the same command goes on with the rest" in done.stderr
    assert "ended, or broke off, before its answer was complete" in done.stderr
    assert grapnel(daemon, "discard", "-p", "steered", "--all", "--yes") == "steered: 350 discarded\n"


def test_progress_is_told_where_it_lasts(daemon, short_folder):
    steer(daemon, "fail")
    flood(daemon, [f"evt_{i:04}" for i in range(600)], connections=1)
    wait_for(lambda: daemon.rows("SELECT count(*) FROM dead") == [(600,)], "all to be dead")
    began = time.monotonic()

    def before(number):  # each batch ends more than a second after the command began
        wait_for(lambda: time.monotonic() > began + 1.2, "the time after which it is told")

    relay = Relay(short_folder, daemon, "/api/discard", before)
    done = run(GRAPNEL, "discard", "-p", "steered", "--all", "--yes", "-c", relay.config)
    relay.close()
    assert done.returncode == 0 and done.stdout == "steered: 600 discarded\n", done
    assert done.stderr == "grapnel discard: 250 of 600 discarded\n"  # and no other within five seconds


# ---- terminals ----


def test_tables_fit_a_terminal(daemon):
    long = "evt_" + "0123456789" * 8
    steer(daemon, "fail")
    send(daemon, long, "evt_1")
    until_dead(daemon, long, "evt_1")
    for columns in (60, 80, 120, 200):
        for command in ("dead", "events"):
            shown = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(daemon, command, columns=columns))
            assert max(map(len, shown.splitlines())) <= columns, shown
            assert "cryptopay/evt_1 " in shown
            assert (long in shown) == (columns == 200) and ("…" in shown) == (columns < 200), shown
    assert long in grapnel(daemon, "dead")


def test_colours_are_for_terminals_that_want_them(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1")
    until_dead(daemon, "evt_1")
    assert "\x1b[31mdead\x1b[0m" in on_terminal(daemon, "events")
    assert "\x1b" not in on_terminal(daemon, "events", environment={"NO_COLOR": "1"})
    assert "\x1b" not in on_terminal(daemon, "events", environment={"TERM": "dumb"})
    assert "\x1b" not in grapnel(daemon, "events")


# ---- help ----


def test_each_command_explains_itself():
    listed = run(GRAPNEL, "help").stdout
    for command in ("status", "events", "show", "dead", "retry", "replay", "discard", "backup", "compact"):
        shown = run(GRAPNEL, "help", command).stdout
        assert f"\n  {command} " in listed and shown.startswith(f"usage: grapnel {command} [OPTIONS]")
        assert "--config FILE" in shown and run(GRAPNEL, command, "--help").stdout == shown
        assert ("--json" in shown) == (command in ("status", "events", "show", "dead"))
    for typo, meant in (("stauts", "status"), ("ded", "dead"), ("retyr", "retry"), ("event", "events"), ("discrad", "discard")):
        done = run(GRAPNEL, typo)
        assert done.returncode == 2 and f'did you mean "{meant}"?' in done.stderr, done
    assert "did you mean --plugin?" in run(GRAPNEL, "retry", "--plugni", "x").stderr


# ---- the store itself ----


def test_backup_and_compact(daemon):
    steer(daemon, "ok")
    send(daemon, "evt_1", "evt_2")
    daemon.drained()
    copy = daemon.folder / "copy.db"
    assert re.fullmatch(rf"{copy}: \S+ KiB, checked\n", grapnel(daemon, "backup", copy))
    assert str(copy) in grapnel(daemon, "backup", copy, code=1)
    assert "stop" in grapnel(daemon, "compact", code=1)
    daemon.stop()
    os.remove(copy)
    grapnel(daemon, "backup", copy)
    assert daemon.folder.name and "state" in grapnel(daemon, "compact")
    restored = daemon.folder / "restored"
    (restored / "state").mkdir(parents=True)
    os.rename(copy, restored / "state/grapnel.db")
    with Daemon(restored, CONFIG) as other:
        assert {row["id"] for row in grapnel_json(other, "events")} == {"evt_1", "evt_2"}


def test_output_that_cannot_be_written_is_a_failure(daemon):
    send(daemon, "evt_1")
    with open("/dev/full", "w") as full:
        done = subprocess.run([GRAPNEL, "show", "--body", "cryptopay/evt_1", "-c", daemon.config], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "the output could not be written: No space left on device" in done.stderr
