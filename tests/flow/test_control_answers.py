"""What the commands make of a control socket behind which no sound daemon is: one that breaks off, talks garbage, or has no time."""

import contextlib
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from grapnel_test import GRAPNEL, run, wait_for

BROKE_OFF = "ended, or broke off, before its answer was complete"
NO_DAEMON = "answers in a way that no daemon of Grapnel does"
UNREADABLE = "the daemon's answer can't be read"


def answer(body, status="200 OK", head="", length=None):
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (
        status.encode(), len(body) if length is None else length, head.encode()) + body


@pytest.fixture
def folder():
    """A socket's path is short."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        (Path(folder) / "state").mkdir()
        (Path(folder) / "grapnel.yaml").write_text("state: ./state\n")
        yield Path(folder)


@contextlib.contextmanager
def answering(folder, *answers):
    """A socket that gives these answers, one a connection, and then the last one always. Yields the list of questions."""
    path, questions, left = folder / "state/control.sock", [], list(answers)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                asker, _ = listener.accept()
                questions.append(asker.recv(65536).decode())
                with contextlib.suppress(OSError):
                    asker.sendall(left.pop(0) if len(left) > 1 else left[0])
                asker.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield questions
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        path.unlink()


def sleeps(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def grapnel(folder, *arguments):
    return run(GRAPNEL, *arguments, "-c", folder / "grapnel.yaml")


@pytest.mark.parametrize("given, words", [
    (b"", BROKE_OFF),
    (b"HTTP/1.1 200 OK\r\nContent-", BROKE_OFF),
    (answer(b"[", length=2), BROKE_OFF),
    (b"SSH-2.0-OpenSSH_9.2\r\n", NO_DAEMON),
    (b"\0" * 200000, NO_DAEMON),
    (b"HTTP/1.1 200 OK\r\n\r\n[]", NO_DAEMON),
    (b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\n[]", NO_DAEMON),
    (b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n[]", NO_DAEMON),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n[]", NO_DAEMON),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100000 + b"\r\n\r\n", NO_DAEMON),
    (answer(b"[]", length=999999999), "is longer than"),
    (answer(b""), UNREADABLE),
    (answer(b"[}"), UNREADABLE),
    (answer(b"{}"), UNREADABLE),
    (answer(b"\x1b[2J", status="500 Oh"), "answered with status 500, and no reason"),
    (answer(b'{"error":"so\\u001b it is"}', status="503 Oh"), "so"),
], ids=range(16))
def test_garbage(folder, given, words):
    for command in (["events"], ["dead", "--json"]):
        with answering(folder, given):
            done = grapnel(folder, *command)
        assert done.returncode == 1 and words in done.stderr, done
        assert not done.stdout.endswith("]\n") and "\x1b" not in done.stdout + done.stderr


def test_rows_of_any_form_are_printed(folder):
    with answering(folder, answer(b'[1, null, {}, "x", {"at": 7, "id": {}, "deliveries": 3, "state": null, "error": "\\u001b"}]')):
        for command in ("events", "dead"):
            done = grapnel(folder, command)
            assert done.returncode == 0 and len(done.stdout.splitlines()) >= 6 and "\x1b" not in done.stdout, done
    with answering(folder, answer(b'{"plugins":[{}, 1, {"plugin":"x","state":"parked","dead":-7}],"sources":[[]],"listening":[1]}')):
        assert grapnel(folder, "status").returncode == 0
    with answering(folder, answer(b'{"deliveries":[{"history":[{}]}],"journal":[{"entry":"x"}],"headers":{"a/b~":"\\u001b"}}')):
        done = grapnel(folder, "show", "a/b")
        assert done.returncode == 0 and "a/b~: \\x1b" in done.stdout, done


def test_the_second_page_breaks_off(folder):
    first = answer(b'[{"id":"one"}]', head='link: </api/dead?cursor=a%2Fb%26&limit=7>; rel="next"\r\n')
    with answering(folder, first, b"") as questions:
        done = grapnel(folder, "dead", "--json")
    assert done.returncode == 1 and BROKE_OFF in done.stderr
    assert done.stdout == '[{"id":"one"}\n'  # no JSON: it must not look whole
    assert "cursor=a%2Fb%26 " in questions[1] and "limit=49&" in questions[1]


def test_a_batch_that_leads_to_itself(folder):
    status = answer(b'{"plugins":[]}')
    again = answer(b'{"changed":0,"skipped":0,"until":"x","cursor":"7"}')
    with answering(folder, status, again) as questions:
        done = grapnel(folder, "retry", "--plugin", "p", "--all")
    assert done.returncode == 1 and "it leads to itself" in done.stderr and len(questions) == 3
    assert '{"plugin":"p","all":true,"limit":250,"until":"x","cursor":"7"}' in questions[2]


def test_what_could_not_be_understood_is_wrong_usage(folder):
    with answering(folder, answer(b'{"error":"since: what?"}', status="400 Bad Request")):
        done = grapnel(folder, "events", "--since", "x")
    assert done.returncode == 2 and done.stderr == "grapnel events: since: what?\n"


def test_a_crowd_at_the_socket(folder):
    path = folder / "state/control.sock"
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(0)
        first = stack.enter_context(socket.socket(socket.AF_UNIX))
        first.connect(str(path))  # the one that fits
        done = grapnel(folder, "dead")  # gives up after its ten seconds
        assert done.returncode == 1 and "so many others to answer" in done.stderr and done.stdout == "", done


def test_a_turn_comes_late(folder):
    path = folder / "state/control.sock"
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(0)
        first = stack.enter_context(socket.socket(socket.AF_UNIX))
        first.connect(str(path))
        process = subprocess.Popen([GRAPNEL, "dead", "--json", "-c", folder / "grapnel.yaml"], stdout=subprocess.PIPE, text=True)
        wait_for(lambda: sleeps(process.pid), "it to wait for its turn")
        listener.accept()[0].close()
        asker = listener.accept()[0]
        asker.recv(65536)
        asker.sendall(answer(b"[]"))
        asker.close()
        assert process.communicate(timeout=60)[0] == "[]\n" and process.returncode == 0
