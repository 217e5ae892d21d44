"""The open port among people who mean harm: honest senders don't notice them, and they cost the daemon next to nothing.

GRAPNEL_LONG=1 makes it as large as it was made for; otherwise it is CI's size."""

import os
import resource
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

import pytest

from grapnel_test import Daemon, event, signature, wait_for, GRAPNEL, SLOWNESS

LONG = bool(os.environ.get("GRAPNEL_LONG"))
CLIENTS = 1000 if LONG else 300
IDLE = 5000 if LONG else 800
SECONDS = 10 if LONG else 3

CONFIG = """
limits: { connections: %d, per_address: %d, request_timeout: %s }
sources:
  cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }
plugins:
  logging: { settings: { path: events.log } }
routes:
  payment.*: [ logging ]
"""


def config(connections=8000, per_address=8000, request_timeout="60s"):
    return CONFIG % (connections, per_address, request_timeout)


def signed(body, more=""):
    return (f"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-CryptoPay-Signature: {signature(body)}\r\n{more}\r\n").encode() + body


@pytest.fixture(autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(daemon, source=None):
    host, _, port = daemon.addresses[0].rpartition(":")
    return socket.create_connection((host, int(port)), timeout=60 * SLOWNESS, source_address=(source, 0) if source else None)


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


class Attack(threading.Thread):
    """Connections that each send a beginning, and then one piece after the other of what they are given, a few times a second."""

    def __init__(self, daemon, beginning, pieces):
        super().__init__(daemon=True)
        self.beginning, self.pieces, self.over = beginning, pieces, threading.Event()
        self.clients = []
        for number in range(CLIENTS):
            client = connect(daemon, f"127.0.0.{2 + number % 64}")
            if beginning:
                client.sendall(beginning)
            self.clients.append(client)

    def run(self):
        at = 0
        while self.pieces and not self.over.wait(0.2):
            for client in self.clients:
                try:
                    client.send(self.pieces[at % len(self.pieces):][:1], socket.MSG_DONTWAIT)
                except OSError:
                    pass
            at += 1

    def end(self):
        self.over.set()
        self.join()
        for client in self.clients:
            client.close()


ATTACKS = {
    "silent": (b"", b""),
    "head": (b"POST /webhook HTTP/1.1\r\nX-A: ", b"abcdefghijklmnop"),
    "body": (b"POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n", b"{}[]"),
    "chunks": (b"POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "large": (b"POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n", b"{}[]"),
    "second": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /webhook HTTP/1.1\r\nX-A: ", b"abcdefghijklmnop"),
    "reading": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 20, b""),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_honest_senders_do_not_notice(tmp_path, attack):
    with Daemon(tmp_path, config()) as daemon:
        attack = Attack(daemon, *ATTACKS[attack])
        attack.start()
        daemon.sender().accepted(event("first"))
        before, times = processor_seconds(daemon.process.pid), []
        begun = time.monotonic()
        while time.monotonic() - begun < SECONDS:
            sender = daemon.sender()  # each on a connection of its own
            at = time.monotonic()
            sender.accepted(event(f"evt_{len(times)}"))
            times.append(time.monotonic() - at)
            sender.close()
            time.sleep(0.01)
        spent = processor_seconds(daemon.process.pid) - before
        alone = len(times) * 0.002  # what these requests may cost
        attack.end()
        p99 = statistics.quantiles(times, n=100)[98]
        print(f"{len(times)} requests, p50 {statistics.median(times) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, "
              f"processor {spent / SECONDS * 100:.1f} %")
        assert p99 < 0.5 * SLOWNESS, "an honest sender waits"
        assert spent < SECONDS * 0.25 * SLOWNESS + alone, "an attack costs the processor"


def test_idle_connections_have_no_thread(tmp_path):
    with Daemon(tmp_path, config()) as daemon:
        before = threads(daemon.process.pid)
        clients = [connect(daemon) for _ in range(IDLE)]
        for times in range(2):
            for number, client in enumerate(clients):
                client.sendall(signed(event(f"evt_{times}_{number}")))
            for client in clients:
                assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert threads(daemon.process.pid) == before
        spent = processor_seconds(daemon.process.pid)
        daemon.drained()
        time.sleep(1)  # nothing happens, which is what is measured
        spent = processor_seconds(daemon.process.pid)
        time.sleep(1)
        assert processor_seconds(daemon.process.pid) - spent < 0.2 * SLOWNESS
        assert daemon.stop() == 0
        assert "still open" not in daemon.log()
        for client in clients:
            assert client.recv(1) == b""
            client.close()


def test_limits_of_connections(tmp_path):
    with Daemon(tmp_path, config(connections=40, per_address=10)) as daemon:
        crowd = [connect(daemon, "127.0.0.9") for _ in range(11)]
        assert crowd[10].recv(1) == b"" and "`limits: per_address` of 10 are open" in daemon.log()
        daemon.sender().accepted(event("another_address"))
        for number in range(10, 14):
            crowd += [connect(daemon, f"127.0.0.{number}") for _ in range(10)]
        wait_for(lambda: "`limits: connections` of 40 are open" in daemon.log(), "the limit")
        for client in crowd:
            client.close()

        def serves():
            try:
                return daemon.sender().post(event("after"))[0] == 200
            except OSError:
                return False

        wait_for(serves, "room")


def test_who_is_let_in(tmp_path):
    """Where each source has a list, who is in none is not let in; a proxy may have as many connections as it likes."""
    listed = config(per_address=3).replace("path: /webhook,", "path: /webhook, allow: 127.0.0.1, trust_proxy: 127.0.0.7,")
    with Daemon(tmp_path, listed) as daemon:
        daemon.sender().accepted(event("allowed"))
        assert connect(daemon, "127.0.0.9").recv(1) == b""
        assert "a connection from 127.0.0.9 was closed at once: no source allows that address" in daemon.log()
        proxy = [connect(daemon, "127.0.0.7") for _ in range(10)]
        for client in proxy:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 404 ")
            client.close()


def test_few_descriptors(tmp_path):
    """They run out while the daemon runs; it sheds, does not spin, and recovers."""
    with Daemon(tmp_path, config()) as daemon:
        pid = daemon.process.pid
        daemon.sender().accepted(event("before"))
        used = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
        limit = max(64, used + 10)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        clients = [connect(daemon) for _ in range(limit + 100)]
        wait_for(lambda: "a connection can't be accepted: Too many open files" in daemon.log(), "the shortage")
        assert clients[-1].recv(1) == b""
        spent = processor_seconds(pid)
        time.sleep(1)
        assert processor_seconds(pid) - spent < 0.2 * SLOWNESS
        for client in clients:
            client.close()

        def serves():
            try:
                return daemon.sender().post(event("after"))[0] == 200
            except OSError:
                return False

        wait_for(serves, "recovery")


def test_a_start_with_few_descriptors(tmp_path):
    daemon = Daemon(tmp_path, config())
    with daemon.log_path.open("ab") as log:
        daemon.process = subprocess.Popen(["prlimit", "--nofile=64", GRAPNEL, "serve", "-c", daemon.config], stderr=log,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for(lambda: "ready: listening on " in daemon.log(), "ready")
    daemon.addresses = [daemon.log().split("ready: listening on ")[1].split(";")[0].split()[0]]
    assert "`limits: connections` is 8000, but only " in daemon.log() and "limit of 64 open files" in daemon.log()
    clients = [connect(daemon) for _ in range(100)]
    for client in clients:
        client.close()

    def serves():
        try:
            return daemon.sender().post(event("after"))[0] == 200
        except OSError:
            return False

    wait_for(serves, "service")
    assert daemon.stop() == 0


def test_a_stop_among_all_of_them(tmp_path):
    with Daemon(tmp_path, config()) as daemon:
        attacks = [Attack(daemon, *ATTACKS[name]) for name in ("silent", "head", "body", "second")]
        for attack in attacks:
            attack.start()
        daemon.sender().accepted(event("one"))
        begun = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - begun < 10 * SLOWNESS
        for attack in attacks:
            attack.end()
