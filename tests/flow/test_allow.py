"""Who may send, and how much: `allow`, `trust_proxy` and `rate` of a source, directly and behind a real nginx."""

import contextlib
import http.client
import json
import socket

import pytest

from grapnel_test import Daemon, GRAPNEL, SECRET, event, run, signature
from nginx import Nginx

JSON = "application/json"
SIGNED = f"signature: cryptopay, secrets: [ {SECRET} ]"
CONFIG = f"""
admin: {{ listen: 127.0.0.1:0 }}
limits: {{ body: 64KiB }}
sources:
  open: {{ path: /open, {SIGNED} }}
  shop: {{ path: /shop, {SIGNED}, allow: [ 127.0.0.2, 127.0.4.0/24 ] }}
  behind: {{ path: /behind, {SIGNED}, allow: [ 127.0.4.0/24, "2001:db8::/32" ], trust_proxy: [ 127.0.1.0/24 ] }}
  named: {{ path: /named, {SIGNED}, trust_proxy: 127.0.1.0/24 }}
  slow: {{ path: /slow, {SIGNED}, rate: {{ per_second: 0.01, burst: 3 }} }}
  brisk: {{ path: /brisk, {SIGNED}, rate: {{ per_second: 2 }} }}
"""
PROXY, OTHER_PROXY, FRIEND, STRANGER = "127.0.1.1", "127.0.1.2", "127.0.4.7", "127.0.5.7"
numbers = iter(range(1000000))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("allow"), CONFIG) as daemon:
        yield daemon


@contextlib.contextmanager
def connected(address, source):
    """A connection to `address` from the address `source`."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60, source_address=(source, 0)) as connection:
        yield connection


def send(connection, path, forwarded=(), method="POST", type=JSON, secret=SECRET, body=None):
    """Status, text and headers of the answer to an event that never came before; `forwarded`: lines of X-Forwarded-For."""
    body = event(f"evt_{next(numbers)}") if body is None else body
    head = [
        f"{method} {path} HTTP/1.1", "Host: a", f"Content-Type: {type}", f"Content-Length: {len(body)}",
        f"X-CryptoPay-Signature: {signature(body, secret)}", *(f"X-Forwarded-For: {line}" for line in forwarded),
    ]
    # In one piece: a body that has arrived with its head need not be read for the connection to go on.
    connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read().decode(), answer.headers


def status(daemon, path, source, *forwarded, **options):
    with connected(daemon.addresses[0], source) as connection:
        return send(connection, path, forwarded, **options)[0]


def refusals(daemon, source):
    done = run(GRAPNEL, "refused", "--json", "--source", source, "-c", daemon.config)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def explained(daemon, source, peer, *forwarded):
    headers = [part for line in forwarded for part in ("--header", f"X-Forwarded-For: {line}")]
    body = daemon.folder / "body.json"
    body.write_bytes(event("evt_1"))
    done = run(GRAPNEL, "explain", "-c", daemon.config, "--source", source, "--body", body, "--from", peer, *headers)
    assert "Sanitizer" not in done.stderr, done
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())["address"]


# Where it comes from, the lines of X-Forwarded-For; whether it may send, who that is, and through which proxy.
CASES = [
    ("shop", "127.0.0.2", [], True, "127.0.0.2", None),
    ("shop", FRIEND, [], True, FRIEND, None),
    ("shop", "127.0.0.1", [], False, "127.0.0.1", None),
    ("shop", "127.0.0.3", [], False, "127.0.0.3", None),
    ("shop", "127.0.3.255", [], False, "127.0.3.255", None),
    ("shop", "127.0.5.0", [], False, "127.0.5.0", None),
    # Nobody is trusted there.
    ("shop", STRANGER, [FRIEND], False, STRANGER, None),
    ("shop", PROXY, [FRIEND], False, PROXY, None),
    ("shop", FRIEND, [STRANGER], True, FRIEND, None),
    ("behind", FRIEND, [], True, FRIEND, None),
    ("behind", STRANGER, [], False, STRANGER, None),
    ("behind", STRANGER, [FRIEND], False, STRANGER, None),
    ("behind", STRANGER, [f"{FRIEND}, {PROXY}"], False, STRANGER, None),
    ("behind", PROXY, [FRIEND], True, FRIEND, PROXY),
    ("behind", PROXY, [f"{FRIEND}:4711"], True, FRIEND, PROXY),
    ("behind", PROXY, ["[2001:db8::7]:443"], True, "2001:db8::7", PROXY),
    ("behind", PROXY, [STRANGER], False, STRANGER, PROXY),
    ("behind", PROXY, [], False, PROXY, None),
    ("behind", PROXY, [f"{FRIEND}, {STRANGER}"], False, STRANGER, PROXY),
    ("behind", PROXY, [FRIEND, STRANGER], False, STRANGER, PROXY),
    ("behind", PROXY, [STRANGER, FRIEND], True, FRIEND, PROXY),
    ("behind", PROXY, ["who, knows", f"{FRIEND}, {OTHER_PROXY}"], True, FRIEND, PROXY),
    ("behind", PROXY, [f"{FRIEND}, {STRANGER}, {OTHER_PROXY}"], False, STRANGER, PROXY),
    ("behind", PROXY, [f"{FRIEND}, unknown"], False, "unknown", PROXY),
    ("behind", PROXY, [f"{FRIEND},"], False, "unknown", PROXY),
    ("behind", PROXY, ["::ffff:127.0.4.9"], True, "127.0.4.9", PROXY),
]


@pytest.mark.parametrize("source, peer, lines, allowed, sender, via", CASES)
def test_the_true_sender_decides(daemon, source, peer, lines, allowed, sender, via):
    with connected(daemon.addresses[0], peer) as connection:
        answer, text, headers = send(connection, f"/{source}", lines)
        words = explained(daemon, source, peer, *lines)
        if allowed:
            assert (answer, text) == (200, '{"received":true}')
            assert words == (f"ok (sent by {sender}, as the proxy {via} says)" if via else "ok")
            return
        assert (answer, text) == (403, "Webhook Error: this address is not allowed")
        # It was whole, so that the connection goes on.
        assert headers["Connection"] == "keep-alive" and send(connection, "/open", lines)[0] == 200
    last = refusals(daemon, source)[0]
    assert (last["status"], last["from"], last["via"]) == (403, sender, via)
    assert last["reason"] == words and (sender == "unknown" or sender in words)
    shown = f"{sender} via {via}" if via else sender
    assert f"refused with 403, from {shown} to source {source}: {words}" in daemon.log()
    table = run(GRAPNEL, "refused", "--source", source, "-c", daemon.config).stdout
    assert f" {shown} " in table


def test_every_reason_is_logged_with_the_true_sender(daemon):
    assert status(daemon, "/behind", PROXY, FRIEND, secret="wrong") == 400
    assert status(daemon, "/named", PROXY, STRANGER, type="text/plain") == 415
    assert status(daemon, "/named", PROXY, "nobody", type="text/plain") == 415
    assert status(daemon, "/named", STRANGER, FRIEND, type="text/plain") == 415
    assert [(r["from"], r["via"]) for r in refusals(daemon, "behind")[:1]] == [(FRIEND, PROXY)]
    assert [(r["from"], r["via"]) for r in refusals(daemon, "named")[:3]] == [(STRANGER, None), ("unknown", PROXY), (STRANGER, PROXY)]
    # Without `allow` all of them may send.
    for lines in ([], [FRIEND], ["nobody"], [","]):
        assert status(daemon, "/named", PROXY, *lines) == 200


def test_the_json_log_has_both(tmp_path):
    with Daemon(tmp_path, f"log: {{ format: json }}\n{CONFIG}") as daemon:
        assert status(daemon, "/behind", PROXY, STRANGER) == 403
        assert status(daemon, "/behind", STRANGER) == 403
        written = [line for line in daemon.log().splitlines() if line.startswith("{")]
        lines = [line for line in map(json.loads, written) if line.get("result") == "address"]
    assert [(l["source"], l["from"], l.get("via")) for l in lines] == [("behind", STRANGER, PROXY), ("behind", STRANGER, None)]


def test_the_address_comes_before_all_that_costs_more(daemon):
    assert status(daemon, "/nowhere", STRANGER) == 404
    assert status(daemon, "/shop", STRANGER, method="GET") == 403
    assert status(daemon, "/shop", STRANGER, type="text/plain") == 403
    assert status(daemon, "/shop", STRANGER, secret="wrong") == 403
    assert status(daemon, "/shop", "127.0.0.2", method="GET") == 405
    host, _, port = daemon.addresses[0].rpartition(":")
    head = "POST /{} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n{}\r\n"
    for path in ("shop", "slow"):
        assert path != "slow" or any(status(daemon, "/slow", FRIEND) == 429 for _ in range(5))
        for expect in ("", "Expect: 100-continue\r\n"):
            # The answer comes without a byte of the body, which is not asked for, and ends the connection.
            with socket.create_connection((host, int(port)), timeout=60, source_address=(STRANGER, 0)) as connection:
                connection.sendall(head.format(path, expect).encode())
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                assert (answer.status, answer.headers["Connection"]) == ({"shop": 403, "slow": 429}[path], "close")


def test_both_families_on_one_socket(tmp_path):
    with Daemon(tmp_path, CONFIG, listen='":0"') as daemon:
        daemon.addresses = [f"127.0.0.1:{daemon.addresses[0].rpartition(':')[2]}"]
        for peer, forwarded, expected in [
            ("127.0.0.2", [], 200), (FRIEND, [], 200), (STRANGER, [], 403), (STRANGER, [FRIEND], 403),
        ]:
            assert status(daemon, "/shop", peer, *forwarded) == expected
        assert status(daemon, "/behind", PROXY, FRIEND) == 200
        assert status(daemon, "/behind", PROXY, STRANGER) == 403
        assert [(r["from"], r["via"]) for r in refusals(daemon, "behind")] == [(STRANGER, PROXY)]
        assert [(r["from"], r["via"]) for r in refusals(daemon, "shop")] == [(STRANGER, None)] * 2


# ---- how much ----


def test_a_rate_that_is_used_up(tmp_path):
    with Daemon(tmp_path, CONFIG) as daemon, connected(daemon.addresses[0], FRIEND) as connection:
        # What is refused for its head takes no token; a wrong signature does.
        for options in ({"method": "GET"}, {"type": "text/plain"}) * 3:
            assert send(connection, "/slow", **options)[0] in (405, 415)
        assert send(connection, "/slow")[0] == 200
        assert send(connection, "/slow", secret="wrong")[0] == 400
        assert send(connection, "/slow")[0] == 200
        for _ in range(3):
            answer, text, headers = send(connection, "/slow")
            assert (answer, text) == (429, "Webhook Error: too many requests, try again later")
            assert 50 < int(headers["Retry-After"]) <= 100 and headers["Connection"] == "keep-alive"
        assert send(connection, "/slow", method="GET")[2]["Retry-After"] is None
        assert send(connection, "/open")[0] == 200
        assert status(daemon, "/slow", STRANGER) == 429  # a source has one bucket for all
        assert daemon.rows("SELECT count(*) FROM event") == [(3,)]
        last = refusals(daemon, "slow")[0]
        assert (last["status"], last["reason"]) == (429, "over the source's `rate` of 0.01 per second, after a burst of 3")
        # A table of results, and none of them by hand.
        metrics = daemon.ask("/metrics")[2]
        assert 'grapnel_events_total{source="slow",result="rate"} 4' in metrics
        assert 'grapnel_events_total{source="slow",result="signature"} 1' in metrics
        status(daemon, "/shop", STRANGER)
        assert 'grapnel_events_total{source="shop",result="address"} 1' in daemon.ask("/metrics")[2]


def test_a_rate_that_fills_again(daemon):
    with connected(daemon.addresses[0], FRIEND) as connection:
        accepted = refused = 0
        while accepted < 6:
            answer, _, headers = send(connection, "/brisk")
            accepted += answer == 200
            refused += answer == 429
            assert answer == 200 or headers["Retry-After"] == "1"
    assert refused > 0


# ---- behind a real nginx ----


def servers(address, path_in_folder="front.sock"):
    """One that strangers reach, and before it another one, as at a provider of such things."""

    def text(folder, inner, outer):
        add = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
        return f"""
    server {{
        listen 127.0.0.1:{inner};
        listen unix:{folder}/{path_in_folder};
        location / {{ proxy_pass http://{address}; proxy_bind {PROXY}; {add} }}
    }}
    server {{
        listen 127.0.0.1:{outer};
        location / {{ proxy_pass http://127.0.0.1:{inner}; proxy_bind {OTHER_PROXY}; {add} }}
    }}"""

    return text


@pytest.fixture(scope="module")
def nginx(daemon, tmp_path_factory):
    with Nginx(tmp_path_factory.mktemp("nginx"), servers(daemon.addresses[0]), ports=2) as nginx:
        yield nginx


FORGED = [
    [], [FRIEND], [f"{FRIEND}, {PROXY}"], [f"{FRIEND}, {OTHER_PROXY}, {PROXY}"], [PROXY, FRIEND], [f"{FRIEND},"], [","],
    ["2001:db8::1"], ["unknown"], ["\"'; --"], [FRIEND] * 20, [", ".join([FRIEND] * 300)],
]


@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("lines", FORGED, ids=lambda lines: str(lines)[:40])
def test_nginx_tells_the_true_sender_and_nobody_else_does(daemon, nginx, hops, lines):
    address = f"127.0.0.1:{nginx.ports[hops - 1]}"
    with connected(address, FRIEND) as connection:
        assert send(connection, "/behind", lines)[0] == 200
    for peer in (STRANGER, "127.0.3.255"):
        with connected(address, peer) as connection:
            assert send(connection, "/behind", lines)[:2] == (403, "Webhook Error: this address is not allowed")
        last = refusals(daemon, "behind")[0]
        assert (last["status"], last["from"], last["via"]) == (403, peer, PROXY)
    # And who goes past it is nobody but himself.
    assert status(daemon, "/behind", STRANGER, *lines) == 403


def test_a_rate_behind_nginx(daemon, nginx):
    with connected(f"127.0.0.1:{nginx.ports[0]}", FRIEND) as connection:
        answer, _, headers = next(filter(lambda answer: answer[0] != 200, (send(connection, "/slow") for _ in range(10))))
        assert answer == 429 and 1 <= int(headers["Retry-After"]) <= 100


def test_nginx_that_does_not_know_itself(daemon, nginx):
    """Over a Unix socket nginx writes "unix:", behind whatever was claimed."""
    body = event("evt_over_unix")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(nginx.folder / "front.sock"))
        connection.sendall(
            f"POST /behind HTTP/1.1\r\nHost: a\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\nX-Forwarded-For: {FRIEND}\r\n"
            f"X-CryptoPay-Signature: {signature(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        assert connection.makefile("rb").readline().split()[1] == b"403"
    last = refusals(daemon, "behind")[0]
    assert (last["from"], last["via"]) == ("unknown", PROXY) and 'says "unix:" where an address is due' in last["reason"]


def test_an_allow_list_without_trust_is_warned_of(tmp_path):
    config = tmp_path / "grapnel.yaml"
    config.write_text(f"sources: {{ s: {{ path: /s, {SIGNED}, allow: 203.0.113.0/24 }} }}\n")
    done = run(GRAPNEL, "check", "-c", config)
    assert done.returncode == 0 and "add trust_proxy: [ 127.0.0.1 ]" in done.stderr, done
    config.write_text(config.read_text().replace(" } }", ", trust_proxy: 127.0.0.1 } }"))
    assert "trust_proxy" not in run(GRAPNEL, "check", "-c", config).stderr


def test_explain_from(daemon):
    body = daemon.folder / "body.json"
    body.write_bytes(event("evt_1"))
    ask = [GRAPNEL, "explain", "-c", daemon.config, "--body", body, "--source"]
    assert "address: skipped (the source has `allow`; give --from to have it judged)\n" in run(*ask, "shop").stdout
    assert "address: ok\n" in run(*ask, "open").stdout
    assert "address: ok\n" in run(*ask, "open", "--from", STRANGER).stdout
    done = run(*ask, "shop", "--from", "hooks.example.com")
    assert done.returncode == 2 and "--from takes an address" in done.stderr
    done = run(*ask, "shop", "--from", STRANGER, "--json")
    assert [(r["result"], r["text"]) for r in json.loads(done.stdout) if r["step"] == "address"] == [
        ("refused", f"{STRANGER} is not in `allow`")]
