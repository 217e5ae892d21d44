"""README.md is true: its commands are run in its order and print what it says, its configs pass `grapnel check`, and the files, functions
and limits that the documents name are there."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(os.environ["GRAPNEL_SOURCE"])
BUILD = Path(os.environ["GRAPNEL_BUILD"])
README = (SOURCE / "README.md").read_text()
# Run for themselves by test_quickstart.py and by CI: here they must be there and explain themselves.
LONG = ["examples/quickstart.sh", "tests/run.sh"]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "core/README.md", "core/admin/README.md"]


def blocks(text):
    """(language, content) of each fenced block."""
    return [(match[1], match[2]) for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M)]


def sessions():
    """(script, what it prints or "") of each sh block; what it prints is a text block right behind it."""
    return re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", README, re.S | re.M)


def scripts():
    """Those that are to be run."""
    return [(script, printed) for script, printed in sessions() if script.strip() not in LONG]


def assert_prints(expected, output):
    """Each expected line is a line of the output, in this order; … stands for anything."""
    lines = iter(output.splitlines())
    for wanted in expected.splitlines():
        pattern = ".*".join(map(re.escape, wanted.split("…")))
        assert any(re.fullmatch(pattern, line) for line in lines), f"README.md promises\n{wanted}\nand this was printed:\n{output}"


def run(command, folder):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=200,
                          env={**{name: value for name, value in os.environ.items() if name != "GRAPNEL_CONFIG"}, "COLUMNS": "120"})


@pytest.fixture
def clone(tmp_path):
    """A folder that looks like a clone that was built."""
    for entry in SOURCE.iterdir():
        if entry.name not in ("build", "quickstart", ".git"):
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "build").mkdir()
    (tmp_path / "build/release").symlink_to(BUILD)
    yield tmp_path
    run("[ ! -d quickstart ] || examples/quickstart.sh --stop", tmp_path)
    log = tmp_path / "quickstart/grapnel.log"
    said = log.read_text() if log.exists() else ""
    assert "Sanitizer" not in said and "runtime error" not in said, said


def test_all_commands_in_their_order(clone):
    done = run("examples/quickstart.sh --build build/release", clone)
    assert done.returncode == 0, done.stdout
    promised = dict(sessions())["examples/quickstart.sh\n"]
    assert promised.startswith("== Build")
    assert_prints(promised[promised.index("== Folder"):], done.stdout)

    mark = "--- the end of a block ---"
    done = run("".join(f"{script}echo '{mark}'\n" for script, _ in scripts()), clone)
    assert done.returncode == 0, done.stdout
    outputs = done.stdout.split(mark + "\n")
    assert len(outputs) == len(scripts()) + 1
    for (_, expected), output in zip(scripts(), outputs):
        assert_prints(expected, output)


def test_the_readme_has_commands_to_run():
    assert len(scripts()) >= 5
    assert sum(expected != "" for _, expected in scripts()) >= 3


@pytest.mark.parametrize("command", LONG)
def test_the_long_commands_are_there_and_explain_themselves(command):
    assert ("sh", command + "\n") in blocks(README)
    done = run(f"{SOURCE / command} --help", "/")
    assert done.returncode == 0 and command in done.stdout, done.stdout


@pytest.mark.parametrize("config", [content for language, content in blocks(README) if language == "yaml"], ids=lambda config: "")
def test_each_config_is_good(tmp_path, config):
    (tmp_path / "shop.secret").write_text("whsec_6d79207365637265742c20796f7572\n")
    (tmp_path / "shop.secret").chmod(0o600)
    (tmp_path / "grapnel.yaml").write_text(config)
    done = run(f"'{BUILD}/bin/grapnel' check -c grapnel.yaml", tmp_path)
    assert done.returncode == 0, done.stdout
    unwanted = [line for line in done.stdout.splitlines() if " warning: " in line and "no effect" in line]
    assert not unwanted, done.stdout


def test_the_example_config_is_good(tmp_path):
    config = (SOURCE / "examples/grapnel.yaml").read_text()
    for name in re.findall(r"file: (\w+\.secret)", config):
        (tmp_path / name).write_text("whsec_6d79207365637265742c20796f7572\n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "grapnel.yaml").write_text(config)
    done = run(f"'{BUILD}/bin/grapnel' check -c grapnel.yaml", tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout == "grapnel.yaml: ok (sources: 2, plugins: 3, routes: 4)\n"


def test_the_questions_of_the_api_are_those_that_are_built():
    table = re.search(r"api_row rows\[\] = \{\n(.*?)^\};", (SOURCE / "core/admin/api.c").read_text(), re.S | re.M)[1]
    built = [f"{method} {path}SOURCE/ID" if path.endswith("/") else f"{method} {path}"
             for method, path in re.findall(r'\{ "(\w+)", "([^"]+)"', table)]
    assert len(built) >= 11
    assert re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", (SOURCE / "core/admin/README.md").read_text(), re.M) == built


def test_every_preset_is_named():
    table = (SOURCE / "core/event/signature_presets.c").read_text()
    presets = re.findall(r'^        \.name = "([\w-]+)"', table, re.M)
    assert len(presets) >= 10
    assert [name for name in presets if f"`{name}`" not in README] == []


def preset_row(block):
    """A row of the C table as README.md shows it."""
    texts = {name: re.findall(r'"([^"]*)"', values) for name, values in re.findall(r"^        \.(\w+) = (.*)$", block, re.M)}

    def places(parts):
        return " and ".join("`" + (part[7:].split("/")[0] if part.startswith("header:") else part) + "`" for part in parts)

    header, items = texts["header"][0].split("/")[0], texts["separator"][0].join(texts["items"])
    return (f"| `{texts['name'][0]}` | `{header}: {items}` | `{texts['signed_template'][0]}` | "
            f"{places(texts['event_id'])} | {places(texts['event_type'])} |")


def test_the_table_of_presets_is_the_one_that_is_built():
    table = (SOURCE / "core/event/signature_presets.c").read_text()
    rows = [preset_row(block) for block in re.findall(r'^    \{\n(        \.name = ".*?)^    \},$', table, re.M | re.S)]
    assert len(rows) >= 10
    assert "\n".join(["| --- | --- | --- | --- | --- |", *rows]) + "\n\n" in README


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    file = SOURCE / document
    text = file.read_text()
    headings = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.M)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, heading = target.partition("#")
        assert (file.parent / path).exists(), f"{document}: {target}"
        assert path or heading in headings, f"{document}: {target}"


def test_the_shape_that_is_described_is_the_one_that_is_built():
    text = re.sub(r"^```.*?^```", "", (SOURCE / "core/README.md").read_text(), flags=re.S | re.M)
    code = "\n".join(file.read_text() for file in sorted((SOURCE / "core").rglob("*.[ch]")))
    for name in re.findall(r"`([^`]+)`", text):
        if re.fullmatch(r"[\w/]+/|[\w/]+\.[ch]", name):
            found = (SOURCE / "core" / name).exists() or list((SOURCE / "core").rglob(name.rstrip("/")))
        elif re.fullmatch(r"[a-z]+_\w+|[A-Z]+_[A-Z_]+", name):
            found = re.search(rf"\b{name}\b", code)
        elif re.fullmatch(r"struct \w+", name):
            found = re.search(rf"\b{name} \{{", code)
        else:
            continue
        assert found, f"core/README.md names {name}, which is not there"


def test_contributing_names_the_presets():
    presets = json.loads((SOURCE / "CMakePresets.json").read_text())["configurePresets"]
    names = [preset["name"] for preset in presets if not preset.get("hidden")]
    assert re.findall(r"^\| `(\w+)` \| ", (SOURCE / "CONTRIBUTING.md").read_text(), re.M)[:len(names)] == [
        "dev", "clang", "release", "asan", "tsan", "fuzz"]
    assert set(names) == {"dev", "clang", "release", "asan", "tsan", "fuzz"}
