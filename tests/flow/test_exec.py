"""exec.so: what a command is given, and what its end means. How it is killed: test_exec_kill.py."""

import json
import os
import re
import signal
import shutil

import pytest

from exec_plugin import DUMP, environment_of, exec_daemon, script, shell
from grapnel_test import GRAPNEL, event, run, wait_for
from test_delivery import ATTEMPTS, FAIL, dead

BODY = '{\n  "id": "evt_1", "type": "payment.succeeded", "n": 10.10,\r\n "data": { "object": { "name": "Zoë ✓ 😀 \\u0041" } } }\n'.encode()

SCRIPTS = {
    "sh": '#!/bin/sh -eu\n{ printf "%s %s\\n" "$GRAPNEL_ID" "$1"; cat; } > out.txt\necho done\n',
    "python3": """#!/usr/bin/python3
import os, sys
body = sys.stdin.buffer.read()
with open("out.txt", "wb") as out:
    out.write(f"{os.environ['GRAPNEL_ID']} {sys.argv[1]}\\n".encode() + body)
print("done")
""",
    "node": """#!/usr/bin/env node
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () => {
  require("fs").writeFileSync("out.txt", Buffer.concat([Buffer.from(`${process.env.GRAPNEL_ID} ${process.argv[2]}\\n`), ...chunks]));
  console.log("done");
});
""",
}


@pytest.mark.parametrize("language", SCRIPTS)
def test_a_script_in(tmp_path, language):
    """Its payload is what was signed, byte for byte; what it prints is in the log."""
    assert shutil.which(language), f"{language} is needed: cmake/packages.sh test"
    with exec_daemon(tmp_path, {"command": [script(tmp_path, SCRIPTS[language]), "a b"]}) as daemon:
        daemon.sender().accepted(BODY)
        daemon.drained()
        assert dead(daemon) == {}
        assert (tmp_path / "out.txt").read_bytes() == b"evt_1 a b\n" + BODY
        assert 'plugin "exec": evt_1: done' in daemon.log()


def test_the_environment_is_this_and_nothing_else(tmp_path):
    settings = {
        "command": ["cp", "/proc/self/environ", "environment"],
        "environment": {"TOKEN": {"env": "SHOP_TOKEN"}, "LANG": "C.UTF-8", "EMPTY": "", "_x1": "a=b c"},
    }
    given = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere", "LANG": "de_DE.UTF-8", "SHOP_TOKEN": "t0ken", "OTHER_SECRET": "x", "TZ": "UTC"}
    with exec_daemon(tmp_path, settings, environment=given, deadline="20s") as daemon:
        daemon.sender().accepted(event("evt 1", type="order/paid ✓"))
        daemon.drained()
        assert dead(daemon) == {}
        assert "t0ken" not in daemon.log()
    found = environment_of((tmp_path / "environment").read_text().split("\0")[:-1])
    assert 18500 < int(found.pop("GRAPNEL_DEADLINE_MS")) <= 19000
    assert re.fullmatch(r"[0-9a-f]{16,}", found.pop("GRAPNEL_KEY"))
    assert found == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nowhere",
        "LANG": "C.UTF-8",
        "TOKEN": "t0ken",
        "EMPTY": "",
        "_x1": "a=b c",
        "GRAPNEL_ID": "evt 1",
        "GRAPNEL_TYPE": "order/paid ✓",
        "GRAPNEL_SOURCE": "cryptopay",
        "GRAPNEL_ATTEMPT": "1",
    }


def test_key_and_attempt_over_retries(tmp_path):
    command = shell('echo "$GRAPNEL_KEY $GRAPNEL_ATTEMPT" >> out.txt; [ "$GRAPNEL_ATTEMPT" = 3 ]')
    with exec_daemon(tmp_path, {"command": command}, retry={"first": "50ms", "attempts": 5}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        assert dead(daemon) == {}
    keys, attempts = zip(*(line.split() for line in (tmp_path / "out.txt").read_text().splitlines()))
    assert len(set(keys)) == 1 and attempts == ("1", "2", "3")


def test_descriptors_group_and_folder(tmp_path):
    """Only standard input, output and error; a group of its own; the folder that was asked for."""
    (tmp_path / "inner").mkdir()
    code = """
import os
print(sorted(os.readlink("/proc/self/fd/" + name) if name in "012" else name for name in os.listdir("/proc/self/fd")))
print(os.getpgid(0) == os.getpid(), os.getpid() != os.getppid(), os.getcwd())
"""
    with exec_daemon(tmp_path, {"command": ["python3", "-c", code], "folder": "inner"}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        assert dead(daemon) == {}
        said = re.findall(r"e1: (.*)", daemon.log())
    assert re.fullmatch(r"\['/memfd:payload \(deleted\)', '3', 'pipe:\[\d+\]', 'pipe:\[\d+\]'\]", said[0]), said
    assert said[1] == f"True True {tmp_path}/inner"


def test_all_signals_are_at_their_default(tmp_path):
    with exec_daemon(tmp_path, {"command": ["cp", "/proc/self/status", "status"]}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        assert dead(daemon) == {}
    status = (tmp_path / "status").read_text()
    of_glibc = 3 << 31  # 32 and 33 are its own: whoever started the tests may have ignored them, and no program can change that
    for field in ("SigBlk", "SigIgn", "SigCgt"):
        assert int(re.search(rf"^{field}:\s(\w+)$", status, re.M)[1], 16) & ~of_glibc == 0, status


EXITS = {
    0: None,
    1: (ATTEMPTS, "exited with status 1: because"),
    65: (FAIL, "exited with status 65: because"),
    66: None,
    75: (ATTEMPTS, "exited with status 75: because"),
    126: (FAIL, "exited with status 126: because"),
    255: (ATTEMPTS, "exited with status 255: because"),
}


def test_exit_codes(tmp_path):
    settings = {
        "command": shell('echo fine; echo because >&2; exit "$1"'),
        "payload_arguments": ["/data/object/status"],
        "exit_codes": {"65": "fail", "66": "ok", "126": "fail"},
    }
    with exec_daemon(tmp_path, settings) as daemon:
        for status in EXITS:
            daemon.sender().accepted(event(f"e{status}", status=status))
        daemon.drained()
        died = dead(daemon)
    assert {id: row[:1] for id, row in died.items()} == {f"e{status}": wanted[:1] for status, wanted in EXITS.items() if wanted}
    for id, (_, attempts, crashes, detail) in died.items():
        assert (attempts, crashes, detail) == (1, 0, f"sh {EXITS[int(id[1:])][1]}")


def test_other_and_what_is_fixed_can_be_set(tmp_path):
    settings = {
        "command": shell('exit "$1"'),
        "payload_arguments": ["/data/object/status"],
        "exit_codes": {"other": "fail", "69": "retry", "75": "ok"},
    }
    with exec_daemon(tmp_path, settings) as daemon:
        for status in (0, 1, 69, 75):
            daemon.sender().accepted(event(f"e{status}", status=status))
        daemon.drained()
        assert {id: row[0] for id, row in dead(daemon).items()} == {"e1": FAIL, "e69": ATTEMPTS}


@pytest.mark.parametrize("settings, status", [({}, 69), ({"exit_codes": {"7": "busy"}}, 7)])
def test_busy(tmp_path, settings, status):
    with exec_daemon(tmp_path, {"command": shell(f"echo no database; exit {status}"), **settings}) as daemon:
        daemon.sender().accepted(event("e1"))
        wait_for(lambda: f"busy: sh exited with status {status}: no database" in daemon.log(), "BUSY to be told")
        assert dead(daemon) == {}
        assert daemon.rows("SELECT attempts FROM delivery") == [(0,)]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL, signal.SIGRTMIN + 1])
def test_a_signal_is_named(tmp_path, number):
    with exec_daemon(tmp_path, {"command": shell(f"kill -{int(number)} $$"), "exit_codes": {"other": "fail"}}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        name = f"signal {int(number)}" if number > signal.SIGRTMIN else signal.Signals(number).name
        assert dead(daemon) == {"e1": (ATTEMPTS, 1, 0, f"sh was ended by {name}")}


@pytest.mark.parametrize("command", [["true"], shell("exec <&-; exit 0"), shell("head -c 1 > first"), shell("exec 1>&- 2>&-; cat > all")])
def test_a_big_payload_may_be_left(tmp_path, command):
    body = event("e1", fill="x" * 1_000_000)
    with exec_daemon(tmp_path, {"command": command}) as daemon:
        daemon.sender().accepted(body)
        daemon.drained()
        assert dead(daemon) == {}
    for name, wanted in (("first", body[:1]), ("all", body)):
        assert not (tmp_path / name).exists() or (tmp_path / name).read_bytes() == wanted


def test_a_big_payload_is_whole_whatever_is_printed_meanwhile(tmp_path):
    """Each waits for the other in a naive program: here neither does."""
    body = event("e1", fill="x" * 1_000_000)
    with exec_daemon(tmp_path, {"command": shell("tee copy; cat /dev/stdin | wc -c")}) as daemon:
        daemon.sender().accepted(body)
        daemon.drained()
        assert dead(daemon) == {}
    assert (tmp_path / "copy").read_bytes() == body


def test_the_payload_cannot_be_changed(tmp_path):
    with exec_daemon(tmp_path, {"command": shell("echo x >> /dev/stdin; echo x 1<>/dev/stdin; cat > copy")}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
    assert (tmp_path / "copy").read_bytes() == event("e1")


def logged(daemon, id):
    return re.findall(rf'plugin "exec": {id}: (.*)', daemon.log())


def test_output_is_escaped_and_has_lines(tmp_path):
    text = r"printf 'one\r\n\n  two\000\033[31m\tred\n\377\303\n'; printf 'three' >&2; exit 1"
    with exec_daemon(tmp_path, {"command": shell(text)}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        lines = logged(daemon, "e1")
        assert dead(daemon)["e1"][3] == "sh exited with status 1: three"
        assert "\033" not in daemon.log() and "\0" not in daemon.log()
    assert [line for line in lines if "sh exited" not in line] == ["one", r"  two \x1b[31m\tred", lines[2], "three"]


def test_output_is_bounded(tmp_path):
    """The beginning is logged, without gaps; all of it is read, so that nobody waits; the last line is still known."""
    with exec_daemon(tmp_path, {"command": shell("seq 1 300000; echo the end; exit 3"), "output": "1KiB"}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        said = logged(daemon, "e1")
        numbers = [int(line) for line in said if line.isdigit()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert 1000 < sum(len(str(number)) for number in numbers) <= 1024
        (left,) = [re.match(r"(\d+) more bytes of output are not logged", line) for line in said if "more bytes" in line]
        total = sum(len(str(number)) for number in range(1, 300001)) + len("the end")
        assert int(left[1]) + sum(len(str(number)) for number in numbers) == total
        assert dead(daemon)["e1"][3] == "sh exited with status 3: the end"


@pytest.mark.parametrize(
    "output, command, wanted",
    [
        ("0", "echo x", []),
        ("1MiB", "head -c 5000 /dev/zero | tr '\\0' y; echo", ["y" * 2000, "y" * 2000, "y" * 1000]),
        ("1MiB", "yes | head -n 5000", ["y"] * 500),
        ("16", "echo one; echo a line that is too long; echo two", ["one"]),
    ],
)
def test_lines_of_output(tmp_path, output, command, wanted):
    with exec_daemon(tmp_path, {"command": shell(command), "output": output}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        assert [line for line in logged(daemon, "e1") if "more bytes" not in line] == wanted


HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned;",
    "| touch pwned",
    "&& touch pwned",
    "x\ntouch pwned\n",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "> pwned",
    "../../../../tmp/pwned",
    "/etc/passwd",
    "-rf",
    "--help",
    "*",
    "~",
    "${IFS}touch${IFS}pwned",
    "() { :;}; touch pwned",
    "%s%n%s%n",
    "PATH=.:/tmp",
    "LD_PRELOAD=./evil.so",
    "GRAPNEL_KEY=forged",
    "\u202egnp.exe",
    "\x7f\x1b]0;pwned\x07",
]


def test_values_are_values(tmp_path):
    """Payload, type and id arrive as they are, each in its own place, and nothing in them is carried out."""
    (tmp_path / "dumps").mkdir()
    settings = {
        "command": ["python3", "-c", DUMP, "fixed"],
        "payload_arguments": ["/data/object/value", "/data/object/nothing", "/data/object"],
        "payload_environment": {"VALUE": "/data/object/value", "NOTHING": "/data/object/nothing"},
    }
    bodies = {}
    with exec_daemon(tmp_path, settings) as daemon:
        for value in HOSTILE:
            clean = re.sub(r"[\x00-\x1f\x7f]", "", value)
            body = event(clean, type=clean, value=value)
            bodies[clean] = (value, body)
            daemon.sender().accepted(body)
        daemon.drained()
        assert dead(daemon) == {}
    assert not (tmp_path / "pwned").exists() and sorted(os.listdir(tmp_path)) == ["dumps", "grapnel.yaml", "log.txt", "state"]
    seen = set()
    for path in (tmp_path / "dumps").iterdir():
        given = json.loads(path.read_text())
        environment = environment_of(given["environment"])
        value, sent = bodies[environment["GRAPNEL_ID"]]
        seen.add(environment["GRAPNEL_ID"])
        assert environment["GRAPNEL_TYPE"] == environment["GRAPNEL_ID"] and environment["VALUE"] == value
        assert "NOTHING" not in environment and "LD_PRELOAD" not in environment
        assert given["arguments"] == ["fixed", value, "", json.dumps({"value": value})]
        assert given["input"].encode() == sent
    assert seen == set(bodies)


def test_what_no_argument_can_hold(tmp_path):
    settings = {"command": ["true"], "payload_arguments": ["/data/object/value"]}
    with exec_daemon(tmp_path, settings) as daemon:
        daemon.sender().accepted(event("nul", value="a\0b"))
        daemon.sender().accepted(event("long", value="x" * 200_000))
        daemon.drained()
        died = dead(daemon)
        assert {id: row[0] for id, row in died.items()} == {"nul": FAIL, "long": FAIL}
        assert "NUL" in died["nul"][3] and "too long" in died["long"][3]


@pytest.mark.parametrize(
    "value, argument", [(1.50, "1.5"), (True, "true"), ({"a": [1]}, '{"a": [1]}'), ("", ""), (None, ""), ("null", "null")]
)
def test_values_that_are_no_text(tmp_path, value, argument):
    settings = {"command": ["python3", "-c", "import sys; open('out', 'w').write(repr(sys.argv[1:]))"], "payload_arguments": ["/data/object/v"]}
    with exec_daemon(tmp_path, settings) as daemon:
        daemon.sender().accepted(event("e1", v=value))
        daemon.drained()
    assert (tmp_path / "out").read_text() == repr([argument])


def test_a_script_of_adnanh_webhook(tmp_path):
    """hooks.json: pass-arguments-to-command head_commit.id, pusher.name; pass-environment-to-command ref as REF."""
    path = script(tmp_path, '#!/bin/sh\necho "$# $1 $2 $REF $(pwd)" > out.txt\n', "redeploy.sh")
    (tmp_path / "var").mkdir()
    settings = {
        "command": [path],
        "folder": "./var",
        "payload_arguments": ["/head_commit/id", "/pusher/name"],
        "payload_environment": {"REF": "/ref"},
    }
    body = {"id": "1", "type": "push", "ref": "refs/heads/main", "pusher": {"name": "a b"}, "head_commit": {"id": "c0ffee"}}
    with exec_daemon(tmp_path, settings) as daemon:
        daemon.sender().accepted(json.dumps(body).encode())
        daemon.drained()
        assert dead(daemon) == {}
    assert (tmp_path / "var/out.txt").read_text() == f"2 c0ffee a b refs/heads/main {tmp_path}/var\n"


def test_a_command_that_is_missing_for_a_while(tmp_path):
    """Every event would meet that: they wait."""
    path = script(tmp_path, "#!/bin/sh\ntouch done\n")
    daemon = exec_daemon(tmp_path, {"command": [path]})
    with daemon:
        (tmp_path / "script").rename(tmp_path / "away")
        daemon.sender().accepted(event("e1"))
        wait_for(lambda: "busy: ./script does not exist" in daemon.log(), "BUSY to be told")
        assert daemon.rows("SELECT attempts FROM delivery") == [(0,)]
        (tmp_path / "away").rename(tmp_path / "script")
    with daemon:
        daemon.drained()
        assert (tmp_path / "done").exists()


@pytest.mark.parametrize(
    "text, said",
    [
        ("echo no first line\n", "is no program of this machine; a script begins with a line like #!/bin/sh"),
        ("#!/no/such/interpreter\n", "the interpreter that its first line names does not exist"),
    ],
)
def test_a_script_that_cannot_be_started(tmp_path, text, said):
    with exec_daemon(tmp_path, {"command": [script(tmp_path, text)]}) as daemon:
        daemon.sender().accepted(event("e1"))
        wait_for(lambda: said in daemon.log(), "BUSY to be told")
        assert daemon.rows("SELECT attempts FROM delivery") == [(0,)]
        assert len(daemon.workers()) == 1


MISTAKES = [
    ({}, "`command` is missing"),
    ({"command": []}, "`command` is missing"),
    ({"command": [""]}, "`command` is missing"),
    ({"command": "sort -u"}, "must be a list"),
    ({"command": ["./nowhere.sh"]}, "`command`: ./nowhere.sh does not exist"),
    ({"command": ["no-such-program-here"]}, "no-such-program-here is in none of the folders of PATH"),
    ({"command": ["./grapnel.yaml"]}, "./grapnel.yaml can't be executed"),
    ({"command": ["./state"]}, "./state is a folder"),
    ({"command": ["true"], "environment": {"PATH": "/nowhere"}}, "true is in none of the folders of PATH (/nowhere)"),
    ({"command": ["true"], "environment": {"A-B": "x"}}, '`environment`: "A-B" can\'t be the name of a variable'),
    ({"command": ["true"], "environment": ["HOME"]}, '`environment`: "0" can\'t be the name of a variable'),
    ({"command": ["true"], "environment": {"GRAPNEL_ID": "x"}}, '"GRAPNEL_ID" can\'t be the name'),
    ({"command": ["true"], "payload_environment": {"1": "/x"}}, '`payload_environment`: "1" can\'t be the name'),
    ({"command": ["true"], "payload_environment": {"X": "a.b"}}, '`payload_environment`: "a.b" is no JSON Pointer'),
    ({"command": ["true"], "payload_arguments": ["a.b"]}, '`payload_arguments`: "a.b" is no JSON Pointer'),
    ({"command": ["true"], "exit_codes": {"65": "no"}}, "`exit_codes`: 65: it must be ok, retry, busy or fail"),
    ({"command": ["true"], "exit_codes": {"256": "ok"}}, '`exit_codes`: "256" is no exit status'),
    ({"command": ["true"], "exit_codes": {"0": "fail"}}, '`exit_codes`: "0" is no exit status'),
    ({"command": ["true"], "exit_codes": {"1x": "fail"}}, '`exit_codes`: "1x" is no exit status'),
    ({"command": ["true"], "exit_codes": {"other": "maybe"}}, "`exit_codes`: other: it must be ok, retry, busy or fail"),
    ({"command": ["true"], "folder": "nowhere"}, "`folder`: nowhere: No such file"),
    ({"command": ["true"], "folder": "grapnel.yaml"}, "`folder`: grapnel.yaml is no folder"),
    ({"command": ["true"], "output": "much"}, "output"),
    ({"commands": ["true"]}, 'did you mean "command"'),
]


@pytest.mark.parametrize("settings, said", MISTAKES)
def test_mistakes_are_found_by_check_and_at_the_start(tmp_path, settings, said):
    (tmp_path / "state").mkdir(mode=0o700)
    daemon = exec_daemon(tmp_path, settings)
    done = run(GRAPNEL, "check", "-c", daemon.config)
    assert done.returncode == 1 and said in done.stdout + done.stderr, done.stdout + done.stderr
    daemon.launch()
    assert daemon.process.wait(60) == 1 and said in daemon.log()


def test_check_runs_nothing(tmp_path):
    daemon = exec_daemon(tmp_path, {"command": ["touch", "ran"]})
    assert run(GRAPNEL, "check", "-c", daemon.config).returncode == 0
    assert not (tmp_path / "ran").exists()
