"""JSON as RFC 8259 says, seen from outside: each text of the corpus is sent, rightly signed, to the real daemon."""

import hashlib
import hmac
import json
import time

import pytest

from grapnel_test import SLOWNESS, Daemon, Sender
from json_corpus import TEXTS

# The id and type come in headers, so that a text can be anything.
CONFIG = """
sources:
  corpus: { path: /corpus, signature: github, secrets: [ s3cret ] }
  pointers: { path: /pointers, signature: cryptopay, secrets: [ whsec_test_secret ], event: { id: /data/0/id, type: /type } }
plugins:
  logging: { settings: { path: events.log } }
routes:
  "*": [ logging ]
"""

OF_SOURCE = "SELECT external_id, body FROM event WHERE source = (SELECT number FROM name WHERE text = ?)"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("corpus"), CONFIG) as daemon:
        yield daemon


class Corpus(Sender):
    def send(self, name, text):
        digest = hmac.new(b"s3cret", text, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": name, "X-GitHub-Event": "text"}
        return self.post(text, headers)


def test_the_corpus_is_one():
    assert len(TEXTS) >= 150
    assert len({name for name, _, _ in TEXTS}) == len(TEXTS)
    assert len({text for _, _, text in TEXTS}) == len(TEXTS)  # the same again would be a duplicate, not judged


def test_python_agrees_where_it_is_strict():
    """A second opinion. Python's parser takes NaN, lone surrogates and any depth, and knows no UTF-8; it is not asked about those."""
    for name, accepted, text in TEXTS:
        if name.startswith("choice:") or b"N" in text or b"Infinity" in text or text.startswith(b"\xff\xfe"):
            continue
        try:
            json.loads(text.decode("utf-8", "strict"), parse_int=str)
            agrees = accepted
        except (ValueError, RecursionError):
            agrees = not accepted
        assert agrees, name


def test_each_text(daemon):
    sender = Corpus(daemon.addresses[0], path="/corpus")
    wrong = []
    for name, accepted, text in TEXTS:
        status, answer = sender.send(name, text)
        right = (
            (status, answer) == (200, '{"received":true}')
            if accepted
            else status == 400 and answer.startswith("Webhook Error: the body is not JSON: ")
        )
        if not right:
            wrong.append((name, status, answer))
    assert wrong == []
    daemon.drained()

    stored = dict(daemon.rows(OF_SOURCE, "corpus"))
    assert stored == {name: text for name, accepted, text in TEXTS if accepted}
    logged = {}
    for line in (daemon.folder / "events.log").read_bytes().split(b"\n")[:-1]:
        head, _, payload = line.partition(b',"event":')
        head = json.loads(head + b"}")
        if head["source"] == "corpus":
            logged[head["id"]] = payload[:-1]
    # A line of the file is one event: its README says that line breaks become blanks, and all else stays as it was sent.
    one_line = bytes.maketrans(b"\r\n", b"  ")
    assert logged == {name: text.translate(one_line) for name, accepted, text in TEXTS if accepted}


LONG = "é" * 256  # 512 bytes
POINTED = [
    ("a string", '{"type":"t","data":[{"id":"a"}]}', "a"),
    ("an integer", '{"type":"t","data":[{"id":42}]}', "42"),
    ("a negative integer", '{"type":"t","data":[{"id":-42}]}', "-42"),
    ("an integer larger than 2^64", '{"type":"t","data":[{"id":98765432109876543210}]}', "98765432109876543210"),
    ("escapes", '{"type":"t","data":[{"id":"\\u0061\\/\\ud83d\\ude00"}]}', "a/😀"),
    ("an escaped key", '{"type":"t","d\\u0061ta":[{"\\u0069d":"escaped key"}]}', "escaped key"),
    ("512 bytes", '{"type":"t","data":[{"id":"%s"}]}' % LONG, LONG),
    ("doubled keys elsewhere", '{"x":1,"x":2,"type":"t","data":[{"id":"elsewhere","y":{"id":1,"id":2}}]}', "elsewhere"),
    ("one byte too many", '{"type":"t","data":[{"id":"x%s"}]}' % LONG, None),
    ("the id's key twice", '{"type":"t","data":[{"id":"b","id":"c"}]}', None),
    ("the id's key twice with one value", '{"type":"t","data":[{"id":"b","id":"b"}]}', None),
    ("the id's key twice, once escaped", '{"type":"t","data":[{"id":"b","\\u0069d":"c"}]}', None),
    ("a key twice on the way to the id", '{"type":"t","data":[{"id":"b"}],"data":[{"id":"c"}]}', None),
    ("the type's key twice", '{"type":"t","type":"u","data":[{"id":"d"}]}', None),
    ("a fraction", '{"type":"t","data":[{"id":1.0}]}', None),
    ("an exponent", '{"type":"t","data":[{"id":1e3}]}', None),
    ("a literal", '{"type":"t","data":[{"id":true}]}', None),
    ("null", '{"type":"t","data":[{"id":null}]}', None),
    ("an object", '{"type":"t","data":[{"id":{}}]}', None),
    ("an empty string", '{"type":"t","data":[{"id":""}]}', None),
    ("a zero byte", '{"type":"t","data":[{"id":"a\\u0000b"}]}', None),
    ("a line feed", '{"type":"t","data":[{"id":"a\\nb"}]}', None),
    ("an object where an array should be", '{"type":"t","data":{"1":{"id":"e"}}}', None),
    ("nothing there", '{"type":"t","data":[]}', None),
    ("no type", '{"data":[{"id":"f"}]}', None),
    ("a number as the whole", "17", None),
    ("a string as the whole", '"/data/0/id"', None),
]


def test_where_the_id_is(daemon):
    sender = daemon.sender(path="/pointers")
    wrong = []
    for name, text, id in POINTED:
        status, answer = sender.post(text.encode())
        right = status == 200 and answer == '{"received":true}' if id else status == 400 and answer.startswith("Webhook Error: event ")
        if not right:
            wrong.append((name, status, answer))
    assert wrong == []
    assert {id for id, _ in daemon.rows(OF_SOURCE, "pointers")} == {id for _, _, id in POINTED if id}


def test_hostile_texts_cost_no_time(daemon):
    """What is deep or full of escapes is judged as quickly as a plain text of the same size, through all of HTTP."""
    sender = Corpus(daemon.addresses[0], path="/corpus")
    size = 1 << 20

    def best(name, text):
        times = []
        for i in range(5):
            start = time.monotonic()
            status, _ = sender.send(f"{name} {i}", text)
            times.append(time.monotonic() - start)
            assert status in (200, 400)
        return min(times)

    plain = best("plain", b'"' + b"x" * (size - 2) + b'"')
    assert best("escapes", b'"' + b"\\u0041" * ((size - 2) // 6) + b'"') < 5 * plain + 0.05 * SLOWNESS
    assert best("brackets", b"[" * 100_000) < 5 * plain + 0.05 * SLOWNESS
