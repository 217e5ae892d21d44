"""`grapnel plugin describe`: what a plugin says about itself, as text and as JSON, and how it fails."""

import json
import os
import re

import pytest

from grapnel_test import GRAPNEL, PLUGINS, TEST_PLUGINS, run

ROWS = {row["name"]: row for row in json.loads(run(GRAPNEL, "plugin", "describe", "--json", TEST_PLUGINS / "settings_all.so").stdout)["settings"]}


def test_an_installed_one_by_its_name():
    assert run(GRAPNEL, "plugin", "describe", "logging").stdout == run(GRAPNEL, "plugin", "describe", "logging.so").stdout != ""


def test_json():
    said = json.loads(run(GRAPNEL, "plugin", "describe", "logging.so", "--json").stdout)
    assert (said["name"], said["check"], said["flush"], said["abi"][:2]) == ("logging", True, True, "1.")
    assert said["settings"] == [
        {"name": "path", "kind": "text", "required": False, "default": "-", "help": "The file to append to; - is Grapnel's standard output"}
    ]
    assert os.path.samefile(said["file"], PLUGINS / "logging.so")
    assert {row["kind"] for row in ROWS.values()} == {"text", "integer", "boolean", "duration", "size", "secret"}
    assert ROWS["out"]["required"] and "default" not in ROWS["out"]


def test_text_says_the_same():
    said = run(GRAPNEL, "plugin", "describe", TEST_PLUGINS / "settings_all.so").stdout
    for name, row in ROWS.items():
        fallback = "required" if row["required"] else row["default"] or "optional"
        assert re.search(rf"^  {re.escape(name)} +{row['kind']} +{re.escape(fallback)}\n +{re.escape(row['help'])}$", said, re.M), name


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["plugin", "describe", "nowhere.so"], 1, "nowhere.so: No such file"),
        (["plugin", "describe", TEST_PLUGINS / "no_symbol.so"], 1, "grapnel_plugin_v1"),
        (["plugin", "describe", TEST_PLUGINS / "broken.so"], 1, "returned null"),
        (["plugin", "describe"], 2, "which FILE"),
        (["plugin", "describe", "a.so", "b.so"], 2, "unexpected argument b.so"),
        (["plugin"], 2, "grapnel plugin describe FILE"),
        (["plugin", "descrobe"], 2, 'did you mean "plugin describe"'),
        (["help", "plugin", "nothing"], 2, 'unknown command "plugin nothing"'),
    ],
)
def test_how_it_fails(words, code, said):
    done = run(GRAPNEL, *words, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_help():
    assert "usage: grapnel plugin describe [OPTIONS] FILE" in run(GRAPNEL, "help", "plugin", "describe").stdout
