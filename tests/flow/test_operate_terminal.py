"""The commands as a person meets them: tables that fit, colours, questions, help, and words for what was asked wrongly."""

import contextlib
import os
import pty
import re
import subprocess

from commands_test import CONFIG, begun, daemon, dead_ids, grapnel, send, state, steer, until_dead
from grapnel_test import GRAPNEL, SLOWNESS, Daemon, event, run
from operate_test import flood


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


def test_what_strangers_wrote_does_not_reach_the_terminal(daemon):
    with contextlib.closing(daemon.sender()) as sender:
        status, _ = sender.post(event("evt_1", type="payment.\x1b[2J"), headers={"User-Agent": "a\x9bb\xff"})
    if status == 200:  # what is refused can't be shown
        assert "\x1b" not in grapnel(daemon, "events") + grapnel(daemon, "show", "cryptopay/evt_1")
    with contextlib.closing(daemon.sender()) as sender:
        assert sender.post(event("evt_2"), headers={"User-Agent": "a\x9bb"})[0] == 200
    assert "\x9b" not in grapnel(daemon, "show", "cryptopay/evt_2")


def test_discard_of_all_asks_on_a_terminal(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1", "evt_2")
    until_dead(daemon, "evt_1", "evt_2")
    shown = on_terminal(daemon, "discard", "-p", "steered", "--all", answer="\n", code=1)
    assert "discard the 2 dead letters of steered, so that they are never delivered? [y/N]" in shown and "nothing was done" in shown
    assert dead_ids(daemon) == {"evt_1", "evt_2"}
    assert "steered: 2 discarded" in on_terminal(daemon, "discard", "-p", "steered", "--all", answer="y\n")
    shown = on_terminal(daemon, "discard", "-p", "steerd", "--all", code=1)
    assert "did you mean \"steered\"?" in shown and "[y/N]" not in shown
    assert dead_ids(daemon) == set()


def test_a_replay_by_filter_asks_on_a_terminal(daemon):
    steer(daemon, "ok")
    send(daemon, "evt_1", "evt_2")
    daemon.drained()
    routes = "to those of steered and logging that today's routes name"
    shown = on_terminal(daemon, "replay", "--since", "1h", answer="\n", code=1)
    assert f"deliver about 2 events again, {routes}? [y/N]" in shown and "nothing was done" in shown
    shown = on_terminal(daemon, "replay", "--source", "cryptopay", "--since", "1h", "--from", "1:1", answer="n\n", code=1)
    assert f"deliver the rest of the events (source cryptopay, since 1h) again, {routes}? [y/N]" in shown
    assert len(begun(daemon)) == 2
    shown = on_terminal(daemon, "replay", "-p", "steerd", "--since", "1h", code=1)
    assert "did you mean \"steered\"?" in shown and "[y/N]" not in shown
    shown = on_terminal(daemon, "replay", "-p", "steered", "--state", "done", answer="y\n")
    assert "deliver about 2 events again, to steered? [y/N]" in shown and "2 deliveries were made" in shown
    daemon.drained()
    shown = on_terminal(daemon, "replay", "-p", "steered", "--state", "done", "--yes")
    assert "[y/N]" not in shown and "2 deliveries were made" in shown
    daemon.drained()
    assert "[y/N]" not in on_terminal(daemon, "replay", "cryptopay/evt_1")


def test_more_than_a_page_is_not_counted_before_the_question(daemon):
    steer(daemon, "ok")
    flood(daemon, [f"evt_{i:04}" for i in range(501)], connections=1)
    shown = on_terminal(daemon, "replay", "-p", "steered", "--type", "payment.*", answer="n\n", code=1)
    assert "deliver all events (type payment.*) again, to steered? [y/N]" in shown


def test_a_script_is_not_asked(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1")
    until_dead(daemon, "evt_1")
    for options in ({}, {"stdin": subprocess.DEVNULL}):
        steer(daemon, "ok")
        assert grapnel(daemon, "replay", "-p", "logging", "--since", "1h", **options) == "1 delivery was made\n"
        daemon.drained()
    assert grapnel(daemon, "discard", "-p", "steered", "--all", stdin=subprocess.DEVNULL) == "steered: 1 discarded\n"
    shown = on_terminal(daemon, "discard", "-p", "steered", "--all", "--yes")
    assert "[y/N]" not in shown and "steered: 0 discarded" in shown


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
    for columns in (80, 120):
        for command in (["status"], ["show", "cryptopay/evt_1"]):
            shown = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(daemon, *command, columns=columns))
            assert max(map(len, shown.splitlines())) <= columns, shown


def test_colours_are_for_terminals_that_want_them(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1")
    until_dead(daemon, "evt_1")
    assert "\x1b[31mdead\x1b[0m" in on_terminal(daemon, "events")
    assert "\x1b" not in on_terminal(daemon, "events", environment={"NO_COLOR": "1"})
    assert "\x1b" not in on_terminal(daemon, "events", environment={"TERM": "dumb"})
    assert "\x1b" not in grapnel(daemon, "events")


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
        (["discard", "-p", "steerd", "--all"], 1, "did you mean \"steered\"?"),
        (["replay", "-p", "steerd", "--state", "dead"], 1, "did you mean \"steered\"?"),
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


def test_output_that_cannot_be_written_is_a_failure(daemon):
    send(daemon, "evt_1")
    with open("/dev/full", "w") as full:
        done = subprocess.run([GRAPNEL, "show", "--body", "cryptopay/evt_1", "-c", daemon.config], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "the output could not be written: No space left on device" in done.stderr
def test_without_a_daemon(tmp_path):
    daemon = Daemon(tmp_path, CONFIG)
    for arguments in (["status"], ["events", "--json"], ["dead"], ["show", "cryptopay/x"], ["retry", "-p", "steered", "--all"],
                      ["replay", "--since", "1h"], ["discard", "-p", "steered", "--all", "--yes"]):
        done = run(GRAPNEL, *arguments, "-c", daemon.config)
        assert done.returncode == 1 and f"no daemon runs on {tmp_path}/state" in done.stderr, done
        assert done.stdout.strip() in ("", "["), done
