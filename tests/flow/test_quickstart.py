"""examples/quickstart.sh, with an existing build: from an empty folder to delivered events, again, and stopped."""

import contextlib
import email
import email.policy
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(os.environ["GRAPNEL_SOURCE"])
BUILD = Path(os.environ["GRAPNEL_BUILD"])
QUICKSTART = SOURCE / "examples/quickstart.sh"
EVENTS = SOURCE / "examples/events"
IDS = {json.loads(file.read_text())["id"] for source in ("cryptopay", "stripe") for file in EVENTS.glob(f"{source}.*.json")}


def run(*arguments, **options):
    return subprocess.run([QUICKSTART, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "a shop"  # a blank in the path must not matter
    yield folder
    if folder.is_dir():
        run("--stop", str(folder))
    log = folder / "grapnel.log"
    said = log.read_text() if log.exists() else ""
    assert "Sanitizer" not in said and "runtime error" not in said, said


def start(folder, **options):
    return run("--build", str(BUILD), str(folder), **options)


def pid_of(folder):
    return int((folder / "grapnel.pid").read_text())


def runs(pid):
    """A process that has ended and that nobody has reaped has no command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def orders_of(folder):
    with contextlib.closing(sqlite3.connect(folder / "orders.db")) as database:
        return database.execute("SELECT id, status, amount, currency FROM orders ORDER BY id").fetchall()


def lines_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_events_are_delivered_and_it_goes_on_running(folder):
    done = start(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line["id"] for line in lines_of(folder / "events.jsonl")} == IDS
    assert orders_of(folder) == [("1001", "paid", 2490, "EUR"), ("1002", "failed", 750, "EUR"), ("1003", "refunded", 1200, "EUR")]
    (mail,) = (folder / "outbox/new").iterdir()
    message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    assert (message["to"], message["subject"]) == ("Ada Öberg <ada@shop.example>", "Your order 1001 is paid")
    assert "Hello Ada Öberg,\n\nwe received 24.90 EUR" in message.get_content()
    for shown in ("order 1001: paid      2490 EUR", "Subject: Your order 1001 is paid", "Hello Ada Öberg,", "smtp_url", "postgresql://"):
        assert shown in done.stdout, done.stdout
    assert runs(pid_of(folder))
    assert f"kill {pid_of(folder)}" in done.stdout
    assert "--stop" in done.stdout
    assert done.stdout.count('{"received":true}') == len(IDS)


def test_each_secret_is_private_and_never_shown(folder):
    done = start(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    secrets = [file.read_text().strip() for file in sorted(folder.glob("*.secret"))]
    assert len(set(secrets)) == 2
    for file in folder.glob("*.secret"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = done.stdout + done.stderr + (folder / "grapnel.log").read_text()
    for secret in secrets:
        assert re.fullmatch("whsec_[0-9a-f]{48}", secret)
        assert secret not in said


def test_a_second_run_keeps_everything_and_delivers_nothing_twice(folder):
    assert start(folder).returncode == 0
    pid = pid_of(folder)
    orders = orders_of(folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix in (".yaml", ".secret", ".jsonl")}
    done = start(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert pid_of(folder) == pid
    assert done.stdout.count('"duplicate":true') == len(IDS)
    assert before == {name: (folder / name).read_bytes() for name in before}
    assert orders == orders_of(folder) and len(list((folder / "outbox/new").iterdir())) == 1


def test_stop_and_start_again(folder):
    assert start(folder).returncode == 0
    pid = pid_of(folder)
    done = run("--stop", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(pid) in done.stdout
    assert not runs(pid)
    assert "stopped" in (folder / "grapnel.log").read_text()
    again = run("--stop", str(folder))
    assert again.returncode == 0 and "No daemon" in again.stdout
    assert start(folder).returncode == 0
    assert pid_of(folder) != pid


def test_killed_and_started_again(folder):
    assert start(folder).returncode == 0
    os.kill(pid_of(folder), signal.SIGKILL)
    done = start(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line["id"] for line in lines_of(folder / "events.jsonl")} == IDS


def test_what_is_about_to_end_does_not_count_as_running(folder):
    assert start(folder).returncode == 0
    run("--stop", str(folder))
    with subprocess.Popen(["bash", "-c", "read -r -t 2 < <(sleep 3); exit 0", str(folder / "grapnel.yaml")]) as dying:
        (folder / "grapnel.pid").write_text(f"{dying.pid}\n")
        done = start(folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "runs already" not in done.stdout
        assert pid_of(folder) != dying.pid


def test_a_taken_port_is_passed_over(folder):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which serves as well
        done = start(folder)
        assert done.returncode == 0, done.stdout + done.stderr
        port = re.search(r"- 127\.0\.0\.1:(\d+)", (folder / "grapnel.yaml").read_text())[1]
        assert port != "8080"
        assert f"ready: listening on 127.0.0.1:{port}" in done.stdout


def test_a_broken_config_is_explained(folder):
    folder.mkdir()
    config = (SOURCE / "examples/grapnel.yaml").read_text()
    (folder / "grapnel.yaml").write_text(config.replace("deadline:", "deadlin:"))
    done = start(folder)
    assert done.returncode == 1
    assert re.search(r'grapnel\.yaml:\d+:\d+: .*"deadlin".*did you mean "deadline"', done.stderr), done.stderr
    assert not (folder / "grapnel.pid").exists()


def test_colours_only_on_a_terminal_and_not_under_no_color(folder):
    assert "\x1b" not in start(folder).stdout
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        command = f"'{QUICKSTART}' --build '{BUILD}' '{folder}'"
        done = subprocess.run(["script", "-qec", command, "/dev/null"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, env={**environment, "TERM": "xterm", **variables})
        assert done.returncode == 0, done.stdout
        assert ("\x1b[" in done.stdout) == coloured


@pytest.mark.parametrize("arguments, code, stream, words", [
    (["--help"], 0, "stdout", "--stop [FOLDER]"),
    (["--frobnicate"], 2, "stderr", "--frobnicate"),
    (["--build"], 2, "stderr", "--build needs a folder"),
    (["one", "two"], 2, "stderr", "two"),
    (["--stop", "no/such/folder"], 1, "stderr", "no/such/folder"),
    (["--build", "no/such/build", "folder"], 1, "stderr", "no/such/build/bin/grapnel"),
])
def test_words_of_the_command_line(tmp_path, arguments, code, stream, words):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert words in getattr(done, stream)


def test_it_builds_as_the_readme_says():
    text = QUICKSTART.read_text()
    for command in ("cmake/packages.sh build", "cmake --preset release", "cmake --build --preset release"):
        assert command in text
