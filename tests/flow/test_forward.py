"""forward.so against real servers on loopback: what they get, and what each of their answers means."""

import base64
import email.utils
import hashlib
import hmac
import json
import re
import socket
import time

import pytest

from grapnel_test import GRAPNEL, SLOWNESS, Daemon, event, run, wait_for
from receiver import Answer, Receiver, authority, certificate, free_port
from test_delivery import ATTEMPTS, FAIL, dead
from test_packages import node  # noqa: F401, a fixture

KEY = b"thirty-two bytes of a secret key"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def forward_daemon(folder, settings, environment=None, limits=None, **options):
    """A daemon whose plugin forward has these settings; each event is tried once only, unless `retry` says otherwise."""
    plugin = {"file": "forward.so", "retry": {"first": "50ms", "factor": 1, "jitter": "0%", "attempts": 1},
              "breaker": {"failures": 1000}, **options}
    plugin["settings"] = {"secret": SECRET, **settings}
    config = {
        "sources": {"cryptopay": {"path": "/webhook", "signature": "cryptopay", "secrets": ["whsec_test_secret"]}},
        "plugins": {"forward": plugin},
        "routes": {"*": ["forward"]},
        "limits": limits or {},
    }
    return Daemon(folder, "".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items()), environment=environment)


def signed_well(request, key=KEY):
    signed = b".".join([request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode(), request.body])
    return request.headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def busy(daemon, said):
    """The event waits, and no attempt was counted."""
    wait_for(lambda: re.search(said, daemon.log()), f"the log to say {said}")
    assert daemon.rows("SELECT attempts FROM delivery") == [(0,)] and dead(daemon) == {}


# ---- what is sent ----


BODIES = [
    event("evt_1"),
    '{\n  "id": "evt.2", "type": "t", "n": 10.10,\r\n "name": "Zoë ✓ 😀 \\u0041 \u202e" } \n'.encode(),
    event("evt_3", fill="é" * 80_000),
]


def test_the_package_verifies_it(tmp_path, node):  # noqa: F811
    with forward_daemon(tmp_path, {"url": node.url("standardwebhooks", SECRET)}) as daemon:
        for body in BODIES:
            daemon.sender().accepted(body)
        daemon.drained()
        assert dead(daemon) == {} and "retry" not in daemon.log()


def test_the_package_refuses_another_secret(tmp_path, node):  # noqa: F811
    other = "whsec_" + base64.b64encode(b"another secret of some 32 bytes.").decode()
    with forward_daemon(tmp_path, {"url": node.url("standardwebhooks", other)}) as daemon:
        daemon.sender().accepted(BODIES[0])
        daemon.drained()
        why, _, _, detail = dead(daemon)["evt_1"]
        assert why == FAIL and re.search(r"answered 400: .*No matching signature", detail)


def test_the_request_is_this_and_nothing_else(tmp_path):
    settings = {
        "headers": {"Authorization": "Bearer t0ken", "X-Empty": "", "x-both": "fixed"},
        "pass_headers": ["X-GitHub-Event", "X-Both", "X-Absent", "Cookie"],
    }
    sent = {"X-GitHub-Event": "push", "X-Both": "received", "X-Other": "other", "Authorization": "Bearer of the sender", "Cookie": "c"}
    with Receiver() as receiver, forward_daemon(tmp_path, {"url": receiver.url("/a/../b?c=d"), **settings}) as daemon:
        assert daemon.sender().post(BODIES[0], sent)[0] == 200
        daemon.drained()
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/a/../b?c=d", BODIES[0])
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert len(headers) == len(request.headers) and signed_well(request)
    assert re.fullmatch(r"[0-9a-f]{16,}", headers.pop("webhook-id"))
    assert abs(int(headers.pop("webhook-timestamp")) - time.time()) < 60 and headers.pop("webhook-signature")
    assert headers == {
        "host": receiver.url("").removeprefix("http://"),
        "user-agent": "Grapnel",
        "accept": "*/*",
        "content-type": "application/json",
        "content-length": str(len(BODIES[0])),
        "authorization": "Bearer t0ken",
        "x-empty": "",
        "x-both": "fixed",
        "x-github-event": "push",
    }


def test_nothing_of_the_environment_counts(tmp_path):
    """Neither proxies nor what curl's own program would read in the home folder."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login netrc password netrc\n")
    (tmp_path / ".curlrc").write_text('header = "X-Curl: rc"\n')
    proxy = f"http://127.0.0.1:{free_port()}"
    environment = {"HOME": str(tmp_path), **{name: proxy for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")}}
    with Receiver() as receiver, forward_daemon(tmp_path, {"url": receiver.url()}, environment) as daemon:
        daemon.sender().accepted(BODIES[0])
        daemon.drained()
    (request,) = receiver.requests
    assert signed_well(request) and "Authorization" not in request.headers and "X-Curl" not in request.headers


@pytest.mark.parametrize(
    "settings, wanted",
    [
        ({"pass_headers": ["content-type"]}, "application/problem+json"),
        ({"headers": {"content-Type": "text/json"}}, "text/json"),
        ({"headers": {"content-Type": "text/json"}, "pass_headers": ["Content-Type"]}, "text/json"),
    ],
)
def test_content_type_and_unsigned(tmp_path, settings, wanted):
    with Receiver() as receiver, forward_daemon(tmp_path, {"url": receiver.url(), "secret": "", **settings}) as daemon:
        daemon.sender().post(BODIES[0], {"Content-Type": "application/problem+json"})
        daemon.drained()
    (request,) = receiver.requests
    assert request.headers.get_all("Content-Type") == [wanted]
    assert not [name for name in request.headers if name.lower().startswith("webhook-")]


def test_the_id_is_the_same_at_each_attempt(tmp_path):
    """And another one for each event; each attempt is signed for its own time."""

    def answer(request, number):
        return Answer(200 if number >= 4 or b"other" in request.body else 503)

    with Receiver(answer) as receiver, forward_daemon(tmp_path, {"url": receiver.url()}, retry={"first": "600ms", "factor": 1, "attempts": 5}) as daemon:
        daemon.sender().accepted(event("e1"))
        wait_for(lambda: len(receiver.requests) == 3, "three attempts")
        daemon.sender().accepted(event("other"))
        daemon.drained()
        assert dead(daemon) == {}
    assert all(map(signed_well, receiver.requests))
    ids, times = {"e1": set(), "other": set()}, {"e1": set(), "other": set()}
    for request in receiver.requests:
        id = json.loads(request.body)["id"]
        ids[id].add(request.headers["webhook-id"])
        times[id].add(request.headers["webhook-timestamp"])
    assert [len(keys) for keys in ids.values()] == [1, 1] and ids["e1"] != ids["other"] and len(times["e1"]) > 1


def test_a_large_body_is_sent_at_once(tmp_path):
    """curl would ask first, with a header that some servers refuse."""
    body = event("e1", fill="x" * (3 << 19))
    with Receiver() as receiver, forward_daemon(tmp_path, {"url": receiver.url()}, limits={"body": "2MiB"}) as daemon:
        daemon.sender().accepted(body)
        daemon.drained()
    (request,) = receiver.requests
    assert request.body == body and "Expect" not in request.headers and signed_well(request)


HOSTILE = [
    "x\r\nX-Injected: 1",
    "x\r\n\r\nPOST /other HTTP/1.1\r\n",
    "{{/data/object/x}}",
    "http://evil.example/",
    "//evil.example",
    "@evil.example",
    "../../admin",
    "?a=b#c",
    "%0d%0aX-Injected: 1",
    "a.b.c",
    "'; DROP TABLE orders; --",
    "$(touch pwned)",
    "\u0000\u007f\u202e",
]


def test_nothing_of_an_event_gets_into_the_request_but_the_body(tmp_path):
    with Receiver() as receiver, forward_daemon(tmp_path, {"url": receiver.url("/fixed"), "pass_headers": ["X-Value"]}) as daemon:
        bodies = []
        for value in HOSTILE:
            clean = re.sub(r"[\x00-\x1f\x7f]", "", value)
            bodies.append(event(clean, type=clean, value=value))
            daemon.sender().accepted(bodies[-1])
        daemon.drained()
        assert dead(daemon) == {}
    assert sorted(request.body for request in receiver.requests) == sorted(bodies)
    for request in receiver.requests:
        assert (request.method, request.path) == ("POST", "/fixed") and signed_well(request)
        assert {name.lower() for name in request.headers} == {
            "host", "user-agent", "accept", "content-type", "content-length", "webhook-id", "webhook-timestamp", "webhook-signature"
        }


# ---- what an answer means ----


DONE = [200, 201, 202, 204, 206, 299]
NEVER = [400, 410, 413, 415, 422]
LATER = [300, 301, 302, 303, 304, 307, 308, 401, 402, 403, 404, 405, 406, 407, 408, 409, 411, 412, 414, 421, 423, 425, 429, 431, 451, 500, 501, 502, 503, 504, 599]


def test_every_status(tmp_path):
    def answer(request, _):
        status = json.loads(request.body)["data"]["object"]["status"]
        return Answer(status, {"Location": "/elsewhere"} if status // 100 == 3 else {}, b"" if status in (204, 304) else b"its words")

    with Receiver(answer) as receiver, forward_daemon(tmp_path, {"url": receiver.url()}) as daemon:
        for status in DONE + NEVER + LATER:
            daemon.sender().accepted(event(f"e{status}", status=status))
        daemon.drained()
        died = dead(daemon)
        assert len(receiver.requests) == len(DONE + NEVER + LATER)
    assert {id: row[0] for id, row in died.items()} == {f"e{s}": FAIL for s in NEVER} | {f"e{s}": ATTEMPTS for s in LATER}
    for id, (_, attempts, crashes, detail) in died.items():
        status = int(id[1:])
        start = f"{receiver.url('')} answered {status}"
        redirect = f", which points to {receiver.url('')}, and redirects are not followed: correct `url`"
        words = "" if status == 304 else ": its words"
        assert (attempts, crashes) == (1, 0)
        assert detail == start + (redirect if status // 100 == 3 else "") + words


@pytest.mark.parametrize("interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3])
def test_interim_answers_are_none(tmp_path, interim):
    def answer(request, _):
        return interim + (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if b"good" in request.body else b"")

    with Receiver(answer) as receiver, forward_daemon(tmp_path, {"url": receiver.url()}) as daemon:
        daemon.sender().accepted(event("good"))
        daemon.sender().accepted(event("bad"))
        daemon.drained()
        assert {id: row[0] for id, row in dead(daemon).items()} == {"bad": ATTEMPTS}


DAY = 24 * 3600
OWN = 60  # seconds, of the retries' own schedule: what counts when a value can't be understood
RETRY_AFTER = {
    "100": 100,
    " 77 ": 77,
    "9999999999": DAY,
    "999999999999999999999": OWN,
    "0": OWN,
    "-5": OWN,
    "soon": OWN,
    "": OWN,
    "date+200": 200,
    "date+1000000": DAY,
    "date-200": OWN,
}


@pytest.mark.parametrize("value", RETRY_AFTER)
@pytest.mark.parametrize("status", [404, 503])
def test_retry_after(tmp_path, value, status):
    seconds = re.fullmatch(r"date([+-]\d+)", value)
    header = email.utils.formatdate(time.time() + int(seconds[1]), usegmt=True) if seconds else value
    retry = {"first": f"{OWN}s", "factor": 1, "jitter": "0%", "attempts": 3}
    with Receiver(lambda *_: Answer(status, {"Retry-After": header})) as receiver:
        with forward_daemon(tmp_path, {"url": receiver.url()}, retry=retry) as daemon:
            daemon.sender().accepted(event("e1"))
            query = "SELECT d.due_ms - e.received_ms FROM delivery d JOIN event e ON e.number = d.event WHERE d.attempts = 1"
            ((later,),) = wait_for(lambda: daemon.rows(query), "the retry to be noted")
    # A date has no fractions of a second.
    assert -2 < later / 1000 - RETRY_AFTER[value] < 5 * SLOWNESS


def test_redirects_are_not_followed(tmp_path):
    with Receiver() as other:
        with Receiver(lambda *_: Answer(307, {"Location": other.url("/secret/path?token=t0ken")})) as receiver:
            with forward_daemon(tmp_path, {"url": receiver.url()}) as daemon:
                daemon.sender().accepted(event("e1"))
                daemon.drained()
                assert dead(daemon)["e1"][3] == (
                    f"{receiver.url('')} answered 307, which points to {other.url('')}, and redirects are not followed: correct `url`"
                )
        assert other.requests == [] and other.connections == 0


# ---- connections ----


def test_the_connection_is_used_again(tmp_path):
    """Also after failures, and whatever their body was like."""

    def answer(request, number):
        return Answer(503, {}, b"x" * 20_000) if number % 3 == 0 else Answer(200, {}, b"thanks")

    with Receiver(answer) as receiver, forward_daemon(tmp_path, {"url": receiver.url()}) as daemon:
        sender = daemon.sender()
        for number in range(60):
            sender.accepted(event(f"e{number}"))
        daemon.drained()
        assert (len(receiver.requests), len(dead(daemon))) == (60, 20)
        assert receiver.connections == 1


def test_a_connection_that_was_closed_is_made_anew(tmp_path):
    with Receiver(lambda *_: Answer(200, {"Connection": "close"})) as receiver, forward_daemon(tmp_path, {"url": receiver.url()}) as daemon:
        for number in range(5):
            daemon.sender().accepted(event(f"e{number}"))
            daemon.drained()
        assert receiver.connections == 5 and dead(daemon) == {}


def test_a_long_body_is_not_read_to_its_end(tmp_path):
    """Nor one that never ends; the status is known, and that is enough."""

    def answer(request, _):
        status = b"200 OK" if b"good" in request.body else b"500 Oops"

        def endless(handler):
            handler.wfile.write(b"HTTP/1.1 " + status + b"\r\nContent-Type: text/plain\r\n\r\n")
            while True:
                handler.wfile.write(b"y\x00\x1b[31m\n" * 1000)

        return endless

    with Receiver(answer) as receiver, forward_daemon(tmp_path, {"url": receiver.url(), "timeout": "1h"}, deadline="2h") as daemon:
        daemon.sender().accepted(event("good"))
        daemon.sender().accepted(event("bad"))
        daemon.drained()
        died = dead(daemon)
        assert set(died) == {"bad"}
        shown = died["bad"][3].partition(" answered 500: ")[2]
        assert 290 < len(shown) < 310 and shown.startswith("y \x1b[31m\ny") and shown.endswith("…")
        assert r"answered 500: y \x1b[31m\ny" in daemon.log() and "\x1b" not in daemon.log()


def test_endless_headers(tmp_path):
    def endless(handler):
        handler.wfile.write(b"HTTP/1.1 500 Oops\r\n")
        while True:
            handler.wfile.write(b"X-Header: " + b"x" * 1000 + b"\r\n")

    with Receiver(lambda *_: endless) as receiver, forward_daemon(tmp_path, {"url": receiver.url(), "timeout": "1h"}, deadline="2h") as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        assert re.search(r"answered 500", dead(daemon)["e1"][3])


def test_who_never_answers(tmp_path):
    """`timeout` ends it, or a little before `deadline`, so that the worker survives."""
    with Receiver(lambda *_: lambda handler: handler.server.ended.wait()) as receiver:
        for settings, options in [({"timeout": "300ms"}, {}), ({"timeout": "1h"}, {"deadline": f"{SLOWNESS}s"})]:
            folder = tmp_path / str(len(options))
            folder.mkdir()
            with forward_daemon(folder, {"url": receiver.url(), **settings}, **options) as daemon:
                workers = daemon.workers()
                daemon.sender().accepted(event("e1"))
                daemon.drained()
                why, attempts, crashes, detail = dead(daemon)["e1"]
                assert (why, attempts, crashes) == (ATTEMPTS, 1, 0)
                (after,) = re.fullmatch(
                    rf"{receiver.url('')} did not answer in time \(`timeout`, `deadline`\): Operation timed out after (\d+) milliseconds.*", detail
                ).groups()
                assert int(after) < (1000 * SLOWNESS if options else 5000)
                assert daemon.workers() == workers


def test_a_body_that_stops_half_way(tmp_path):
    def half(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        handler.server.ended.wait()

    with Receiver(lambda *_: half) as receiver, forward_daemon(tmp_path, {"url": receiver.url(), "timeout": "300ms"}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        assert dead(daemon) == {}


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1", b"220 smtp.example ESMTP\r\n", b"<html>"])
def test_who_speaks_no_http(tmp_path, said):
    with Receiver(lambda *_: said) as receiver, forward_daemon(tmp_path, {"url": receiver.url()}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        why, _, _, detail = dead(daemon)["e1"]
        assert why == ATTEMPTS and f"{receiver.url('')} gave no answer: " in detail


def test_nobody_listens(tmp_path):
    with forward_daemon(tmp_path, {"url": f"http://127.0.0.1:{free_port()}/secret/path?token=t0ken"}) as daemon:
        daemon.sender().accepted(event("e1"))
        busy(daemon, r"busy: http://127\.0\.0\.1:\d+ can't be reached: Failed to connect")
        assert "t0ken" not in daemon.log() and "secret/path" not in daemon.log()


def test_a_name_that_does_not_exist(tmp_path):
    with forward_daemon(tmp_path, {"url": "http://no-such-host.invalid/", "connect_timeout": "2s"}) as daemon:
        daemon.sender().accepted(event("e1"))
        busy(daemon, "busy: http://no-such-host.invalid can't be reached: ")


def test_it_goes_on_when_the_receiver_is_back(tmp_path):
    """Where the connection that was kept is dead, and then where it can be made anew."""
    with Receiver() as receiver:
        daemon = forward_daemon(tmp_path, {"url": receiver.url()})
        port = receiver.server_address[1]
        with daemon:
            daemon.sender().accepted(event("e1"))
            daemon.drained()
    with daemon:
        daemon.sender().accepted(event("e2"))
        busy(daemon, f"busy: http://127.0.0.1:{port} can't be reached")


# ---- TLS ----


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    authority(folder)
    authority(folder, "other")
    certificate(folder, "IP:127.0.0.1,DNS:localhost")
    certificate(folder, "DNS:elsewhere.example", name="elsewhere")
    certificate(folder, "IP:127.0.0.1", days=-1, name="expired")
    return folder


def test_tls(tmp_path, keys):
    with Receiver(certificate=keys / "server.pem") as receiver:
        with forward_daemon(tmp_path, {"url": receiver.url("/x"), "ca_file": str(keys / "ca.pem")}) as daemon:
            for number in range(20):
                daemon.sender().accepted(event(f"e{number}"))
            daemon.drained()
            assert dead(daemon) == {} and receiver.connections == 1
            assert len(receiver.requests) == 20 and all(map(signed_well, receiver.requests))


@pytest.mark.parametrize(
    "server, trusted, said",
    [
        ("server", "other", "certificate"),
        ("server", None, "certificate"),
        ("elsewhere", "ca", "no alternative certificate subject name matches"),
        ("expired", "ca", "certificate has expired"),
    ],
)
def test_certificates_are_verified(tmp_path, keys, server, trusted, said):
    settings = {"ca_file": str(keys / f"{trusted}.pem")} if trusted else {}
    with Receiver(certificate=keys / f"{server}.pem") as receiver, forward_daemon(tmp_path, {"url": receiver.url(), **settings}) as daemon:
        daemon.sender().accepted(event("e1"))
        busy(daemon, rf"busy: {receiver.url('')} can't be reached: .*{said}")
        assert receiver.requests == []


def test_no_tls_where_it_should_be(tmp_path, keys):
    with Receiver() as receiver:
        url = receiver.url().replace("http:", "https:")
        with forward_daemon(tmp_path, {"url": url, "ca_file": str(keys / "ca.pem")}) as daemon:
            daemon.sender().accepted(event("e1"))
            busy(daemon, "can't be reached: ")
            assert receiver.requests == []


def test_a_handshake_that_never_ends(tmp_path, keys):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings = {"url": f"https://127.0.0.1:{silent.getsockname()[1]}/", "connect_timeout": "300ms", "timeout": "1h"}
        with forward_daemon(tmp_path, settings, deadline="1h") as daemon:
            daemon.sender().accepted(event("e1"))
            busy(daemon, "can't be reached: .*timed? ?out")


# ---- what people are shown, and mistakes ----


def test_credentials_are_never_shown(tmp_path):
    """Not even when the receiver's error page repeats the whole request."""
    long = "long-" + "k" * 2000
    headers = {"Authorization": "Bearer t0ken-of-ours", "X-Key": "k3y-of-ours", "X-Two": "f1rst-half s3cond-half", "X-Long": long}

    def answer(request, _):
        page = f"Cannot POST {request.path} with {dict(request.headers)} "
        return Answer(500, {}, (page if b"e1" in request.body else f"{SECRET[6:]} t0ken-of-ours k3y-of-ours f1rst-half s3cond-half {long}").encode())

    with Receiver(answer) as receiver, forward_daemon(tmp_path, {"url": receiver.url("/T000/B000?sig=s1gnature"), "headers": headers}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.sender().accepted(event("e2"))
        daemon.drained()
        shown = daemon.log() + repr(dead(daemon))
        assert "Cannot POST ****" in shown and "answered 500: ****" in shown
    for private in ("T000", "s1gnature", "t0ken-of-ours", "k3y-of-ours", "f1rst-half", "s3cond-half", "long-kkk", SECRET[6:]):
        assert private not in shown


MISTAKES = [
    ({"url": ""}, "`url`: it must be like https://host/path"),
    ({"url": "orders.example/x"}, "`url`: it must be like"),
    ({"url": "ftp://orders.example/x"}, "`url`: it must be like"),
    ({"url": "file:///etc/passwd"}, "`url`: it must be like"),
    ({"url": "https:///x"}, "`url`: it must be like"),
    ({"url": "https://a b/"}, "`url`: it must be like"),
    ({"url": "https://u:hunter2@orders.example/x"}, "`url`: it holds a user or password"),
    ({"url": "https://orders.example/x#y"}, "`url`: what stands behind # is never sent"),
    ({"url": "https://{{/host}}/x"}, "`url`: it takes no templates"),
    ({"url": "https://orders.example:{{/port}}/x"}, "`url`: it takes no templates"),
    ({"url": "{{/scheme}}://orders.example/x"}, "`url`: it takes no templates"),
    ({"secret": ""}, "`secret` is missing or empty, and there are no `headers` either"),
    ({"secret": "whsec_"}, "`secret`: it must be whsec_ and base64"),
    ({"secret": "whsec_not base64!"}, "`secret`: it must be whsec_ and base64"),
    ({"secret": "A" * 2000}, "`secret`: it is longer than any key is of use"),
    ({"headers": {"X Y": "z"}}, '`headers`: "X Y" can\'t be the name of a header'),
    ({"headers": {"X:": "z"}}, '`headers`: "X:" can\'t be the name of a header'),
    ({"headers": {"X": "a\r\nY: b"}}, "`headers`: the value of X holds a line break"),
    ({"headers": {"Content-length": "1"}}, "`headers`: Content-length is set by Grapnel itself"),
    ({"headers": {"Webhook-Id": "1"}}, "`headers`: Webhook-Id is set by Grapnel itself"),
    ({"pass_headers": ["Host"]}, "`pass_headers`: Host is set by Grapnel itself"),
    ({"pass_headers": [""]}, '`pass_headers`: "" can\'t be the name of a header'),
    ({"pass_headers": ["a b"]}, '`pass_headers`: "a b" can\'t be the name of a header'),
    ({"ca_file": "nowhere.pem"}, "`ca_file`: nowhere.pem can't be read"),
    ({"ca_file": "grapnel.yaml"}, "`ca_file`: grapnel.yaml holds no certificate"),
    ({"timeout": "0s"}, "`timeout` and `connect_timeout` must be longer than 0"),
    ({"connect_timeout": "0s"}, "`timeout` and `connect_timeout` must be longer than 0"),
]


@pytest.mark.parametrize("settings, said", MISTAKES)
def test_mistakes_are_found_by_check_and_at_the_start(tmp_path, settings, said):
    daemon = forward_daemon(tmp_path, {"url": "https://orders.example/x", **settings})
    done = run(GRAPNEL, "check", "-c", daemon.config)
    assert done.returncode == 1 and said in done.stdout + done.stderr, done.stdout + done.stderr
    daemon.launch()
    assert daemon.process.wait(60) == 1 and said in daemon.log()
    for private in ("hunter2", SECRET):
        assert private not in done.stdout + done.stderr + daemon.log()


def test_check_connects_to_nobody(tmp_path):
    with Receiver() as receiver:
        daemon = forward_daemon(tmp_path, {"url": receiver.url()})
        assert run(GRAPNEL, "check", "-c", daemon.config).returncode == 0
        assert receiver.connections == 0
