"""What `stripe`, `standardwebhooks`, `svix` and `@octokit/webhooks-methods` of the npm registry sign is accepted, anything changed is not;
and what `grapnel send` signs is accepted by them."""

import fcntl
import http.client
import json
import shutil
import subprocess
import time
import urllib.parse

import pytest

from grapnel_test import BUILD, GRAPNEL, SLOWNESS, SOURCE, Daemon, lines, run

NODE = ("package.json", "packages.mjs")

# Of each package: its preset, a secret as its users have one, and whether it signs an empty body at all.
PACKAGES = {
    "stripe": ("stripe", "whsec_stripe_secret", True),
    "standardwebhooks": ("standard", "whsec_c3RhbmRhcmQgd2ViaG9va3Mgc2VjcmV0", True),
    "svix": ("standard", "whsec_c3ZpeCBzZWNyZXQgb2YgMjQgYnl0ZXM=", True),
    "octokit": ("github", "an octokit secret", False),
}
OLD = {"stripe": "whsec_old", "standardwebhooks": "whsec_b2xk", "svix": "b2xk", "octokit": "old"}

# NAME has its events as the preset says; NAME-any takes any JSON, so that bodies without id and type can be sent too.
CONFIG = (
    "sources:\n"
    + "".join(
        f"  {name}: {{ path: /{name}, signature: {preset}, secrets: [ '{secret}', '{OLD[name]}' ] }}\n"
        f"  {name}-any: {{ path: /{name}-any, signature: {preset}, secrets: [ '{secret}' ],"
        " event: { id: { digest: body }, type: { digest: body } } }\n"
        for name, (preset, secret, _) in PACKAGES.items()
    )
    + """
plugins:
  logging: { settings: { path: events.log } }
routes:
  "*": [ logging ]
"""
)

ACCEPTED = (200, '{"received":true}')
DUPLICATE = (200, '{"received":true,"duplicate":true}')
REFUSED = (400, "Webhook Error: signature verification failed")
OFF = (400, "Webhook Error: timestamp outside the tolerance")
EMPTY = (400, "Webhook Error: the body is not JSON: the text is empty")


class Node:
    """packages.mjs, asked over HTTP."""

    def __init__(self, port):
        self.port = port

    def ask(self, path, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60 * SLOWNESS)
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def sign(self, package, body, secret=None, id="msg_1", at=None):
        asked = {"X-Secret": secret or PACKAGES[package][1], "X-Id": id, "X-Timestamp": str(at or int(time.time()))}
        status, text = self.ask(f"/{package}/sign", body, asked)
        assert status == 200, text
        return json.loads(text)

    def url(self, package, secret=None):
        secret = urllib.parse.quote(secret or PACKAGES[package][1])
        return f"http://127.0.0.1:{self.port}/{package}?secret={secret}"


@pytest.fixture(scope="module")
def node():
    folder = BUILD / "tests" / "node"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, installed = (SOURCE / "tests" / "flow" / "node" / "package.json").read_text(), folder / "installed"
        for name in NODE:
            shutil.copy(SOURCE / "tests" / "flow" / "node" / name, folder / name)
        if not installed.exists() or installed.read_text() != wanted:
            subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"],
                cwd=folder,
                check=True,
                timeout=240,
                stdout=subprocess.DEVNULL,
            )
            installed.write_text(wanted)
    with subprocess.Popen(["node", folder / "packages.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Node(int(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("packages"), CONFIG) as daemon:
        yield daemon


def post(daemon, source, body, headers):
    host, _, port = daemon.addresses[0].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("POST", f"/{source}", body, {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    text = answer.read().decode().rstrip("\n")
    connection.close()
    return answer.status, text


def body_of(id, name="Zoë ✓"):
    """As each of the four would send it; the names stand as UTF-8 and as escapes."""
    return json.dumps({"id": id, "type": "payment.succeeded", "data": {"name": name}}, ensure_ascii=False, indent=2).encode() + b"\n"


each_package = pytest.mark.parametrize("package", PACKAGES)


@each_package
def test_signed_by_the_package(daemon, node, package):
    id = f"{package}_1"
    body = body_of(id)
    headers = node.sign(package, body, id=id)
    assert post(daemon, package, body, headers) == ACCEPTED
    assert post(daemon, package, body, headers) == DUPLICATE
    assert post(daemon, package, body, node.sign(package, body, id=id, secret=OLD[package])) == DUPLICATE
    daemon.drained()
    assert [line["event"] for line in lines(daemon.folder / "events.log") if line["id"] == id] == [json.loads(body)]


@each_package
def test_what_was_changed_is_refused(daemon, node, package):
    id = f"{package}_changed"
    body = body_of(id)
    headers = node.sign(package, body, id=id)
    assert post(daemon, package, body_of(f"{package}_other"), headers) == REFUSED
    assert post(daemon, package, body[:-1], headers) == REFUSED
    assert post(daemon, package, json.dumps(json.loads(body)).encode(), headers) == REFUSED
    assert post(daemon, package, b"", headers) == REFUSED
    assert post(daemon, package, body, {}) == REFUSED
    wrong = "whsec_d3Jvbmc=" if package in ("standardwebhooks", "svix") else "wrong"
    assert post(daemon, package, body, node.sign(package, body, id=id, secret=wrong)) == REFUSED
    for name, value in headers.items():
        assert post(daemon, package, body, {k: v for k, v in headers.items() if k != name})[0] == 400
    if package in ("standardwebhooks", "svix"):
        name = next(name for name in headers if name.endswith("-id"))
        assert post(daemon, package, body, {**headers, name: "another"}) == REFUSED
    assert daemon.rows("SELECT count(*) FROM event WHERE external_id LIKE ?", f"{package}_changed%") == [(0,)]


@pytest.mark.parametrize("package", [package for package in PACKAGES if package != "octokit"])  # GitHub signs no time
def test_times(daemon, node, package):
    now = int(time.time())
    body = body_of(f"{package}_time")
    for at, answer in [(now - 400, OFF), (now + 400, OFF), (now - 200, ACCEPTED)]:
        assert post(daemon, package, body, node.sign(package, body, id=f"{package}_time", at=at)) == answer


@each_package
@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"null",
        '{"name":"Zoë ✓ 😀 \\u00e9 \\ud83d\\ude00 漢字 \u202e"}'.encode(),
        '"\u0000"'.replace("\u0000", "\\u0000").encode(),
        b' \r\n{ "spaces" : 1.10 }\r\n ',
        b'{"text":"' + "é".encode() * ((1 << 19) - 6) + b'"}' + b" ",
    ],
    ids=["empty object", "null", "unicode", "escaped zero", "white space", "1 MiB"],
)
def test_bodies(daemon, node, package, body):
    assert len(body) < 1000 or len(body) == 1 << 20
    headers = node.sign(package, body)
    assert post(daemon, f"{package}-any", body, headers) == ACCEPTED
    assert daemon.rows(
        "SELECT count(*) FROM event WHERE body = ? AND source = (SELECT number FROM name WHERE text = ?)", body, f"{package}-any"
    ) == [(1,)]


@each_package
def test_an_empty_body(daemon, node, package):
    """Its signature is right and is found so, but it is no JSON: the sender is told that, and not that the signature is wrong."""
    if PACKAGES[package][2]:
        assert post(daemon, package, b"", node.sign(package, b"")) == EMPTY
        assert post(daemon, package, b"", node.sign(package, b"x")) == REFUSED
    else:
        status, text = node.ask(f"/{package}/sign", b"", {"X-Secret": "s", "X-Id": "1", "X-Timestamp": "1"})
        assert status == 400 and "secret & payload required" in text  # so GitHub's own never sends one


def send(daemon, *options, **keywords):
    return run(GRAPNEL, "send", "-c", daemon.config, *options, **keywords)


@each_package
@pytest.mark.parametrize("size", ["small", "1 MiB"])
def test_sent_by_grapnel(daemon, node, package, size, tmp_path):
    data = tmp_path / "event.json"
    body = body_of("evt_sent")
    data.write_bytes(body if size == "small" else body_of("evt_sent", "é" * ((1 << 20) // 2 - len(body))))
    options = ["--source", package, "--data", data]
    if package != "stripe":
        options += ["--id", "msg_sent"]
    if package == "octokit":
        options += ["--type", "push"]
    result = send(daemon, *options, "--url", node.url(package))
    assert result.returncode == 0, result
    assert result.stdout.startswith("200 verified"), result.stdout
    result = send(daemon, *options, "--url", node.url(package, secret=OLD[package]))
    assert result.returncode == 1 and result.stdout.startswith("400 "), result


@each_package
def test_an_empty_body_sent_by_grapnel(daemon, node, package, tmp_path):
    """`stripe` and `octokit` refuse to look at one, however it is signed."""
    (tmp_path / "empty").touch()
    options = [] if package == "stripe" else ["--id", "msg_empty"]
    result = send(daemon, "--source", package, "--data", tmp_path / "empty", *options, "--url", node.url(package))
    words = {"stripe": "400 Error: No webhook payload was provided", "octokit": "400 TypeError: "}.get(package, "200 verified")
    assert result.stdout.startswith(words), result
    assert result.returncode == (0 if words.startswith("200") else 1)


@each_package
def test_made_up_by_grapnel(daemon, node, package):
    result = send(daemon, "--source", package, "--url", node.url(package))
    assert result.returncode == 0, result
    assert result.stdout.startswith("200 verified"), result.stdout
