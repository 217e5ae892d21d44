"""`admin: listen`: the same questions as over the control socket, for who has the token; for nobody else, from no other page, and whatever
strangers send there, the control socket answers."""

import contextlib
import json
import os
import socket
import sqlite3
import stat
import time

import pytest

from grapnel_test import GRAPNEL, SECRET, Daemon, event, run, wait_for

SOURCE = f"sources: {{ shop: {{ path: /webhook, signature: cryptopay, secrets: [ {SECRET} ] }} }}\n"
ADMIN = SOURCE + "admin: { listen: 127.0.0.1:0 }\n"
PUBLIC = ["/healthz", "/readyz"]
GUARDED = [
    ("GET", "/metrics"), ("GET", "/api/status"), ("GET", "/api/events"), ("GET", "/api/events/shop/evt_1"), ("GET", "/api/dead"),
    ("GET", "/api/refused"), ("POST", "/api/retry"), ("POST", "/api/replay"), ("POST", "/api/discard"), ("GET", "/"), ("GET", "/nowhere"),
]  # fmt: skip


@pytest.fixture
def daemon(tmp_path):
    with Daemon(tmp_path, ADMIN) as daemon:
        yield daemon


def raw(daemon, data, silence=False):
    """All that is answered to these bytes until the connection ends."""
    host, _, port = daemon.admin.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(data)
        if silence:
            connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


def mistakes(tmp_path, config, code=1):
    """What `check` and `serve` say."""
    daemon = Daemon(tmp_path, config)
    check = run(GRAPNEL, "check", "-c", "grapnel.yaml", cwd=tmp_path)
    serve = run(GRAPNEL, "serve", "-c", "grapnel.yaml", cwd=tmp_path)
    assert (check.returncode, serve.returncode) == (code, 1), (check, serve)
    assert not (daemon.folder / "state").exists() or code == 0
    return check.stderr, serve.stderr


def test_the_first_start_makes_a_token(tmp_path):
    path = tmp_path / "state" / "admin.token"
    with Daemon(tmp_path, "log: { level: debug }\n" + ADMIN) as daemon:
        token = daemon.token()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(token) == 64 and set(token) <= set("0123456789abcdef")
        assert daemon.ask("/api/refused")[0] == 200
        assert daemon.ask("/api/refused", token="0" * 64)[0] == 401
        assert f"made a token for who asks over TCP; it is in {path}" in daemon.log()
    with daemon:
        assert daemon.token() == token and "made a token" not in daemon.log()
        assert daemon.ask("/api/refused", token=token)[0] == 200
    assert token not in daemon.log_path.read_text()
    (tmp_path / "other").mkdir()
    with Daemon(tmp_path / "other", ADMIN) as other:
        assert other.token() != token
        assert other.ask("/api/refused", token=token)[0] == 401


@pytest.mark.parametrize("written", ["inline-token-of-the-config", "{ file: mine.token }", "{ env: MINE_TOKEN }"])
def test_a_token_of_ones_own(tmp_path, written):
    token = "inline-token-of-the-config"
    (tmp_path / "mine.token").write_text(token + "\n")
    config = SOURCE + f"admin: {{ listen: 127.0.0.1:0, token: {written} }}\n"
    with Daemon(tmp_path, config, environment={"MINE_TOKEN": token}) as daemon:
        assert daemon.ask("/metrics", token=token)[0] == 200
        assert daemon.ask("/metrics", token=token.upper())[0] == 401
        assert not (tmp_path / "state" / "admin.token").exists()
        assert token not in daemon.log()


def test_a_file_that_is_named_and_missing_is_made(tmp_path):
    config = SOURCE + "admin: { listen: 127.0.0.1:0, token: { file: mine.token } }\n"
    with Daemon(tmp_path, config) as daemon:
        assert daemon.ask("/metrics", token=(tmp_path / "mine.token").read_text().strip())[0] == 200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grapnel.yaml", "log.txt", "mine.token", "state"]
    _, said = mistakes(tmp_path, config.replace("mine", "not/there"), code=0)
    assert f"admin: the token's file {tmp_path}/not/there.token can't be made: No such file or directory" in said


def test_nothing_without_the_token(daemon):
    for path in PUBLIC:
        for token in (True, None, "wrong-token-that-nobody-asked-for"):
            status, _, text = daemon.ask(path, token=token)
            assert (status, json.loads(text)) == (200, {"status": "ok"})
    right = daemon.token()
    for method, path in GUARDED:
        body = "{}" if method == "POST" else None
        for token in (None, "", "x", right[:-1], right + "0", right[:-1] + ("0" if right[-1] != "0" else "1"), right.upper() + "x"):
            status, headers, text = daemon.ask(path, method, body, token=token)
            assert status == 401, (method, path, token, text)
            assert headers["WWW-Authenticate"] == 'Bearer realm="grapnel"' and "token" in json.loads(text)["error"]
        assert daemon.ask(path, method, body)[0] in (200, 400, 404), path
        assert daemon.ask(path, method, body, {"Authorization": f"Basic {right}"}, token=None)[0] == 401
    wait_for(lambda: "admin: refused with 401, from 127.0.0.1: the token is wrong" in daemon.log(), "the refusals in the log")
    assert right not in daemon.log()


def test_no_page_of_another_origin(daemon):
    for origin in ("http://evil.example", "https://evil.example", "null", "file://", "http://127.0.0.1", f"http://{daemon.admin}0", ""):
        for method, path in [("GET", path) for path in PUBLIC] + GUARDED:
            status, headers, text = daemon.ask(path, method, "{}" if method == "POST" else None, {"Origin": origin})
            assert status == 403 and "another origin" in json.loads(text)["error"], (origin, path, text)
            assert not [name for name in headers if name.lower().startswith("access-control")]
    status, headers, _ = daemon.ask("/api/status", headers={"Origin": f"http://{daemon.admin}"})
    assert status == 200 and not [name for name in headers if name.lower().startswith("access-control")]
    for path in ("/metrics", "/api/retry", "/nowhere"):
        for token in (True, None):
            asks = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
            status, headers, _ = daemon.ask(path, "OPTIONS", headers=asks, token=token)
            assert status == 405 and headers["Allow"] == "GET, POST"
            assert not [name for name in headers if name.lower().startswith("access-control")]


def test_bodies_that_are_too_large_or_malformed(daemon):
    post = f"POST /api/retry HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.token()}\r\n".encode()
    large = b"[" + b" " * 65536
    for request, status in [
        (b"Content-Length: 65537\r\n\r\n" + large, 413),
        (b"Content-Length: 99999999999999999999\r\n\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\n10001\r\n" + large + b"\r\n0\r\n\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"100\r\n" + b" " * 256 + b"\r\n" + b"ffffffffffffffff\r\n", 400),
        (b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
        (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
        (b"Content-Length: two\r\n\r\n{}", 400),
        (b"Content-Length: 2\r\nContent-Type: text/plain\r\n\r\n{}", 415),
        (b"Content-Length: 2\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n{}", 415),
        (b"Content-Length: 1\r\nContent-Type: application/json\r\n\r\n{", 400),
        (b"Content-Length: 2\r\n\r\n{]", 400),
        (b"Content-Length: 2\r\n\r\n[]", 400),
        (b"Content-Length: 6\r\n\r\n\"\xff\xfe\x00\"\n", 400),
        (b"Content-Length: 0\r\n\r\n", 400),
        (b"\r\n", 400),
    ]:
        answer = raw(daemon, post + request)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 %d " % status), (request[:80], answer)
        assert b"\r\nConnection: close" in head and json.loads(body)["error"]
    deep = b'{"plugin":' * 5000 + b"1" + b"}" * 5000
    assert raw(daemon, post + b"Content-Length: %d\r\n\r\n" % len(deep) + deep).startswith(b"HTTP/1.1 400 ")
    assert raw(daemon, post + b"Content-Length: 9\r\n\r\n{", silence=True).startswith(b"HTTP/1.1 400 ")
    for request, status in [(b"\0\1\2\r\n\r\n", 400), (b"GET /" + b"a" * 9000, 431), (b"GET / HTTP/1.1\r\nA: " + b"a" * 9000, 431), (b"GET / HTTP/9.9\r\n\r\n", 505)]:
        assert raw(daemon, request).startswith(b"HTTP/1.1 %d " % status), request[:80]
    assert daemon.ask("/api/status")[0] == 200


NOT_LOOPBACK = (
    "is not a loopback address: whoever listens on the way would read the token; use 127.0.0.1 (HTTPS is not supported here yet), "
    "or say `insecure: true`\n"
)


@pytest.mark.parametrize("address", ["0.0.0.0:0", '":0"', '"[::]:0"', "192.0.2.7:9180", '"[2001:db8::1]:9180"'])
def test_an_address_that_is_not_loopback_is_refused(tmp_path, address):
    for insecure in ("", ", insecure: false"):
        for said in mistakes(tmp_path, SOURCE + f"admin: {{ listen: {address}{insecure} }}\n"):
            assert said.startswith(f"grapnel.yaml:5:18: admin: {address.strip(chr(34))} {NOT_LOOPBACK}"), said


@pytest.mark.parametrize("address", ["0.0.0.0:0", '":0"', "localhost:0", "127.8.9.10:0", '"[::1]:0"'])
def test_an_address_that_is_allowed(tmp_path, address):
    if "::" in address and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 here")
    insecure = ", insecure: true" if address in ("0.0.0.0:0", '":0"') else ""
    with Daemon(tmp_path, SOURCE + f"admin: {{ listen: {address}{insecure} }}\n") as daemon:
        host, _, port = daemon.admin.split()[0].rpartition(":")
        assert host in ("0.0.0.0", "127.0.0.1", "127.8.9.10", "[::1]", "[::]")
        daemon.admin = f"{host.strip('[]').replace('0.0.0.0', '127.0.0.1') if host != '[::]' else '::1'}:{port}"
        assert daemon.ask("/api/refused")[0] == 200
        assert daemon.ask("/api/refused", token=None)[0] == 401


def test_an_address_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = "%s:%d" % other.getsockname()
        _, said = mistakes(tmp_path, SOURCE + f"admin: {{ listen: {address} }}\n", code=0)
        assert f"error admin: listen {address}: Address already in use; another program listens there" in said
        assert "ready: " not in said


@contextlib.contextmanager
def crowd(address, first=b""):
    host, _, port = address.rpartition(":")
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection((host, int(port)), timeout=60)) for _ in range(200)]
        for connection in silent[::2]:
            connection.sendall(first)
        yield silent


@pytest.mark.parametrize("first", [b"", b"GET /metr", b"POST /api/retry HTTP/1.1\r\nContent-Length: 9\r\n"])
def test_the_silent_do_not_keep_the_control_socket_from_answering(daemon, first):
    with crowd(daemon.admin, first):
        for _ in range(5):
            began = time.monotonic()
            assert run(GRAPNEL, "refused", "-c", daemon.config).returncode == 0
            assert time.monotonic() - began < 5
        with contextlib.closing(daemon.sender()) as sender:
            sender.accepted(event(f"evt_{len(first)}"))
        assert daemon.ask("/metrics")[0] == 200  # its turn comes, too


def test_who_drips_is_sent_away(daemon):
    post = f"POST /api/retry HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.token()}\r\nContent-Length: 60000\r\n\r\n".encode()
    host, _, port = daemon.admin.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=0.05) as connection:
        connection.sendall(post)
        answer, began = b"", time.monotonic()
        while not answer and time.monotonic() - began < 60:
            connection.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_it_answers_while_the_daemon_stops(tmp_path):
    config = ADMIN + (
        "limits: { stop_timeout: 60s }\n"
        "plugins: { hangs: { file: misbehave.so, deadline: 60s, settings: { record: record.txt } } }\n"
        'routes: { "*": [ hangs ] }\n'
    )
    with Daemon(tmp_path, config, plugins_crash=True) as daemon:
        assert daemon.ask("/readyz")[0] == 200
        with contextlib.closing(daemon.sender()) as sender:
            sender.accepted(event("evt_1", do="hang"))
        wait_for(lambda: (tmp_path / "record.txt").exists(), "the plugin to hang")
        daemon.process.terminate()
        status, _, text = wait_for(lambda: (a := daemon.ask("/readyz"))[0] == 503 and a, "the stop")
        assert "stopping" in json.loads(text)["error"]
        assert daemon.ask("/healthz")[0] == 200
        assert json.loads(daemon.ask("/api/status")[2])["intake"] == "stopping"
        assert 'grapnel_queue{plugin="hangs",state="pending"} 1\n' in daemon.ask("/metrics")[2]
        assert run(GRAPNEL, "refused", "-c", daemon.config).returncode == 0
        daemon.process.terminate()  # a second time: at once
        assert daemon.process.wait(60) == 0
        with pytest.raises(OSError):
            daemon.ask("/healthz")


def test_ready_only_while_events_can_be_stored(tmp_path, daemon):
    """Somebody else has locked the database: nothing can be committed."""
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "grapnel.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        with contextlib.closing(daemon.sender()) as sender:
            assert sender.post(event("evt_1"))[0] == 503
        status, _, text = daemon.ask("/readyz")
        assert status == 503 and json.loads(text)["error"].startswith("events are refused: "), text
        other.execute("ROLLBACK")
    with contextlib.closing(daemon.sender()) as sender:
        sender.accepted(event("evt_1"))
    assert daemon.ask("/readyz")[0] == 200
