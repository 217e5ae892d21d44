"""`grapnel send`: for every sender events that the daemon accepts, each another one; ids and types where that sender has them; and what is
told when it is used wrongly or nobody listens."""

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from grapnel_test import GRAPNEL, Daemon, lines, run

EVENTS = Path(os.environ["GRAPNEL_SOURCE"]) / "examples/events"
PRESETS = ["cryptopay", "cryptopay-callback", "stripe", "standard", "github", "shopify", "slack", "square", "paddle", "coinbase-commerce"]

# Schemes that are spelled out: the one of README.md, and places of all kinds.
SPELLED = {
    "billing": {
        "signature": {"header": "X-Billing-Signature", "separator": ";", "items": ["ts={timestamp}", "h1={hex}"], "signed": "{timestamp}:{body}"},
        "event": {"id": "/event_id", "type": "/event_type"},
    },
    "digest": {
        "signature": {"header": "X-Sig", "items": ["{base64}"], "signed": "{body}", "hash": "sha512"},
        "event": {"id": {"digest": "body"}, "type": "/meta/items/0/type"},
    },
    "headers": {
        "signature": {"header": "X-Sig", "items": ["sha1={hex}"], "signed": "{id}|{url}|{body}", "hash": "sha1", "id": {"header": "X-Id"}},
        "event": {"id": [{"header": "X-Id"}, "/a~1b/id"], "type": {"header": "X-Type"}},
        "url": "https://shop.example/headers",
    },
    "one_name": {"signature": "standard", "event": {"id": {"header": "Webhook-Id"}, "type": "/type"}},
    "guarded": {
        "signature": {"header": "X-Sig", "items": ["{hex}"], "signed": "{body}", "secret": "hex"},
        "event": {"id": {"header": "X-Event"}, "type": "/type"},
        "secrets": ["616263"],
        "replay_guard": True,
    },
}
NO_SINGLE_ID = {"cryptopay-callback": "in parts, /data/id and /event and /data/status", "digest": "a digest of their body", "headers": "in parts"}
NO_SINGLE_TYPE = {"cryptopay-callback"}


def source(preset):
    signature = {"signature": preset, "path": f"/{preset}", "secrets": ["whsec_c2VuZGVy", "another"]}
    return {**signature, "url": "https://shop.example/square"} if preset == "square" else signature


def config():
    sources = {preset: source(preset) for preset in PRESETS}
    sources["standard"]["secrets"] = ["whsec_c2VuZGVy"]
    sources.update({name: {"path": f"/{name}", "secrets": ["whsec_c2VuZGVy"], **keys} for name, keys in SPELLED.items()})
    return "sources: " + json.dumps(sources) + """
plugins:
  logging: { settings: { path: events.jsonl } }
routes: { "*": [ logging ] }
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("send"), config()) as daemon:
        yield daemon


def send(daemon, name, *arguments, **options):
    url = f"http://{daemon.addresses[0]}/{name}"
    return run(GRAPNEL, "send", "-c", daemon.config, "--source", name, "--url", url, *arguments, **options)


def delivered(daemon, name):
    daemon.drained()
    return [line for line in lines(daemon.folder / "events.jsonl") if line["source"] == name]


@pytest.mark.parametrize("name", PRESETS + list(SPELLED))
def test_each_sender_is_accepted(daemon, name):
    done = send(daemon, name, "--count", 5)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    told = [re.fullmatch(r'200 \{"received":true\}  id (\S+)', line) for line in done.stdout.splitlines()]
    assert len(told) == 5 and all(told), done.stdout
    ids = [match[1] for match in told]
    assert len(set(ids)) == 5
    arrived = {line["id"]: line for line in delivered(daemon, name)}
    assert set(ids) <= set(arrived)
    assert len({json.dumps(arrived[id]["event"]) for id in ids}) == 5 or name == "standard"


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_made_up_looks_like_the_example(daemon, name):
    """The same members as the file of examples/events/ has; ids apart, the same values."""
    id = re.search(r"  id (\S+)", send(daemon, name).stdout)[1]
    event = next(line["event"] for line in delivered(daemon, name) if line["id"] == id)
    examples = [json.loads(file.read_text()) for file in EVENTS.glob(f"{name}.*.json")]
    assert any(set(example) <= set(event) and set(event) - set(example) <= {"token"} for example in examples), event


@pytest.mark.parametrize("file", sorted(EVENTS.glob("*.json")), ids=lambda file: file.stem)
def test_each_example_is_accepted_as_it_stands(daemon, file):
    name = file.name.split(".")[0]
    done = send(daemon, name, "--data", file)
    assert done.returncode == 0 and done.stdout.startswith('200 {"received":true'), done.stdout + done.stderr
    assert json.loads(file.read_text()) in [line["event"] for line in delivered(daemon, name)]


@pytest.mark.parametrize("name", [name for name in PRESETS + list(SPELLED) if name not in NO_SINGLE_ID])
def test_id_and_type_as_asked_for(daemon, name):
    done = send(daemon, name, "--id", "my-id", "--type", "my.type")
    assert done.stdout == '200 {"received":true}  id my-id\n', done.stdout + done.stderr
    assert [line["type"] for line in delivered(daemon, name) if line["id"] == "my-id"] == ["my.type"]
    again = send(daemon, name, "--id", "my-id", "--type", "my.type")
    assert again.stdout == '200 {"received":true,"duplicate":true}  id my-id\n', again.stdout
    numbered = send(daemon, name, "--id", "many", "--count", 2)
    assert [line.split("  id ")[1] for line in numbered.stdout.splitlines()] == ["many-1", "many-2"]


@pytest.mark.parametrize("name", list(NO_SINGLE_ID))
def test_an_id_that_can_not_be_chosen(daemon, name):
    done = send(daemon, name, "--id", "x")
    assert done.returncode == 2 and NO_SINGLE_ID[name] in done.stderr, done.stderr


def test_a_type_that_can_not_be_chosen(daemon):
    done = send(daemon, "cryptopay-callback", "--type", "x")
    assert done.returncode == 2 and "--type can't be used" in done.stderr and "/type and /event" in done.stderr


def test_data_gets_the_id_and_type_that_are_asked_for(daemon, tmp_path):
    (tmp_path / "data.json").write_text('{ "type": "old", "é": 1.50 }')
    done = send(daemon, "stripe", "--data", tmp_path / "data.json", "--id", "from-data", "--type", "new.type")
    assert done.returncode == 0, done.stderr
    assert next(line["event"] for line in delivered(daemon, "stripe") if line["id"] == "from-data") == {"id": "from-data", "type": "new.type", "é": 1.5}
    done = send(daemon, "github", "--data", "-", "--count", 3, input='{"zen":"Keep it simple."}')
    assert done.returncode == 0 and done.stdout.count('{"received":true}') == 3, done.stdout
    done = send(daemon, "stripe", "--data", "-", "--id", "x", input="no")
    assert done.returncode == 1 and "the data is not JSON" in done.stderr


@pytest.mark.parametrize(("name", "header"), [
    ("cryptopay", "content-type: application/json\n"),
    ("stripe", "content-type: application/json; charset=utf-8\n"),
    ("github", "x-github-event: push\n"),
    ("shopify", "x-shopify-topic: orders/create\n"),
    ("shopify", "x-shopify-shop-domain: shop.example\n"),
    ("standard", "webhook-id: HEADERS\n"),
])
def test_headers_as_the_sender_sets_them(daemon, name, header):
    send(daemon, name, "--id", f"headers-of-{name}")
    ((headers,),) = daemon.rows("SELECT headers FROM event WHERE external_id = ?", f"headers-of-{name}")
    assert header.replace("HEADERS", f"headers-of-{name}") in headers.decode(), headers


def test_many(daemon):
    done = send(daemon, "cryptopay", "--count", 25)
    assert done.stdout == "sent 25 of 25: 25 accepted, 0 duplicate, 0 refused\n" and done.returncode == 0, done.stdout + done.stderr


def test_a_refusal_is_told(daemon):
    done = run(GRAPNEL, "send", "-c", daemon.config, "--source", "stripe", "--url", f"http://{daemon.addresses[0]}/cryptopay", "--count", 11)
    assert done.stdout == "sent 11 of 11: 0 accepted, 0 duplicate, 11 refused\n" and done.returncode == 1
    done = run(GRAPNEL, "send", "-c", daemon.config, "--source", "stripe", "--url", f"http://{daemon.addresses[0]}/cryptopay")
    assert done.stdout.startswith("400 Webhook Error: signature verification failed") and done.returncode == 1


def test_nobody_listens(daemon):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody else gets it, and nobody listens on it
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/stripe"
        done = run(GRAPNEL, "send", "-c", daemon.config, "--source", "stripe", "--url", url, "--count", 20)
    assert done.returncode == 1
    assert f"{url}: Couldn't connect to server; is `grapnel serve` running, and does it listen there?" in done.stderr
    assert done.stdout == "sent 0 of 20: 0 accepted, 0 duplicate, 0 refused\n"


@pytest.mark.parametrize(("arguments", "reason"), [
    ([], "say with --source which one is meant: cryptopay, cryptopay-callback, stripe"),
    (["--source", "strip"], 'no source "strip"'),
    (["--source", "stripe"], "has no fixed port; say with --url where to send"),
    (["--source", "stripe", "--count", "many"], '--count is a number from 1 to 1000000, not "many"'),
    (["--source", "stripe", "--count", "0"], "--count is a number from 1"),
    (["--source", "stripe", "--url", "localhost:80"], "--url begins with http:// or https://"),
    (["--source", "stripe", "more"], "unexpected argument more"),
    (["--source"], "a value is missing for --source"),
    (["--sauce", "stripe"], "unknown option --sauce; did you mean --source?"),
    (["--source", "stripe", "other.yaml"], "the config file is named with -c other.yaml"),
    (["--source", "stripe", "--id", b"\xff"], "--id must be UTF-8"),
    (["--source", "stripe", "--type", b"a\xe4"], "--type must be UTF-8"),
])
def test_wrong_usage(daemon, arguments, reason):
    done = run(GRAPNEL, "send", "-c", daemon.config, *(os.fsdecode(argument) for argument in arguments))
    assert done.returncode == 2 and reason in done.stderr and "see `grapnel help send`" in done.stderr, done.stderr


def test_data_that_can_not_be_read(daemon):
    done = send(daemon, "stripe", "--data", "/nowhere.json")
    assert done.returncode == 1 and done.stderr == "grapnel send: /nowhere.json: No such file or directory\n"


def test_a_value_that_no_header_can_have(daemon):
    for id in ("a\r\nX-Other: b", ""):
        done = send(daemon, "github", "--id", id)
        assert done.returncode == 1 and "can't be the value of the header X-GitHub-Delivery" in done.stderr, done.stderr


def test_a_header_that_is_too_long_for_the_receiver(daemon):
    done = send(daemon, "github", "--id", "x" * 20000)
    assert done.returncode == 1 and done.stdout.startswith("431 "), done
    done = send(daemon, "github", "--id", "x" * 70000)
    assert done.returncode == 1 and "the header \"X-GitHub-Delivery: xxx" in done.stderr and "longer than 65536 bytes" in done.stderr, done


def test_what_is_sent_explains_as_ok(daemon, tmp_path):
    """The signature of a request that was sent, judged by the command that judges requests."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/headers"
        sender = subprocess.Popen([GRAPNEL, "send", "-c", daemon.config, "--source", "headers", "--url", url], stdout=subprocess.DEVNULL)
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            head = []
            while (line := stream.readline().decode().rstrip("\r\n")):
                head.append(line)
            length = next(int(line.split(": ")[1]) for line in head if line.lower().startswith("content-length"))
            (tmp_path / "body").write_bytes(stream.read(length))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert sender.wait(60) == 0
    headers = [part for line in head[1:] for part in ("--header", line)]
    done = run(GRAPNEL, "explain", "-c", daemon.config, "--source", "headers", "--body", tmp_path / "body", "--url", url, *headers)
    steps = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert done.returncode == 0, done.stdout
    assert steps["path"] == steps["content-type"] == steps["signature"] == steps["event"] == "ok"
