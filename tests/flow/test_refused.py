"""grapnel refused: what the running daemon refused and why, over the control socket in its state folder."""

import contextlib
import http.client
import json
import os
import pty
import socket
import stat
import subprocess
import time

import pytest

from grapnel_test import GRAPNEL, Daemon, SECRET, event, run, signature, wait_for

CONFIG = f"""
limits: {{ body: 64KiB, request_timeout: 2s }}
sources:
  cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ {SECRET} ] }}
  stripe: {{ path: /stripe, signature: stripe, secrets: [ another_secret ] }}
"""
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def daemon(tmp_path):
    # One that may be looked into, as its descriptors are counted.
    with Daemon(tmp_path, CONFIG, environment={"GRAPNEL_CORE_DUMPS": "1"}) as daemon:
        yield daemon


def refused(daemon, *options, code=0):
    done = run(GRAPNEL, "refused", "-c", daemon.config, *options)
    assert done.returncode == code, done
    return done.stdout if code == 0 else done.stderr


def refusals(daemon, *options):
    """As --json prints them, the newest first."""
    return json.loads(refused(daemon, "--json", *options))


def request(daemon, method="POST", path="/webhook", body=b"{}", headers=JSON):
    host, _, port = daemon.addresses[0].rpartition(":")
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=60)) as connection:
        connection.request(method, path, body, headers)
        return connection.getresponse().status


def raw(daemon, data):
    """The status of what is answered to bytes that are no request of http.client's."""
    host, _, port = daemon.addresses[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(data)
        return int(connection.makefile("rb").readline().split()[1])


def signed(body, **options):
    return {**JSON, "X-CryptoPay-Signature": signature(body, **options)}


def test_each_kind_with_its_reason(daemon):
    body, old = event("evt_1"), int(time.time()) - 540
    kinds = [  # how it is sent, its status, its source, what the reason speaks of
        (lambda: request(daemon, path="/nowhere"), 404, None, "/nowhere"),
        (lambda: request(daemon, method="GET", body=None), 405, "cryptopay", "GET"),
        (lambda: request(daemon), 400, "cryptopay", "X-CryptoPay-Signature"),
        (lambda: request(daemon, path="/stripe"), 400, "stripe", "Stripe-Signature"),
        (lambda: request(daemon, body=body, headers=signed(body, secret="wrong")), 400, "cryptopay", "signature"),
        (lambda: request(daemon, body=body, headers=signed(body, at=old)), 400, "cryptopay", "9 minutes ago"),
        (lambda: request(daemon, body=b"{]", headers=signed(b"{]")), 400, "cryptopay", "JSON"),
        (lambda: request(daemon, body=b"{}", headers=signed(b"{}")), 400, "cryptopay", "id"),
        (lambda: request(daemon, headers={"Content-Type": "text/plain"}), 415, "cryptopay", "text/plain"),
        (lambda: request(daemon, body=b" " * 65537), 413, "cryptopay", "65537"),
        (lambda: raw(daemon, b"\x01\x02\r\n\r\n"), 400, None, "malformed"),
        (lambda: raw(daemon, b"GET /" + b"a" * 20000), 431, None, "head"),
        (lambda: raw(daemon, b"POST /webhook HTTP/1.1\r\n"), 408, None, "time"),
    ]
    with contextlib.closing(daemon.sender()) as sender:
        sender.accepted(event("evt_good"))  # is none
    for send, status, _, _ in kinds:
        assert send() == status
    found = refusals(daemon)[::-1]
    assert [(entry["status"], entry["source"]) for entry in found] == [(status, source) for _, status, source, _ in kinds]
    for entry, (_, status, source, words) in zip(found, kinds):
        assert list(entry) == ["at", "source", "from", "via", "status", "reason", "hint"]
        assert words in entry["reason"], (entry, words)
        assert entry["from"] == "127.0.0.1"
        assert f"refused with {status}, from 127.0.0.1" in daemon.log() and entry["reason"] in daemon.log()
    assert [entry["at"] for entry in found] == sorted(entry["at"] for entry in found)
    hinted = [entry["reason"] for entry in found if entry["hint"]]
    assert len(hinted) == 6 and all(f"grapnel explain --source {entry['source']} " in entry["hint"] for entry in found if entry["hint"])
    assert SECRET not in json.dumps(found) and "another_secret" not in json.dumps(found)


def test_the_last_hundred_of_each_source(daemon):
    request(daemon, path="/stripe")
    with contextlib.closing(http.client.HTTPConnection(*daemon.addresses[0].split(":"), timeout=60)) as connection:
        for i in range(130):
            connection.request("POST", f"/nowhere/{i}", b"{}", JSON)
            connection.getresponse().read()
    found = refusals(daemon)
    assert [entry["source"] for entry in found] == [None] * 100 + ["stripe"]
    assert [entry["reason"].split("/")[-1].strip('"') for entry in found[:100]] == [str(i) for i in range(129, 29, -1)]


def test_one_source(daemon):
    for path in ("/nowhere", "/stripe", "/webhook", "/stripe"):
        request(daemon, path=path)
    assert [entry["source"] for entry in refusals(daemon, "--source", "stripe")] == ["stripe"] * 2
    assert [entry["source"] for entry in refusals(daemon, "-s", "cryptopay")] == ["cryptopay"]
    assert "has no source \"stipe\"; did you mean \"stripe\"?" in refused(daemon, "--source", "stipe", code=1)
    assert "has no source \"&=%?#/\\n\"" in refused(daemon, "--source", "&=%?#/\n", code=1)


def test_the_table(daemon):
    assert refused(daemon) == "Nothing was refused since the daemon started.\n"
    assert refusals(daemon) == []
    request(daemon, path="/nowhere")
    request(daemon, headers={"Content-Type": "x\xc2\x9by\xfe"})
    request(daemon)
    lines = refused(daemon).splitlines()
    assert [line.split()[2:5] for line in lines[1:4]] == [
        ["cryptopay", "127.0.0.1", "400"], ["cryptopay", "127.0.0.1", "415"], ["-", "127.0.0.1", "404"]]
    assert lines[0].split() == ["TIME", "(UTC)", "SOURCE", "FROM", "STATUS", "REASON"]
    assert "x\\xc2\\x9by\N{REPLACEMENT CHARACTER}" in lines[2]
    assert len(lines) == 6 and lines[4] == "" and "grapnel explain --source cryptopay" in lines[5]


def test_each_source_has_its_hint(tmp_path):
    sources = "".join(f"  s{i}: {{ path: /{i}, signature: cryptopay, secrets: [ secret ] }}\n" for i in range(20))
    with Daemon(tmp_path, f"sources:\n{sources}") as daemon:
        for i in list(range(20)) * 2:
            request(daemon, path=f"/{i}")
        hints = refused(daemon).split("\n\n")[1].splitlines()
    assert sorted(hint.split("--source ")[1].split()[0] for hint in hints) == sorted(f"s{i}" for i in range(20))


def test_the_table_fits_the_terminal(daemon):
    request(daemon)
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    subprocess.run(["stty", "cols", "80"], stdin=theirs, check=True)
    done = subprocess.run([GRAPNEL, "refused", "-c", daemon.config], stdout=theirs, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0, done
    shown = os.read(ours, 65536).decode().split("\r\n\r\n")[0]
    assert max(map(len, shown.split("\r\n"))) <= 80 and "\x1b" not in shown
    reason = refusals(daemon)[0]["reason"]
    assert " ".join(shown.split("REASON")[1].split()).endswith(reason) and shown.count("\r\n") > 1
    os.close(ours)
    os.close(theirs)


def test_it_works_while_the_config_is_broken(daemon):
    request(daemon, path="/nowhere")
    good = daemon.config.read_text()
    for broken in (good.replace("sources:", "sorces:"), good + "plugins: [ { \n", good + "plugins: *x\n"):
        daemon.config.write_text(broken)
        assert run(GRAPNEL, "check", "-c", daemon.config).returncode == 1
        assert len(refusals(daemon)) == 1
    daemon.config.write_text(good)


def test_without_a_daemon(tmp_path):
    daemon = Daemon(tmp_path, CONFIG)
    wanted = f"grapnel refused: no daemon runs on {tmp_path}/state (no control socket is there); start it with `grapnel serve`\n"
    assert refused(daemon, code=1) == wanted
    with daemon:
        assert refusals(daemon) == []
    assert refused(daemon, "--json", code=1) == wanted
    daemon.start().kill()
    assert "the one that made the control socket is gone" in refused(daemon, code=1)
    with daemon:
        assert refusals(daemon) == []
    assert "No such file" in run(GRAPNEL, "refused", "-c", tmp_path / "nowhere.yaml").stderr


def test_two_daemons_on_their_own_folders_and_a_third_on_one_of_them(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with Daemon(folders[0], CONFIG) as one, Daemon(folders[1], CONFIG) as two:
        request(one, path="/nowhere")
        assert (len(refusals(one)), len(refusals(two))) == (1, 0)
        assert run(GRAPNEL, "serve", "-c", two.config).returncode == 1
        assert (len(refusals(one)), len(refusals(two))) == (1, 0)


def test_the_socket_is_its_users_alone(daemon):
    found = os.lstat(daemon.folder / "state/control.sock")
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600
    assert stat.S_IMODE(os.stat(daemon.folder / "state").st_mode) == 0o700
    assert daemon.stop() == 0
    assert not (daemon.folder / "state/control.sock").exists()


def test_bad_clients_of_the_socket_hurt_nobody(daemon):
    path = str(daemon.folder / "state/control.sock")
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for i, client in enumerate(crowd):
        client.connect(path)
        client.settimeout(60)
        with contextlib.suppress(OSError):  # that it is cut off while it sends is fine
            client.sendall([b"", b"GET /", b"\x00\xff" * 5000, b"G" * 1000000][i % 4])
    with contextlib.closing(daemon.sender()) as sender:
        sender.accepted(event("evt_1"))
    request(daemon, path="/nowhere")
    assert len(refusals(daemon)) == 1
    for client in crowd:
        client.close()
    wait_for(lambda: len(os.listdir(f"/proc/{daemon.process.pid}/fd")) < 60, "the connections to be closed")
    assert len(refusals(daemon)) == 1
