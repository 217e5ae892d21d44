#!/usr/bin/env python3
"""Finds secrets that are compared in a way that takes longer the more of them was guessed (ctest's core.secret_compares).

    tests/secret_compares.py FOLDER…

1. No function that ends at the first difference (memcmp, strcmp, bytes_equal …), and no == on single bytes of it, gets an argument that is
   named as a secret is named: secret, mac, signature, token and so on. bytes_equal_constant_time is what they are compared with.
2. An expected signature is made (signature_mac) only in the files of MAKES_SIGNATURES: who is new there is looked at by a person.

What is named so and is none is in HARMLESS with the reason.
"""

import re
import sys
from pathlib import Path

COMPARING = (
    "memcmp bcmp strcmp strncmp strcasecmp strncasecmp strcoll memmem strstr strcasestr "
    "bytes_equal bytes_equal_text bytes_equal_nocase pattern_matches"
).split()
SECRET = re.compile(r"(^|_)(h?macs?|secrets?|passwords?|credentials?|tokens?|bearer|digests?|signatures?|candidates?|decoded)($|_)")
CALL = re.compile(r"\b(" + "|".join(COMPARING) + r")\s*\(")
ELEMENT = re.compile(r"(\w+)\s*\[[^\]]*\]\s*[!=]=(?!=)|[!=]=\s*(\w+)\s*\[")

MAKES_SIGNATURES = {
    "event/signature_key.c": "defines it",
    "event/signature_parts.h": "declares it",
    "event/signature.c": "verifies: unit.event.constant_time watches it",
    "event/signature_sign.c": "signs, compares nothing",
}

SHAPE = "what the operator's own secret looks like, for the operator; nothing that was sent is compared with it"

# (file, name of the argument): why it is no secret
HARMLESS = {
    ("config/read_source.c", "secret"): SHAPE,
    ("event/diagnose.c", "secret"): SHAPE,
    ("event/diagnose_undo.c", "secret"): SHAPE,
    ("event/diagnose_undo.c", "secret_prefix"): SHAPE,
    ("event/locate.c", "digest_part"): "the words digest:body of the config",
}


def without_comments(text):
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def arguments(text, start):
    """What stands between the parenthesis that ends at `start` and its partner."""
    depth, at = 1, start
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return text[start : at - 1]


def findings(name, text):
    text = without_comments(text)
    line_of = lambda place: text.count("\n", 0, place) + 1
    for call in CALL.finditer(text):
        for word in re.findall(r"\w+", arguments(text, call.end())):
            if SECRET.search(word):
                yield line_of(call.start()), word, f"{call.group(1)} ends at the first difference: bytes_equal_constant_time does not"
    for element in ELEMENT.finditer(text):
        word = element.group(1) or element.group(2)
        if SECRET.search(word):
            yield line_of(element.start()), word, "compared byte by byte: bytes_equal_constant_time is for that"
    if name not in MAKES_SIGNATURES:
        for call in re.finditer(r"\bsignature_mac\b", text):
            yield line_of(call.start()), "signature_mac", "makes an expected signature in a new place; see MAKES_SIGNATURES"


def main(folders):
    wrong = 0
    for folder in map(Path, folders):
        for path in sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h", ".inl")):
            name = str(path.relative_to(folder))
            for line, word, why in findings(name, path.read_text()):
                if (name, word) not in HARMLESS:
                    print(f"{path}:{line}: {word}: {why}", file=sys.stderr)
                    wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
