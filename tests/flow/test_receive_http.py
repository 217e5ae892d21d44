"""Receiving over HTTP as a sender meets it: the answers of the real daemon, and what of a request is kept."""

import hashlib
import hmac
import http.client
import json
import signal
import socket
import time

import pytest

from grapnel_test import Daemon, Sender, event, lines, run, signature, wait_for, GRAPNEL, SLOWNESS

CONFIG = """
limits: { body: 64KiB }
sources:
  cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret, whsec_previous ] }
  stripe: { path: /stripe, signature: stripe, secrets: [ whsec_test_secret ] }
  chat: { path: /chat, signature: slack, secrets: [ whsec_test_secret ] }
  shop:
    path: /shop
    signature: { header: X-Shop, items: [ "{hex}" ], signed: "{body}" }
    secrets: [ whsec_test_secret ]
    event: { id: { header: X-Shop-Delivery }, type: /kind }
plugins:
  logging: { settings: { path: events.log } }
routes:
  payment.*: [ logging ]
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("receive"), CONFIG) as daemon:
        yield daemon


def raw(daemon, data):
    """What comes back for these bytes on a connection of their own: status, text and headers."""
    host, _, port = daemon.addresses[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(data)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read().decode(), answer.headers


def test_accepted_and_delivered(daemon):
    body = event("accepted", amount=7)
    assert daemon.sender().post(body) == (200, '{"received":true}')
    assert daemon.sender().post(body) == (200, '{"received":true,"duplicate":true}')
    daemon.drained()
    line = [line for line in lines(daemon.folder / "events.log") if line["id"] == "accepted"]
    assert [(l["source"], l["type"], l["event"]) for l in line] == [("cryptopay", "payment.succeeded", json.loads(body))]


def test_each_secret_and_each_scheme(daemon):
    daemon.sender(secret="whsec_previous").accepted(event("second_secret"))
    daemon.sender(path="/stripe", header="Stripe-Signature").accepted(event("stripe"))


def test_without_a_route(daemon):
    daemon.sender().accepted(event("unrouted", type="refund.created"))
    wait_for(lambda: "Unhandled event type refund.created" in daemon.log(), "the log line")


@pytest.mark.parametrize(
    "signing, headers, text",
    [
        ({"secret": "whsec_wrong"}, {}, "signature verification failed"),
        ({}, {"X-CryptoPay-Signature": None}, "signature verification failed"),
        ({}, {"X-CryptoPay-Signature": "nonsense"}, "signature verification failed"),
        ({"at": int(time.time()) - 310}, {}, "timestamp outside the tolerance"),
        ({"at": int(time.time()) + 400}, {}, "timestamp outside the tolerance"),
    ],
)
def test_bad_signatures(daemon, signing, headers, text):
    body = event("refused")
    headers = {"X-CryptoPay-Signature": signature(body, **signing), **headers}
    assert daemon.sender().post(body, headers) == (400, f"Webhook Error: {text}")
    assert daemon.rows("SELECT count(*) FROM event WHERE external_id = 'refused'") == [(0,)]


def test_one_changed_byte(daemon):
    body = event("changed")
    sent = {"X-CryptoPay-Signature": signature(body)}
    assert daemon.sender().post(body.replace(b"payment", b"Payment"), sent)[0] == 400


def test_genuine_but_unusable(daemon):
    status, text = daemon.sender().post(b'{"id":"payload-secret", }')
    assert status == 400 and text.startswith("Webhook Error: the body is not JSON: ") and "payload-secret" not in text
    status, text = daemon.sender().post(b'{"type":"payment.succeeded"}')
    assert status == 400 and text.startswith("Webhook Error: ") and "/id" in text


def test_paths_methods_and_sizes(daemon):
    assert daemon.sender(path="/webhook/sub").post(event("x"))[0] == 404
    assert daemon.sender(path="/webhook?a=b").post(event("query"))[0] == 200
    status, _, headers = raw(daemon, b"GET /webhook HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (status, headers["Allow"]) == (405, "POST")
    assert daemon.sender().post(event("x"), {"Content-Type": "text/plain"})[0] == 415
    assert daemon.sender().post(b" " * 65537)[0] == 413
    assert daemon.sender().post(event("x"), {"X-Long": "x" * 20000})[0] == 431
    assert raw(daemon, b"POST /webhook HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")[0] == 400


def test_chunked_and_expect(daemon):
    body = event("chunked")
    head = f"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-CryptoPay-Signature: {signature(body)}\r\n"
    chunks = b"%x\r\n%s\r\n" % (10, body[:10]) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) - 10, body[10:])
    assert raw(daemon, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks)[:2] == (200, '{"received":true}')
    answer = run("curl", "-s", "-H", "Expect: 100-continue", "-H", "Content-Type: application/json", "-H",
                 f"X-CryptoPay-Signature: {signature(body)}", "--data-binary", body.decode(), f"http://{daemon.addresses[0]}/webhook")
    assert answer.stdout == '{"received":true,"duplicate":true}'


def test_an_id_in_a_header(daemon):
    body = b'{"kind":"payment.late"}'
    signed = {"X-Shop": hmac.new(b"whsec_test_secret", body, hashlib.sha256).hexdigest(), "X-CryptoPay-Signature": None}
    sender = daemon.sender(path="/shop")
    assert sender.post(body, {**signed, "X-Shop-Delivery": "42"}) == (200, '{"received":true}')
    assert sender.post(body, {**signed, "X-Shop-Delivery": "42"}) == (200, '{"received":true,"duplicate":true}')
    assert sender.post(body, signed)[0] == 400


def slack_signed(body, secret="whsec_test_secret"):
    at = str(int(time.time()))
    digest = hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Signature": f"v0={digest}", "X-Slack-Request-Timestamp": at, "X-CryptoPay-Signature": None}


def test_slack_asks_whether_this_is_the_right_address(daemon):
    sender = daemon.sender(path="/chat")
    for challenge in ["3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", 'quotes "\\", é, 😀 and \x00', "x" * 256]:
        for ascii in [True, False]:
            asked = {"token": "legacy", "challenge": challenge, "type": "url_verification"}
            body = json.dumps(asked, ensure_ascii=ascii).encode()
            assert sender.post(body, slack_signed(body)) == (200, challenge)
    assert sender.post(body, slack_signed(body, secret="wrong")) == (400, "Webhook Error: signature verification failed")
    assert sender.post(body, {"X-CryptoPay-Signature": None})[0] == 400
    body = b'{"challenge":"' + b"x" * 257 + b'","type":"url_verification"}'
    assert sender.post(body, slack_signed(body))[0] == 400
    assert daemon.rows("SELECT count(*) FROM event e JOIN name n ON n.number = e.source WHERE n.text = 'chat'") == [(0,)]
    assert daemon.log().count("source chat: its sender asked") == 6


def test_what_the_log_says_of_refusals(daemon):
    body = event("log-secret-payload")
    daemon.sender().post(body, {"X-CryptoPay-Signature": None})
    wait_for(lambda: "source cryptopay" in daemon.log() and "127.0.0.1" in daemon.log(), "the refusal")
    daemon.sender().post(body, at=int(time.time()) - 9 * 60)
    wait_for(lambda: "was made 9 minutes ago by this machine's clock, and the tolerance is 5m" in daemon.log(), "the age")
    assert "the header X-CryptoPay-Signature, which holds the signature, is missing" in daemon.log()
    assert "log-secret-payload" not in daemon.log() and "whsec_" not in daemon.log()


def test_ipv4_and_ipv6(tmp_path):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with Daemon(tmp_path, CONFIG, listen='127.0.0.1:0, "[::1]:0"') as daemon:
        assert len(daemon.addresses) == 2 and daemon.addresses[1].startswith("[::1]:")
        for number, address in enumerate(daemon.addresses):
            Sender(address).accepted(event(f"evt_{number}"))


def test_a_port_in_use(tmp_path, daemon):
    second = Daemon(tmp_path, CONFIG, listen=daemon.addresses[0])
    answer = run(GRAPNEL, "serve", "-c", second.config)
    assert answer.returncode == 1
    assert f"listen {daemon.addresses[0]}: Address already in use; " in answer.stderr


def test_a_stop_with_open_connections(tmp_path):
    with Daemon(tmp_path, CONFIG) as daemon:
        senders = [daemon.sender() for _ in range(20)]
        for number, sender in enumerate(senders):
            sender.accepted(event(f"evt_{number}"))
        assert daemon.stop() == 0
        assert "still open" not in daemon.log()


def test_a_second_signal_ends_a_stop_that_waits_for_a_sender(tmp_path):
    with Daemon(tmp_path, CONFIG + "\n") as daemon:
        host, _, port = daemon.addresses[0].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=60) as slow:
            slow.sendall(b"POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
                         b"Expect: 100-continue\r\n\r\n")
            assert slow.recv(100).startswith(b"HTTP/1.1 100 ")  # its body is waited for now
            begun = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            wait_for(lambda: "stopping: " in daemon.log(), "the stop to begin")
            assert daemon.stop() == 0
        assert time.monotonic() - begun < 2 * SLOWNESS, "a sender in the middle of a request gets 3 s, but for the signal"
        assert "connections that were still open: 1;" in daemon.log() and "workers are killed" not in daemon.log()


def test_a_start_and_a_stop_say_what_waits(tmp_path):
    waits = CONFIG.replace("settings: { path: events.log }", "settings: { path: /dev/full }")
    with Daemon(tmp_path, waits) as daemon:
        assert "sources: cryptopay at /webhook, stripe at /stripe, chat at /chat, shop at /shop\n" in daemon.log()
        assert "deliveries that wait" not in daemon.log()
        daemon.sender().accepted(event("waiting"))
        assert daemon.stop() == 0
        assert "deliveries that wait: 1; they go on with the next start\n" in daemon.log()
    with Daemon(tmp_path, CONFIG) as daemon:
        assert "deliveries that wait: 1; they go on now\n" in daemon.log()
        daemon.drained()
        assert daemon.stop() == 0
        assert daemon.log().count("deliveries that wait") == 1
