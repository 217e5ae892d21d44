"""email.so: its mails are what was meant, and what becomes of them when the server does not do its part."""

import email
import email.policy
import email.utils
import json
import os
import re
import time

import pytest
from aiosmtpd.smtp import SMTP

from grapnel_test import GRAPNEL, SOURCE, Daemon, event, run, wait_for
from mail_server import DEADLINE, PASSWORD, USER, Greeter, MailServer, bound_socket, certificate
from test_delivery import ATTEMPTS, FAIL, dead

SUBJECT = "Bestellung für Zoë ✓"
TEXT = """Hallo {{/data/object/name}} 🎉,

.a line that begins with a dot
..and with two
From the start, trailing blanks \t
=3D is no escape; a very long line: %s

{{/data/object/amount | money /data/object/currency}} — danke!
""" % ("äöü€😀 " * 60)
HTML = "<p>Hallo {{/data/object/name}} 🎉</p>\n<p>{{/data/object/amount | money \"JPY\"}}</p>"
MINIMAL = {"from": "shop@example.com", "to": "{{/data/object/email}}", "subject": "s {{id}}", "text": "t {{id}}"}
ONCE = "retry: { first: 50ms, factor: 1, jitter: 0%, attempts: 1 }"
TWICE = "retry: { first: 50ms, factor: 1, jitter: 0%, attempts: 2 }"


def config(settings, options=TWICE, log="debug"):
    """JSON is YAML too."""
    return f"""
log: {{ level: {log} }}
sources:
  cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }}
plugins:
  email:
    file: email.so
    {options}
    settings: {json.dumps(settings, ensure_ascii=False)}
routes:
  "*": [ email ]
"""


def by(server, settings=MINIMAL, host="127.0.0.1", scheme="smtp", **more):
    return {**settings, "smtp_url": f"{scheme}://{host}:{server.port}", **more}


def parse(mail):
    """Strictly: any defect is an exception. What the parser finds only when a header is looked at, too."""
    message = email.message_from_bytes(mail, policy=email.policy.strict)
    for part in message.walk():
        assert not part.defects
        for name, value in part.items():
            assert not value.defects, (name, value)
    return message


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("certificate"))


# ---- what arrives ----


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mails_arrive_as_they_were_meant(tmp_path, tls, scheme):
    settings = {
        "from": "Zoë's Läden <shop@example.com>",
        "reply_to": "help@example.com",
        "to": "{{/data/object/name}} <{{/data/object/email}}>, second@example.net",
        "cc": ["\"Copy, Inc.\" <copy@example.net>"],
        "bcc": ["hidden@example.net", "second@example.net"],
        "subject": SUBJECT,
        "text": TEXT,
        "html": HTML,
        "headers": {"X-Order": "{{id}} für {{/data/object/name}}", "X-None": "{{/nothing | default \"\"}}"},
        "starttls": "required",
        "user": USER,
        "password": PASSWORD,
        "ca_file": str(tls[0]),
    }
    secure = {"tls": tls} if scheme == "smtp" else {"smtps": tls}
    with MailServer(auth=scheme == "smtp", **secure) as server:
        if scheme == "smtps":  # aiosmtpd offers AUTH after STARTTLS only
            del settings["user"], settings["password"]
        with Daemon(tmp_path, config(by(server, settings, "localhost", scheme), ONCE)) as daemon:
            name = 'Zoë "Zo" <b>, & Söhne'
            daemon.sender().accepted(event("e1", name=name, email="zoe@example.org", amount=123456, currency="eur"))
            daemon.drained()
            assert PASSWORD not in daemon.log() and "taken" in daemon.log()
    ((sender, recipients, raw),) = server.mails
    assert server.logins == (scheme == "smtp")
    assert sender == "shop@example.com"
    assert recipients == ["zoe@example.org", "second@example.net", "copy@example.net", "hidden@example.net"]
    assert raw.isascii() and raw.endswith(b"\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    message = parse(raw)
    assert message["subject"] == SUBJECT
    assert message["from"].addresses[0].display_name == "Zoë's Läden"
    assert [(a.display_name, a.addr_spec) for a in message["to"].addresses] == [
        (name, "zoe@example.org"), ("", "second@example.net")
    ]
    assert [(a.display_name, a.addr_spec) for a in message["cc"].addresses] == [("Copy, Inc.", "copy@example.net")]
    assert str(message["reply-to"]) == "help@example.com"
    assert message["x-order"] == f"e1 für {name}"
    assert message["auto-submitted"] == "auto-generated"
    assert b"hidden" not in raw and "x-none" not in message
    assert re.fullmatch(r"<[0-9a-f]+@example\.com>", message["message-id"])
    assert abs(email.utils.parsedate_to_datetime(message["date"]).timestamp() - time.time()) < 600
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    expected = TEXT.replace("{{/data/object/name}}", name)
    expected = expected.replace("{{/data/object/amount | money /data/object/currency}}", "1234.56 EUR")
    assert text.get_payload(decode=True).decode() == expected.replace("\n", "\r\n")
    assert html.get_payload(decode=True).decode() == (
        "<p>Hallo Zoë &quot;Zo&quot; &lt;b&gt;, &amp; Söhne 🎉</p>\r\n<p>123456 JPY</p>\r\n"
    )


@pytest.mark.parametrize("body", ["text", "html"])
def test_one_body_is_no_multipart(tmp_path, body):
    settings = {"from": "a@b", "to": "c@d", "subject": "x" * 300 + " ü", body: "nur das, ✓"}
    with MailServer() as server:
        with Daemon(tmp_path, config(by(server, settings))) as daemon:
            daemon.sender().accepted(event("e1"))
            daemon.drained()
    message = parse(server.mails[0][2])
    assert message["subject"] == "x" * 300 + " ü"
    assert message.get_content_type() == {"text": "text/plain", "html": "text/html"}[body]
    assert message.get_content() == "nur das, ✓\r\n"


def test_templates_by_type(tmp_path):
    settings = {**MINIMAL, "templates": {"order.*": {"subject": "order", "to": ["x@example.com", "{{/data/object/email}}"]},
                                         "*.late": {"text": "late", "cc": "copy@example.com"}}}
    del settings["text"]
    with MailServer() as server:
        with Daemon(tmp_path, config({**by(server, settings), "html": "{{type}}"})) as daemon:
            for n, type in enumerate(["order.paid", "order.late", "paid.late", "paid"]):
                daemon.sender().accepted(event(f"e{n}", type, email=f"e{n}@example.com"))
            daemon.drained()
            assert not dead(daemon)
    mails = {recipients[-1]: (recipients, parse(raw)) for _, recipients, raw in server.mails}
    assert mails["e0@example.com"][0] == mails["e1@example.com"][0][:1] + ["e0@example.com"] == ["x@example.com", "e0@example.com"]
    assert [mails[f"e{n}@example.com"][1]["subject"] for n in (0, 1, 3)] == ["order", "order", "s e3"]
    recipients, late = mails["copy@example.com"]
    assert recipients == ["e2@example.com", "copy@example.com"]
    assert (late["subject"], late.get_content_type(), late.get_content()) == ("s e2", "text/plain", "late\r\n")
    assert len({message["message-id"] for _, message in mails.values()}) == 4


def test_the_connection_is_kept(tmp_path, tls):
    options = {"starttls": "required", "ca_file": str(tls[0]), "user": USER, "password": PASSWORD}
    with MailServer(tls=tls, auth=True) as server:
        with Daemon(tmp_path, config(by(server, host="localhost", **options))) as daemon:
            for n in range(20):
                daemon.sender().accepted(event(f"e{n}", email="zoe@example.org"))
            daemon.drained()
    assert (len(server.mails), server.connections, server.logins) == (20, 1, 1)


@pytest.mark.parametrize("how", ["close", "421"])
def test_a_kept_connection_that_the_server_closes_is_made_anew(tmp_path, how):
    with MailServer() as server:
        if how == "421":  # as servers do that take so many mails in one connection
            taken = iter(range(100))
            server.replies["MAIL"] = lambda: "421 4.7.0 enough" if next(taken) % 3 == 2 else "250 OK"
        else:
            taken = iter(range(100))
            server.replies["MAIL"] = lambda: "drop" if next(taken) % 3 == 2 else "250 OK"
        with Daemon(tmp_path, config(by(server), ONCE)) as daemon:
            for n in range(10):
                daemon.sender().accepted(event(f"e{n}", email="zoe@example.org"))
            daemon.drained()
            assert not dead(daemon)
    assert len(server.mails) == 10 and server.connections > 3


# ---- what becomes of it ----

REFUSALS = {
    # reply to: (reply, reason, attempts, words)
    "421 to RCPT": ("zoe@example.org", "421 4.3.2 shutting down", ATTEMPTS, 'RCPT TO:<zoe@example.org>: the server says "421 4.3.2'),
    "451 to RCPT": ("zoe@example.org", "451 4.7.1 greylisted", ATTEMPTS, '"451 4.7.1 greylisted"'),
    "550 to RCPT": ("zoe@example.org", "550 5.1.1 No such user here", FAIL,
                    'RCPT TO:<zoe@example.org>: the server says "550 5.1.1 No such user here"'),
    "550 in two lines": ("zoe@example.org", "550-5.7.1 first\r\n550 5.7.1 second", FAIL, '"550-5.7.1 first 5.7.1 second"'),
    "550 to the second": ("copy@example.org", "550 5.1.1 unknown", FAIL, 'RCPT TO:<copy@example.org>: the server says "550'),
    "552 to MAIL": ("MAIL", "552 5.3.4 too large", FAIL, 'MAIL FROM:<shop@example.com>'),
    "452 to MAIL": ("MAIL", "452 4.3.1 disk full", ATTEMPTS, '"452 4.3.1 disk full"'),
    "554 to the mail": ("DATA", "554 5.7.1 spam", FAIL, 'the mail itself: the server says "554 5.7.1 spam"'),
    "450 to the mail": ("DATA", "450 4.7.1 later", ATTEMPTS, '"450 4.7.1 later"'),
    "hangs after DATA": ("DATA", "hang", ATTEMPTS, "the mail itself: "),
    "drops after DATA": ("DATA", "drop", ATTEMPTS, "the mail itself:"),
    "drops at RCPT": ("zoe@example.org", "drop", ATTEMPTS, "RCPT TO:<zoe@example.org>:"),
    "hangs at RCPT": ("zoe@example.org", "hang", ATTEMPTS, "RCPT TO:<zoe@example.org>: Operation timed out"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusals(tmp_path, refusal):
    to, reply, reason, words = REFUSALS[refusal]
    settings = {**MINIMAL, "cc": "{{/data/object/copy | default \"\"}}"}
    options = f"deadline: {DEADLINE}s\n    {TWICE}"
    with MailServer() as server:
        with Daemon(tmp_path, config(by(server, settings), options)) as daemon:
            server.replies[to] = reply
            daemon.sender().accepted(event("bad", email="zoe@example.org", copy="copy@example.org"))
            daemon.drained()
            ((id, (why, attempts, crashes, detail)),) = dead(daemon).items()
            assert (why, attempts, crashes) == (reason, 2 if reason == ATTEMPTS else 1, 0), detail
            assert words in detail
            assert server.mails == []
            del server.replies[to]
            daemon.sender().accepted(event("good", email="zoe@example.org"))
            daemon.drained()
            assert [recipients for _, recipients, _ in server.mails] == [["zoe@example.org"]]


def test_a_late_answer_is_not_taken_for_one_to_the_next_mail(tmp_path):
    """libcurl would keep the connection whose answer to the whole mail did not come in time."""
    with MailServer() as server:
        with Daemon(tmp_path, config(by(server), f"deadline: {DEADLINE}s\n    {ONCE}")) as daemon:
            server.replies["DATA"] = "hang"
            daemon.sender().accepted(event("late", email="late@example.org"))
            daemon.drained()
            server.replies["DATA"] = "250 taken"
            daemon.sender().accepted(event("next", email="next@example.org"))
            daemon.drained()
            assert set(dead(daemon)) == {"late"}
    assert [recipients for _, recipients, _ in server.mails] == [["next@example.org"]]
    assert server.connections == 2


def test_a_server_that_hangs_at_quit_costs_no_time(tmp_path):
    with MailServer() as server:
        server.replies["QUIT"] = "hang"
        with Daemon(tmp_path, config(by(server), f"deadline: {DEADLINE}s\n    {ONCE}")) as daemon:
            server.replies["bad@example.org"] = "550 5.1.1 unknown"
            daemon.sender().accepted(event("bad", email="bad@example.org"))
            daemon.sender().accepted(event("good", email="good@example.org"))
            daemon.drained()
            ((id, (why, attempts, crashes, detail)),) = dead(daemon).items()
            assert (id, why, attempts, crashes) == ("bad", FAIL, 1, 0), detail
            assert daemon.stop() == 0
            assert "kill" not in daemon.log()
        wait_for(lambda: server.commands.count("QUIT") == 2, "QUIT")


def waits(daemon, words):
    """BUSY: all events wait, none was charged."""
    wait_for(lambda: "all its events wait" in daemon.log(), "the breaker to open")
    assert words in daemon.log()
    assert daemon.rows("SELECT attempts FROM delivery") == [(0,)]
    assert not dead(daemon)


def test_a_server_that_is_down_is_waited_for(tmp_path):
    with bound_socket() as bound:  # held, not listening: nobody else gets the port
        port = bound.getsockname()[1]
        options = f"breaker: {{ first: 50ms, longest: 50ms }}\n    {ONCE}"
        settings = {**MINIMAL, "smtp_url": f"smtp://127.0.0.1:{port}"}
        with Daemon(tmp_path, config(settings, options)) as daemon:
            daemon.sender().accepted(event("e1", email="zoe@example.org"))
            waits(daemon, "connecting: Failed to connect")
            bound.close()
            with MailServer(port=port) as server:
                server.take()
                daemon.drained()
                assert not dead(daemon)


def test_a_host_that_is_not_found_is_waited_for(tmp_path):
    with Daemon(tmp_path, config({**MINIMAL, "smtp_url": "smtp://mail.invalid", "starttls": "off"}, ONCE)) as daemon:
        daemon.sender().accepted(event("e1", email="zoe@example.org"))
        waits(daemon, "Could not resolve host: mail.invalid")


@pytest.mark.parametrize("greeting,busy,words", [
    (b"", True, "connecting: "),
    (b"554 5.7.1 go away\r\n", True, 'connecting: the server says "554 5.7.1 go away"'),
    (b"421 4.3.2 too busy\r\n", False, 'connecting: the server says "421 4.3.2 too busy"'),
    (b"220 welcome\r\n", False, "EHLO "),
])
def test_greetings(tmp_path, greeting, busy, words):
    with Greeter(greeting) as server:
        with Daemon(tmp_path, config(by(server), f"deadline: {DEADLINE}s\n    {ONCE}")) as daemon:
            daemon.sender().accepted(event("e1", email="zoe@example.org"))
            if busy:
                waits(daemon, words)
            else:
                daemon.drained()
                ((_, (why, attempts, _, detail)),) = dead(daemon).items()
                assert (why, attempts) == (ATTEMPTS, 1) and words in detail, detail


# ---- TLS and the password ----


@pytest.mark.parametrize("case", ["no starttls", "unknown authority", "other host", "wrong password", "no login", "no login at all"])
def test_nothing_is_sent_to_whom_it_is_not_for(tmp_path, tls, case):
    options = {"starttls": "required", "ca_file": str(tls[0]), "user": USER, "password": PASSWORD}
    server, words = MailServer(tls=tls, auth=True), ""
    if case == "no starttls":
        server, words = MailServer(), "STARTTLS"
    elif case == "unknown authority":
        del options["ca_file"]
        words = "certificate"
    elif case == "other host":
        tls = certificate(tmp_path, "other.example.com")
        server, options["ca_file"], words = MailServer(tls=tls, auth=True), str(tls[0]), "matches target host name 'localhost'"
    elif case == "wrong password":
        options["password"] = "wrong donkey"
        words = 'AUTH: the server says "535'
    elif case == "no login":
        del options["user"], options["password"]
        words = 'the server says "530'
    else:
        server, words = MailServer(), "EHLO"
        options["starttls"] = "off"
    with server:
        with Daemon(tmp_path, config(by(server, host="localhost", **options), ONCE)) as daemon:
            daemon.sender().accepted(event("e1", email="zoe@example.org"))
            waits(daemon, words)
            assert "wrong donkey" not in daemon.log() and PASSWORD not in daemon.log()
        assert server.mails == []
        assert not {"MAIL", "zoe@example.org"} & set(server.commands)


def test_auto_is_plain_on_loopback_only(tmp_path, tls):
    """A server of the own machine offers STARTTLS with a certificate that nobody vouches for, as Debian's does."""
    with MailServer() as server:
        server.tls = MailServer.context(tls)
        server.protocol = lambda: SMTP(server, tls_context=server.tls, loop=server.loop)
        with Daemon(tmp_path, config(by(server, host="localhost"))) as daemon:
            daemon.sender().accepted(event("e1", email="zoe@example.org"))
            daemon.drained()
    assert len(server.mails) == 1


# ---- Maildir ----


def test_maildir(tmp_path):
    settings = {**MINIMAL, "subject": SUBJECT, "text": TEXT, "html": HTML, "maildir": "./outbox"}
    with Daemon(tmp_path, config(settings)) as daemon:
        for n in range(3):
            daemon.sender().accepted(event(f"e{n}", name="Zoë", email=f"e{n}@example.org", amount=1, currency="kwd"))
        daemon.drained()
    box = tmp_path / "outbox"
    assert sorted(path.name for path in box.iterdir()) == ["cur", "new", "tmp"]
    assert box.stat().st_mode & 0o777 == 0o700
    assert list((box / "tmp").iterdir()) == []
    mails = [path.read_bytes() for path in (box / "new").iterdir()]
    assert len(mails) == 3 and b"\r" not in b"".join(mails)
    for path in (box / "new").iterdir():
        message = parse(path.read_bytes())
        assert message["subject"] == SUBJECT
        assert message["message-id"] == f"<{path.name.removesuffix('.grapnel')}@example.com>"
        assert "0.001 KWD" in message.get_body(("plain",)).get_content()


def test_a_maildir_that_is_gone_is_waited_for(tmp_path):
    (tmp_path / "above").mkdir()
    options = f"breaker: {{ first: 50ms, longest: 50ms }}\n    {ONCE}"
    with Daemon(tmp_path, config({**MINIMAL, "maildir": "above/outbox"}, options)) as daemon:
        for folder in ("cur", "new", "tmp", ""):
            (tmp_path / "above/outbox" / folder).rmdir()
        (tmp_path / "above").rename(tmp_path / "elsewhere")
        daemon.sender().accepted(event("e1", email="zoe@example.org"))
        waits(daemon, "does not exist: create it")
        (tmp_path / "above").mkdir()
        daemon.drained()
        assert len(list((tmp_path / "above/outbox/new").iterdir())) == 1


# ---- what check says ----


def check(folder, settings):
    path = folder / "grapnel.yaml"
    path.write_text(f"state: ./state\nplugin_path: [ {os.environ['GRAPNEL_BUILD']}/plugins ]\nlisten: [ 127.0.0.1:0 ]\n{config(settings)}")
    result = run(GRAPNEL, "check", "-c", path)
    return result.returncode, result.stdout + result.stderr


MISTAKES = {
    "no server": ({"smtp_url": None}, "`smtp_url` is missing, the mail server; or give `maildir`"),
    "both": ({"maildir": "x"}, "`smtp_url` and `maildir` exclude each other"),
    "scheme": ({"smtp_url": "http://example.com"}, "it must begin with smtp:// "),
    "no url": ({"smtp_url": "smtp://a b"}, "smtp_url: this is no address of a mail server"),
    "credentials": ({"smtp_url": "smtp://me:pass@example.com"}, "give them as `user` and `password`"),
    "starttls": ({"starttls": "yes"}, 'starttls: "yes" is neither auto, required nor off'),
    "user alone": ({"user": "me"}, "`user` without a `password`"),
    "password alone": ({"password": "x"}, "`password` without a `user`"),
    "ca_file": ({"ca_file": "missing.pem"}, "ca_file: missing.pem can't be read"),
    "timezone": ({"timezone": "Mars/Olympus"}, "timezone: there is no /usr/share/zoneinfo/Mars/Olympus"),
    "timezone path": ({"timezone": "../../etc/passwd"}, "timezone: there is no"),
    "filter": ({"text": "a\nbc {{/x | mony}}"}, 'text:2:11: unknown filter "mony"; did you mean "money"?'),
    "address": ({"to": "nobody"}, 'to:1:1: "nobody" is no address'),
    "two senders": ({"from": "a@b, c@d"}, "from: a mail is from one mailbox"),
    "no subject": ({"subject": None}, "`subject` is missing"),
    "header": ({"headers": {"Bcc": "a@b"}}, "headers/Bcc: this header is made from the settings"),
    "maildir's folder": ({"smtp_url": None, "maildir": "none/outbox"}, "maildir: none/outbox: the folder that it is to be in does not exist"),
    "maildir is a file": ({"smtp_url": None, "maildir": "grapnel.yaml"}, "maildir: grapnel.yaml is no folder"),
    "all of them": ({"text": "{{x}}", "starttls": "?", "to": "@"}, "neither auto, required nor off; to:1:1: \"@\" is no address"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_check_finds_mistakes(tmp_path, mistake):
    changes, words = MISTAKES[mistake]
    settings = {**MINIMAL, "smtp_url": "smtp://mail.example.com", **changes}
    code, said = check(tmp_path, {name: value for name, value in settings.items() if value is not None})
    assert code == 1 and words in said, said


def test_the_example_of_the_readme_is_good(tmp_path):
    readme = (SOURCE / "plugins/email/README.md").read_text()
    example = re.search(r"```yaml\n(.*?)```", readme, re.S)[1]
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails/failed.txt").write_text("failed: {{id}}\n")
    (tmp_path / "smtp.password").write_text("x\n")
    (tmp_path / "grapnel.yaml").write_text(
        f"plugin_path: [ {os.environ['GRAPNEL_BUILD']}/plugins ]\nlisten: [ 127.0.0.1:0 ]\n"
        f"sources: {{ cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ whsec_x ] }} }}\n{example}"
    )
    result = run(GRAPNEL, "check", "-c", tmp_path / "grapnel.yaml")
    assert result.returncode == 0, result.stdout + result.stderr


# ---- hostile events ----

NAMES = [
    "x\r\nBcc: evil@example.net",
    "x\nBcc: evil@example.net\n\nbody",
    "x\rSubject: other",
    "x\r\n\r\n<script>alert(1)</script>",
    "x\u0000\r\nX-Evil: 1",
    "x\u2028Bcc: evil@example.net",
    "x\u0085Bcc: evil@example.net",
    "x\u000b\u000cBcc: evil@example.net",
    "evil@example.net,",
    "<evil@example.net>",
    "\"<evil@example.net>",
    "x\" <evil@example.net>, \"y",
    "x\\",
    "\\\" <evil@example.net>",
    "(x",
    "group: evil@example.net;",
    "=?utf-8?Q?x=0D=0ABcc:_evil@example.net?=",
    "=?utf-8?B?eA0KQmNjOiBldmlsQGV4YW1wbGUubmV0?=",
    "=?utf-8?Q?=3Cevil=40example.net=3E?=",
    "{{/data/object/secret}}",
    "{{\"a\" | default \"b\"}}",
    "{{",
    "}}",
    "%s%n%x",
    "${IFS}$(id)`id`;|&",
    "'; DROP TABLE orders; --",
    "../../../../etc/passwd",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "&lt;b&gt;",
    "\r\n.\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<evil@example.net>\r\nDATA\r\nx\r\n.\r\n",
    "\n.\n",
    "\r.\r",
    "\r\n--=_boundary--\r\n",
    "Content-Type: text/html",
    "x" * 100_000,
    "ü" * 5_000,
    " " * 3_000 + "x",
    "\u202egnp.exe",
]
ADDRESSES = [
    "victim@example.org, evil@example.net",
    "victim@example.org\r\nRCPT TO:<evil@example.net>",
    "victim@example.org\nBcc: evil@example.net",
    "victim@example.org>\r\nRCPT TO:<evil@example.net",
    "victim@example.org> SIZE=1",
    "<evil@example.net>",
    "victim@example.org,evil@example.net",
    "victim@example.org;evil@example.net",
    "group:evil@example.net;",
    "\"evil@example.net,\"@example.org",
    "@example.net:victim@example.org",
    "victim@[127.0.0.1]",
    "victim@example.org\u0000evil",
    "víctim@example.org",
    "|/bin/sh",
    "a" * 300 + "@example.org",
    "victim@example.org\u2028evil@example.net",
    "=?utf-8?Q?evil=40example.net?=",
    "{{/data/object/secret}}",
    "",
]


def test_hostile_events_have_no_effect(tmp_path):
    settings = {
        "from": "{{/data/object/name}} <shop@example.com>",
        "to": "\"{{/data/object/name}}\" <{{/data/object/email}}>, {{/data/object/name}} <fixed@example.org>",
        "reply_to": "{{/data/object/name}} <shop@example.com>",
        "subject": "Thanks, {{/data/object/name}}!",
        "text": "{{/data/object/name}}\n{{/data/object/name | url}}\n.",
        "html": "<p title=\"{{/data/object/name}}\">{{/data/object/name}}</p>",
        "headers": {"X-Name": "{{/data/object/name}}"},
    }
    with MailServer() as server:
        with Daemon(tmp_path, config(by(server, settings), ONCE, log="info")) as daemon:
            sender = daemon.sender()
            for n, name in enumerate(NAMES):
                sender.accepted(event(f"name{n}", name=name, email=f"name{n}@example.org", secret="s3cr3t"))
            for n, address in enumerate(ADDRESSES):
                sender.accepted(event(f"address{n}", name="x", email=address, secret="s3cr3t"))
            daemon.drained()
            died = dead(daemon)
    nul = [f"name{n}" for n, name in enumerate(NAMES) if "\0" in name]
    assert set(died) == {f"address{n}" for n in range(len(ADDRESSES) - 1)} | set(nul), died
    assert {why for why, *_ in died.values()} == {FAIL}
    for id, (_, _, _, detail) in died.items():  # not left to the server to refuse
        assert ("is no address" if id.startswith("address") and "NUL" not in detail else "NUL") in detail, (id, detail)
    mails = {recipients[0]: (sender, recipients, raw) for sender, recipients, raw in server.mails}
    # The last address is empty: that recipient is left out.
    assert len(server.mails) == len(NAMES) - len(nul) + 1 and mails.pop("fixed@example.org")
    names = {f"name{n}@example.org": name for n, name in enumerate(NAMES)}
    for to, (sender, recipients, raw) in mails.items():
        assert (sender, recipients) == ("shop@example.com", [to, "fixed@example.org"])
        message = parse(raw)
        assert message.keys() == ["Date", "From", "Reply-To", "To", "Subject", "Message-ID", "X-Name", "Auto-Submitted",
                                  "MIME-Version", "Content-Type"]
        shown = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", names[to])
        assert message["subject"] == f"Thanks, {shown}!"
        assert [address.addr_spec for address in message["to"].addresses] == [to, "fixed@example.org"]
        assert [address.addr_spec for address in message["from"].addresses] == ["shop@example.com"]
        parts = list(message.walk())
        assert [part.get_content_type() for part in parts] == ["multipart/alternative", "text/plain", "text/html"]
        assert b"s3cr3t" not in raw
        written = parts[1].get_payload(decode=True).decode()
        assert written.startswith(re.sub("\r\n|\r|\n", "\r\n", names[to])), names[to]
        assert not re.search("<(?!/?p)", parts[2].get_payload(decode=True).decode())
        assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_readme_names_every_filter():
    table = (SOURCE / "plugins/email/filter.c").read_text()
    readme = (SOURCE / "plugins/email/README.md").read_text()
    for name in re.findall(r'^    \{ "(\w+)", \d', table, re.M):
        assert re.search(rf"\| {name}\b|`{name}`", readme), name
