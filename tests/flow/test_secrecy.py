"""No secret and no expected signature is ever shown: not by a log line, an answer, a command, a process, a file or a core dump.

Every secret here is random, and is looked for in each form that a program could write it in, in everything that came out.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

import pytest

from grapnel_test import BUILD, GRAPNEL, SLOWNESS, Daemon, event, run, wait_for

ON = {"Content-Type": "application/json"}


def forms(secret):
    """The ways in which a secret (bytes) might be written."""
    texts = {secret, base64.b64encode(secret), base64.urlsafe_b64encode(secret), secret.hex().encode(), secret.hex().upper().encode()}
    texts |= {urllib.parse.quote(secret, safe="").encode(), base64.b64encode(secret[1:]), base64.b64encode(secret[2:])}
    # The ends of base64 depend on what stands beside them.
    return {text.rstrip(b"=")[:-2] if len(text) > 12 else text for text in texts}


class Marked:
    """The secrets of one test, and what must not be seen anywhere."""

    def __init__(self):
        self.hidden = {}

    def hide(self, name, secret):
        for form in forms(secret):
            assert len(form) >= 10
            self.hidden[form] = name

    def text(self, name):
        """A secret that is used as it stands."""
        text = f"s3/{secrets.token_urlsafe(18)}+x"  # what may stand in YAML without quotes, and has to be escaped in a URL
        self.hide(name, text.encode())
        return text

    def key(self, name, write):
        """One that is written as base64 or hex: neither what is written nor the key may be seen."""
        key = secrets.token_bytes(24)
        text = write(key)
        self.hide(name, key)
        self.hide(name, text.encode())
        return key, text

    def seen_in(self, *outputs):
        return sorted({f"{name} as {form!r}" for output in outputs for form, name in self.hidden.items() if form in output})


def everything_in(folder, but):
    """The bytes of all files, but those of which the secrets came."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in but]


class Request:
    """A request as one source's sender signs it, and as it should be: what is expected is hidden unless it was sent."""

    def __init__(self, marked, path, key, body, header, kind="hex", template="{t}.{b}", names=("t", "v1"), hash="sha256"):
        self.path, self.body, self.header, self.kind = path, body, header, kind
        self.at = int(time.time())
        signed = template.replace("{t}", str(self.at)).encode().replace(b"{b}", body)
        digest = hmac.new(key, signed, hash).digest()
        marked.hide(f"the expected signature of {path}", digest)
        self.items = lambda digest: f"{names[0]}={self.at},{names[1]}={digest.hex() if kind == 'hex' else base64.b64encode(digest).decode()}"
        self.right, self.wrong = self.items(digest), self.items(secrets.token_bytes(len(digest)))


CONFIG = """
log: {{ level: debug, format: {format} }}
admin: {{ listen: 127.0.0.1:0, token: {{ file: hidden/admin.token }} }}
sources:
  inline: {{ path: /inline, signature: cryptopay, secrets: [ {inline} ] }}
  file: {{ path: /file, signature: stripe, secrets: [ {{ file: {file} }}, {old} ] }}
  variable: {{ path: /variable, signature: cryptopay, secrets: [ {{ env: MARKED_SECRET }} ] }}
  base64:
    path: /base64
    signature: {{ header: X-Sig, items: [ "t={{timestamp}}", "v1={{base64}}" ], signed: "{{timestamp}}.{{body}}", secret: base64 }}
    secrets: [ whsec_{base64} ]
    event: {{ id: /id, type: /type }}
  hex:
    path: /hex
    signature: {{ header: X-Sig, items: [ "t={{timestamp}}", "v1={{hex}}" ], signed: "{{timestamp}}.{{body}}", secret: hex, hash: sha512 }}
    secrets: [ {hex} ]
    event: {{ id: /id, type: /type }}
plugins:
  logging: {{ settings: {{ path: events.log }} }}
  holder:
    file: misbehave.so
    workers: 2
    retry: {{ first: 10ms, attempts: 2 }}
    settings: {{ record: record.txt, secret: {plugin} }}
routes: {{ "*": [ logging, holder ] }}
"""


@pytest.fixture
def marked():
    return Marked()


def post(daemon, path, body, headers):
    """All of the answer, as bytes."""
    host, _, port = daemon.addresses[0].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("POST", path, body, {**ON, **headers})
    answer = connection.getresponse()
    whole = f"{answer.status} {answer.reason}\n{answer.headers}".encode() + answer.read()
    connection.close()
    return answer.status, whole


def control(daemon, path):
    """What the daemon's own socket answers."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(60)
    # The name of a socket may only be short.
    folder = os.open(daemon.folder / "state", os.O_RDONLY | os.O_DIRECTORY)
    client.connect(f"/proc/self/fd/{folder}/control.sock")
    os.close(folder)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while chunk := client.recv(65536):
        answer += chunk
    client.close()
    return answer


QUESTIONS = [
    ("GET", path, None)
    for path in (
        "/ /healthz /readyz /metrics /api/status /api/refused /api/events /api/dead /api/events/inline/inline_1 /api/events/inline/inline_crash"
        " /api/events/holder/x /%s /api/events?limit=x"
    ).split()
] + [
    ("POST", path, body)
    for path in ("/api/retry", "/api/replay", "/api/discard", "/nowhere")
    for body in ('{"plugin":"holder","source":"inline","id":"inline_fail"}', '{"source":"inline","id":"inline_1"}', "{]", "")
]


def admin(daemon):
    """All that is answered over TCP to who has the token, and to who has not."""
    token = (daemon.folder / "hidden" / "admin.token").read_text().strip()
    for method, path, body in QUESTIONS:
        for shown in (token, None, token[:-1], token + "x"):
            status, headers, text = daemon.ask(path, method, body, token=shown)
            assert status < 500 and (status != 401) == (shown == token or path in ("/healthz", "/readyz")), (path, text)
            yield f"{headers}{text}".encode()


def sources_of(marked, folder, format):
    inline, old, plugin, variable = (marked.text(name) for name in ("inline", "old", "plugin", "variable"))
    from_file = marked.text("file")
    base64_key, base64_text = marked.key("base64", lambda key: base64.b64encode(key).decode())
    hex_key, hex_text = marked.key("hex", bytes.hex)
    (folder / "hidden").mkdir()
    (folder / "hidden" / "secret.txt").write_text(from_file + "\n")
    (folder / "hidden" / "admin.token").write_text(marked.text("admin's token") + "\n")
    config = CONFIG.format(
        format=format, inline=inline, old=old, file="hidden/secret.txt", plugin=plugin, base64=base64_text, hex=hex_text
    )
    keys = {
        "inline": (inline.encode(), "X-CryptoPay-Signature", {}),
        "file": (from_file.encode(), "Stripe-Signature", {}),
        "variable": (variable.encode(), "X-CryptoPay-Signature", {}),
        "base64": (base64_key, "X-Sig", {"kind": "base64"}),
        "hex": (hex_key, "X-Sig", {"hash": "sha512"}),
    }
    return config, keys, {"MARKED_SECRET": variable}


def wrong_requests(marked, name, key, header, options):
    """Each way to be refused, with the headers that are sent."""
    request = Request(marked, f"/{name}", key, event(f"{name}_wrong"), header, **options)
    old = Request(marked, f"/{name}", key, event(f"{name}_old"), header, **options)
    json_wrong = Request(marked, f"/{name}", key, b"{ no JSON", header, **options)
    no_id = Request(marked, f"/{name}", key, b'{"type":"t"}', header, **options)
    stale = old.right.replace(f"t={old.at}", f"t={old.at - 4000}")
    return [
        (request, {header: request.wrong}),
        (request, {}),
        (request, {header: ""}),
        (request, {header: "nonsense"}),
        (request, {header: request.right[: len(request.right) // 2]}),
        (request, {header: request.right.replace(f"t={request.at}", "t=soon")}),
        (old, {header: stale}),
        (json_wrong, {header: json_wrong.wrong}),
        (no_id, {header: no_id.wrong}),
        (request, {header: request.right, "Content-Type": "text/plain"}),
    ]


@pytest.mark.parametrize("format", ["text", "json"])
def test_nothing_shows_a_secret(tmp_path, marked, format):
    config, keys, environment = sources_of(marked, tmp_path, format)
    outputs = []
    with Daemon(tmp_path, config, environment=environment, plugins_crash=True) as daemon:

        def command(*arguments, **options):
            result = run(GRAPNEL, *arguments, "-c", daemon.config, env={**os.environ, **environment}, **options)
            outputs.append((result.stdout + result.stderr).encode())
            return result

        for name, (key, header, options) in keys.items():
            for body in (event(f"{name}_1"), event(f"{name}_1", other=1), event(f"{name}_crash", do="abort"), event(f"{name}_fail", do="fail")):
                request = Request(marked, f"/{name}", key, body, header, **options)
                status, answer = post(daemon, request.path, body, {header: request.right})
                assert status == 200, answer
                outputs.append(answer)
            for request, headers in wrong_requests(marked, name, key, header, options):
                status, answer = post(daemon, request.path, request.body, headers)
                assert 400 <= status < 500, answer
                outputs.append(answer)
                body = tmp_path / "body"
                body.write_bytes(request.body)
                lines = [part for field, value in headers.items() for part in ("--header", f"{field}: {value}")]
                for more in ([], ["--json"]):
                    command("explain", "--source", name, "--body", body, *lines, *more)
            assert command("send", "--source", name, "--url", f"http://{daemon.addresses[0]}/{name}").returncode == 0
            assert command("send", "--source", name, "--url", f"http://{daemon.addresses[0]}/nowhere").returncode == 1
            assert command("send", "--source", name, "--url", "http://127.0.0.1:1/").returncode == 1
        assert command("check").returncode == 0
        assert command("refused").returncode == 0
        assert command("refused", "--json").returncode == 0
        wait_for(lambda: "aborted" in daemon.log().lower() or "SIGABRT" in daemon.log(), "the crash in the log")
        outputs += [control(daemon, path) for path in ("/", "/api/refused", "/api/status", "/api/events", "/api/dead", "/metrics", "/healthz", "/%s")]
        outputs += admin(daemon)
        for pid in daemon.workers():
            for name in ("cmdline", "environ", "status", "comm"):
                try:
                    outputs.append(open(f"/proc/{pid}/{name}", "rb").read())
                except (FileNotFoundError, ProcessLookupError):
                    pass  # one that crashed meanwhile
        outputs.append(open(f"/proc/{daemon.process.pid}/cmdline", "rb").read())
        outputs += everything_in(tmp_path, ("grapnel.yaml", "secret.txt", "admin.token"))
    outputs += everything_in(tmp_path, ("grapnel.yaml", "secret.txt", "admin.token"))
    assert marked.seen_in(*outputs) == []
    # The search itself finds what it looks for.
    assert len(marked.seen_in((tmp_path / "grapnel.yaml").read_bytes())) >= 5
    assert (tmp_path / "record.txt").exists() and b"inline_crash" in (tmp_path / "record.txt").read_bytes()
    assert b"refused with 400" in b"".join(outputs)


# MARK stands for a secret. Each is a mistake, or looks like one.
MISTAKES = {
    "not base64": "sources: { a: { path: /a, signature: standard, secrets: [ MARK- ] } }",
    "not hex": 'sources: { a: { path: /a, signature: { header: X, items: [ "{hex}" ], signed: "{body}", secret: hex }, secrets: MARK } }',
    "white space": 'sources: { a: { path: /a, signature: stripe, secrets: " MARK " } }',
    "several lines": 'sources: { a: { path: /a, signature: stripe, secrets: "MARK\\nMARK\\nx" } }',
    "twice": "sources: { a: { path: /a, signature: stripe, secrets: MARK, secrets: MARK } }",
    "misspelt": "sources: { a: { path: /a, signature: stripe, secret: MARK } }",
    "too many": "sources: { a: { path: /a, signature: stripe, secrets: [" + "MARK, " * 20 + "] } }",
    "in a list": "sources: { a: { path: /a, signature: stripe, secrets: [ [ MARK ] ] } }",
    "in a map": "sources: { a: { path: /a, signature: stripe, secrets: { value: MARK } } }",
    "from nowhere": "sources: { a: { path: /a, signature: stripe, secrets: { from: MARK } } }",
    "both": "sources: { a: { path: /a, signature: stripe, secrets: { file: missing.txt, value: MARK } } }",
    "in an unknown preset": "sources: { a: { path: /a, signature: strype, secrets: MARK } }",
    "under an unknown key": "sources: { a: { path: /a, signature: stripe, secrets: x, key: MARK } }",
    "beside a mistake": "sources: { a: { path: a, signature: stripe, secrets: MARK, tolerance: long } }",
    "of an alias": "sources: { a: { path: /a, signature: stripe, secrets: *MARK } }",
    "of no alias": "sources: { a: { path: /a, signature: stripe, secrets: */MARK } }",
    "of an anchor": "sources: { a: { path: /a, signature: stripe, secrets: &MARK x } }",
    "of a tag": "sources: { a: { path: /a, signature: stripe, secrets: !MARK x } }",
    "open list": "sources:\n  a: { path: /a, signature: stripe, secrets: [ MARK\n",
    "open quote": 'sources:\n  a: { path: /a, signature: stripe, secrets: "MARK',
    "two texts": "sources: { a: { path: /a, signature: stripe, secrets: 'MARK' 'MARK' } }",
    "a colon": "sources:\n  a:\n    secrets: MARK: MARK\n",
    "at sign": "sources: { a: { path: /a, signature: stripe, secrets: @MARK } }",
    "percent": "sources: { a: { path: /a, signature: stripe, secrets: %MARK } }",
    "backtick": "sources: { a: { path: /a, signature: stripe, secrets: `MARK` } }",
    "bad escape": 'sources: { a: { path: /a, signature: stripe, secrets: "\\qMARK" } }',
    "tab": "sources:\n  a:\n\tsecrets: MARK\n",
    "a file too large": "sources: { a: { path: /a, signature: stripe, secrets: { file: large.txt } } }",
    "a file with a zero": "sources: { a: { path: /a, signature: stripe, secrets: { file: zero.txt } } }",
    "an empty variable": "sources: { a: { path: /a, signature: stripe, secrets: [ { env: EMPTY_ONE }, MARK ] } }",
    "a token": "admin: { listen: 127.0.0.1:0, token: MARK }",
    "a token with a space": 'admin: { listen: 127.0.0.1:0, token: "MARK MARK" }',
    "a token in a list": "admin: { listen: 127.0.0.1:0, token: [ MARK ] }",
    "a token beside a mistake": "admin: { listen: 0.0.0.0:0, token: MARK }",
    "a plugin's list": "plugins: { all: { file: settings_all.so, settings: { out: x, secret: [ MARK ] } } }",
    "a plugin's map": "plugins: { all: { file: settings_all.so, settings: { out: x, secret: { a: MARK } } } }",
    "a plugin's misspelt": "plugins: { all: { file: settings_all.so, settings: { out: x, secrt: MARK } } }",
    "a plugin's refusal": "plugins: { p: { file: init_fail.so, settings: { secret: MARK } } }",
    "a plugin that is not there": "plugins: { p: { file: nothing.so, settings: { secret: MARK } } }",
    "a plugin that crashes": "plugins: { p: { file: init_crash.so, settings: { secret: MARK } } }",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_about_secrets(tmp_path, marked, mistake):
    secret = "m4rked" + secrets.token_hex(12)
    marked.hide(mistake, secret.encode())
    (tmp_path / "large.txt").write_text(secret * 4000)
    (tmp_path / "zero.txt").write_bytes(secret.encode() + b"\0" + secret.encode())
    daemon = Daemon(tmp_path, MISTAKES[mistake].replace("MARK", secret))
    environment = {**os.environ, "EMPTY_ONE": ""}
    outputs = []
    for command in (["check"], ["send", "--url", "http://127.0.0.1:1/"]):
        result = run(GRAPNEL, *command, "-c", daemon.config, env=environment)
        outputs.append((result.stdout + result.stderr).encode())
    assert all(outputs), outputs
    assert marked.seen_in(*outputs, *everything_in(tmp_path, ("grapnel.yaml", "large.txt", "zero.txt"))) == [], outputs


def dumped(folder, environment=None):
    """Starts a daemon that may dump its core as far as the system goes, crashes it, and tells whether it did."""
    daemon = Daemon(folder, CONFIG_SMALL)
    with (folder / "log.txt").open("wb") as log:
        daemon.process = subprocess.Popen(
            [GRAPNEL, "serve", "-c", daemon.config],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, **(environment or {})},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2),
        )
    wait_for(lambda: "ready: " in daemon.log(), "ready")
    limits = open(f"/proc/{daemon.workers()[0]}/limits").read()
    daemon.process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(daemon.process.pid, 0)
    daemon.process.returncode = -signal.SIGABRT
    assert os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status), "Max core file size        0 " in limits, daemon.log()


CONFIG_SMALL = """
sources: { a: { path: /a, signature: stripe, secrets: whsec_test_secret } }
plugins: { logging: { settings: { path: events.log } } }
"""


def test_a_crash_leaves_no_core(tmp_path):
    core, workers_may_not, log = dumped(tmp_path)
    assert not core and workers_may_not and "GRAPNEL_CORE_DUMPS" not in log
    assert not list(tmp_path.glob("core*"))


def test_who_debugs_may_have_one(tmp_path):
    core, workers_may_not, log = dumped(tmp_path, {"GRAPNEL_CORE_DUMPS": "1"})
    for file in tmp_path.glob("core*"):
        file.unlink()  # they are large
    assert "GRAPNEL_CORE_DUMPS is set" in log
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != 0 and SLOWNESS == 1:  # sanitizers forbid them, too
        assert core and not workers_may_not


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_same_user_sees_nothing_of_the_daemon():
    """As a plugin would try: its process has the same user, and no secret."""
    user = 65534
    become = dict(user=user, group=user, extra_groups=[])
    with tempfile.TemporaryDirectory() as programs, tempfile.TemporaryDirectory() as folder:
        # Copies, as the build may lie where nobody else can go.
        for name in ("bin", "plugins"):
            shutil.copytree(BUILD / name, Path(programs, name))
        os.chmod(programs, 0o755)
        shutil.chown(folder, user, user)
        look_at_the_daemon(Path(folder), become, Path(programs, "bin", "grapnel"))


def look_at_the_daemon(tmp_path, become, grapnel):
    marked_secret = "m4rked" + secrets.token_hex(12)
    daemon = Daemon(tmp_path, CONFIG_SMALL.replace("whsec_test_secret", "{ env: MARKED_SECRET }"))
    shutil.chown(daemon.config, become["user"])
    with (tmp_path / "log.txt").open("wb") as log:
        daemon.process = subprocess.Popen(
            [grapnel, "serve", "-c", daemon.config],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, "MARKED_SECRET": marked_secret, "HOME": str(tmp_path)},
            **become,
        )
    try:
        wait_for(lambda: "ready: " in daemon.log() or daemon.process.poll() is not None, "ready")
        assert daemon.process.poll() is None, daemon.log()
        for name in ("environ", "mem", "maps", "fd"):
            command = ["/bin/ls", f"/proc/{daemon.process.pid}/fd"] if name == "fd" else ["/bin/cat", f"/proc/{daemon.process.pid}/{name}"]
            result = subprocess.run(command, capture_output=True, timeout=60, **become)
            assert result.returncode != 0 and result.stdout == b"", (name, result.stdout[:200])
        asked = run(grapnel, "refused", "-c", daemon.config, **become)  # and yet it works
        assert asked.returncode == 0, asked
    finally:
        assert daemon.stop() == 0, daemon.log()
