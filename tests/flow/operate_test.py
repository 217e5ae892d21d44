"""What the tests of the retry queue share: many events at once, what the daemon says of itself, and what it costs."""

import contextlib
import hmac
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from grapnel_test import GRAPNEL, SECRET, SLOWNESS, event, run, wait_for

# What measures is for builds that measure something.
MEASURES = SLOWNESS == 1


def number_from_environment(name, fallback):
    """The long forms of these tests are asked for in the environment: see CONTRIBUTING.md."""
    return int(os.environ.get(name, fallback // SLOWNESS))


# ---- sending ----

PIPELINED = 50  # requests of a connection on their way at once


def request(body, at):
    digest = hmac.digest(SECRET.encode(), b"%d." % at + body, "sha256").hex()
    return (
        b"POST /webhook HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        b"X-CryptoPay-Signature: t=%d,v1=%s\r\n\r\n" % (len(body), at, digest.encode())
    ) + body


class Stream:
    """One connection that does not wait for each answer before the next request: much faster than http.client."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=60 * SLOWNESS)

    def accepted(self, bodies, at=None):
        """Sends them; all must be accepted."""
        self.socket.sendall(b"".join(request(body, at or int(time.time())) for body in bodies))
        answers = b""
        while answers.count(b'{"received":true}') < len(bodies):
            more = self.socket.recv(65536)
            answers += more
            refused = re.search(rb"HTTP/1.1 (?!200 ).*", answers)
            assert more and not refused, answers[-500:]

    def close(self):
        self.socket.close()


def flood(daemon, ids, connections=8, **object):
    """Accepted events of these ids, as fast as can be."""
    ids, errors = list(ids), []

    def send(part):
        try:
            stream = Stream(daemon.addresses[0])
            for first in range(0, len(part), PIPELINED):
                stream.accepted([event(id, **object) for id in part[first : first + PIPELINED]])
            stream.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=send, args=(ids[n::connections],)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors


# ---- asking ----


class Local(http.client.HTTPConnection):
    """To the control socket, whose path may be too long for its address."""

    def __init__(self, folder):
        super().__init__("localhost", timeout=60 * SLOWNESS)
        self.folder = folder

    def connect(self):
        folder = os.open(self.folder, os.O_PATH)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(f"/proc/self/fd/{folder}/control.sock")
        os.close(folder)


def exchange(daemon, path, body=None):
    """The API's answer, as (status, headers, bytes); to a POST if there is a body."""
    with contextlib.closing(Local(daemon.folder / "state")) as connection:
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def ask(daemon, path, body=None):
    status, _, text = exchange(daemon, path, body)
    return status, json.loads(text) if text else None


def page(daemon, path):
    """One page of a list, and the path of the next, or None. What is no JSON comes as it is."""
    status, headers, text = exchange(daemon, path)
    assert status == 200, (path, status, text)
    link = re.fullmatch(r'<(.*)>; rel="next"', headers.get("Link") or "")
    return json.loads(text) if "json" in headers["Content-Type"] else text.decode(), link and link.group(1)


def told(daemon, path, body=None):
    status, value = ask(daemon, path, body)
    assert status == 200, (path, status, value)
    return value


def plugin_status(daemon, name):
    return next(plugin for plugin in told(daemon, "/api/status")["plugins"] if plugin["plugin"] == name)


def command(daemon, *arguments, code=0):
    """`grapnel …` with the daemon's config: what it printed."""
    done = run(GRAPNEL, *arguments, "-c", daemon.config)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


def command_json(daemon, *arguments):
    return json.loads(command(daemon, *arguments, "--json"))


# ---- measuring ----


def resident_kib(pid):
    """What is the process's own, without files that are mapped."""
    return int(re.search(r"^RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M).group(1))


def processor_seconds(pid):
    """User and system time of all its threads, to the nanosecond where the kernel counts so."""
    try:
        return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    except (OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values):
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def say(capsys, *words):
    """Figures, in the log of the tests."""
    with capsys.disabled():
        print("\n" + " ".join(str(word) for word in words), end="", flush=True)


# ---- test plugins ----


class Stamp:
    """A line of stamp.so."""

    def __init__(self, line):
        id, attempt, wall, monotonic, received = line.split()
        self.id, self.attempt = id, int(attempt)
        self.wall, self.monotonic, self.received = int(wall) / 1e6, int(monotonic) / 1e6, int(received) / 1e3


def stamps(folder, name="record.txt"):
    path = Path(folder) / name
    text = path.read_text() if path.exists() else ""
    return [Stamp(line) for line in text[: text.rfind("\n") + 1].splitlines()]


class MailRecorder:
    """mail_recorder.py at a port."""

    def __init__(self, port, path):
        self.path = Path(path)
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).parent / "mail_recorder.py", str(port), path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        assert self.process.stdout.readline() == b"ready\n"

    def mails(self):
        """[(time, subject)]"""
        text = self.path.read_text() if self.path.exists() else ""
        return [(float(time), subject) for time, subject in (line.split(" ", 1) for line in text[: text.rfind("\n") + 1].splitlines())]

    def count(self):
        return self.path.read_bytes().count(b"\n") if self.path.exists() else 0

    def take(self, count, timeout):
        wait_for(lambda: self.count() >= count, f"{count} mails", timeout)
        return self.mails()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)
