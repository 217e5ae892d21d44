"""Each plugin's README.md shows every setting with its default, as `grapnel plugin describe` does; its example passes `grapnel check`."""

import json
import re

import pytest

from grapnel_test import GRAPNEL, PLUGINS, SOURCE, run

READMES = sorted((SOURCE / "plugins").glob("*/README.md"), key=lambda path: path.parent.name)
each_plugin = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)


def test_every_plugin_has_one():
    folders = {source.parent.name for source in (SOURCE / "plugins").glob("*/*.c")}
    assert {readme.parent.name for readme in READMES} == folders


@each_plugin
def test_every_setting_is_shown(readme):
    """In the order of the table."""
    shown = re.findall(r"^\| `([^`]+)` \| (\w+) \| (`[^`]*`|required|optional) \|", readme.read_text(), re.M)
    said = json.loads(run(GRAPNEL, "plugin", "describe", "--json", PLUGINS / f"{readme.parent.name}.so").stdout)["settings"]
    assert [row[:2] for row in shown] == [(row["name"], row["kind"]) for row in said]
    for (name, _, default), row in zip(shown, said):
        if row["required"]:
            # Of a name with a star, that is meant for each entry that there is.
            assert default == "required" or (default == "optional" and "*" in name), name
        else:
            assert default == (f"`{row['default']}`" if row["default"] else "optional"), name


@each_plugin
def test_its_first_example_is_good(readme, tmp_path):
    """It is whole but for `state`, `listen` and `sources`; the files that it names are there."""
    example = re.search(r"^```yaml\n(.*?)^```$", readme.read_text(), re.S | re.M)[1]
    for name in re.findall(r"\{ file: ([\w./-]+) \}", example):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("whsec_c2VjcmV0IG9mIDI0IGJ5dGVzIGFuZCBtb3Jl\n")
    for name in re.findall(r"\./([\w.-]+)", example):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    source = "sources: { shop: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] } }"
    config = tmp_path / "grapnel.yaml"
    config.write_text(f"plugin_path: [ {PLUGINS} ]\n{source}\n{example}")
    done = run(GRAPNEL, "check", "-c", config)
    assert done.returncode == 0, done.stdout + done.stderr
