"""Files that others could change are refused, secrets that others can read are warned of, and what the daemon makes is its user's alone."""

import os
import shutil
import stat
import subprocess

import pytest

from grapnel_test import GRAPNEL, TEST_PLUGINS, Daemon, run, wait_for

CONFIG = """
sources: { shop: { path: /webhook, signature: cryptopay, secrets: [ { file: shop.secret } ] } }
plugins: { null: { file: here/null.so } }
routes: { "*": [ null ] }
"""

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def daemon(tmp_path):
    (tmp_path / "shop.secret").write_text("whsec_of_the_shop\n")
    (tmp_path / "shop.secret").chmod(0o600)
    (tmp_path / "here").mkdir(mode=0o755)
    shutil.copy(TEST_PLUGINS / "null.so", tmp_path / "here")
    (tmp_path / "here" / "null.so").chmod(0o755)
    daemon = Daemon(tmp_path, CONFIG)
    daemon.config.chmod(0o644)
    return daemon


def check(daemon):
    return run(GRAPNEL, "check", "-c", daemon.config)


def test_what_is_ours_is_taken(daemon):
    result = check(daemon)
    assert result.returncode == 0 and result.stderr == ""


@pytest.mark.parametrize("name, place", [("grapnel.yaml", "1:1"), (".", "1:1"), ("here/null.so", "6:26"), ("here", "6:26")])
@pytest.mark.parametrize("mode", [0o666, 0o777, 0o1777, 0o775])
def test_what_others_can_write(daemon, name, place, mode):
    path = daemon.folder / name
    path.chmod(mode)
    result = check(daemon)
    sticky = path.is_dir() and mode & 0o1000
    if mode == 0o775 or sticky:  # the group is our own
        assert result.returncode == 0, result.stderr
    elif path.is_dir() and mode == 0o666 and os.geteuid() != 0:
        assert result.returncode == 1  # nobody can enter it
    else:
        says = f"every user of this machine can write to {path} (mode {mode:04o})"
        advice = f"`chmod o-w {path}`"
        assert result.returncode == 1 and f"grapnel.yaml:{place}: " in result.stderr, result.stderr
        assert says in result.stderr and advice in result.stderr, result.stderr
        serve = run(GRAPNEL, "serve", "-c", daemon.config)
        assert serve.returncode == 1 and says in serve.stderr
        subprocess.run(["sh", "-c", advice.strip("`")], check=True)
        assert check(daemon).returncode == 0 or mode == 0o666
    path.chmod(0o755)


@AS_ROOT
@pytest.mark.parametrize("name", ["grapnel.yaml", ".", "here/null.so", "here"])
def test_what_belongs_to_others(daemon, name):
    path = daemon.folder / name
    os.chown(path, 12345, 0)
    result = check(daemon)
    assert result.returncode == 1 and f"{path} belongs to user number 12345" in result.stderr, result.stderr
    assert f"`chown 0 {path}`" in result.stderr
    os.chown(path, 0, 12345)
    path.chmod(0o775)
    result = check(daemon)
    assert result.returncode == 1 and f"the group number 12345 can write to {path} (mode 0775)" in result.stderr, result.stderr
    path.chmod(0o755)
    assert check(daemon).returncode == 0


@AS_ROOT
def test_files_of_root_serve_another_user(daemon):
    """As packages install them."""
    (daemon.folder / "state").mkdir()
    os.chown(daemon.folder / "state", 12345, 12345)
    os.chown(daemon.folder / "shop.secret", 12345, 12345)
    for folder in [daemon.folder, *daemon.folder.parents]:
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    result = run(GRAPNEL, "check", "-c", daemon.config, user=12345, group=12345, extra_groups=[])
    if "Permission denied" in result.stderr and str(GRAPNEL.parent) in result.stderr:
        pytest.skip("the build can't be entered by others")
    assert result.returncode == 0, result.stderr


def test_a_link_is_judged_by_where_it_leads(daemon):
    outside = daemon.folder / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    (daemon.folder / "here" / "null.so").rename(outside / "null.so")
    (daemon.folder / "here" / "null.so").symlink_to(outside / "null.so")
    result = check(daemon)
    assert result.returncode == 1 and f"every user of this machine can write to {outside} (mode 0777)" in result.stderr, result.stderr


@pytest.mark.parametrize("mode, public", [(0o600, False), (0o640, False), (0o644, True), (0o604, True)])
def test_secrets_that_others_can_read(daemon, mode, public):
    secret = daemon.folder / "shop.secret"
    secret.chmod(mode)
    result = check(daemon)
    says = f"every user of this machine can read the file {secret} (mode {mode:04o}); `chmod o= {secret}`"
    assert result.returncode == 0 and (says in result.stderr) == public, result.stderr
    with daemon:
        assert (says in daemon.log()) == public


def test_what_the_daemon_makes(tmp_path):
    """Whatever umask it was started with."""
    config = CONFIG.replace("{ file: shop.secret }", "whsec_test_secret").replace("here/null.so", "null.so")
    daemon = Daemon(tmp_path, "admin: { listen: 127.0.0.1:0 }" + config)
    daemon.config.chmod(0o644)
    before = os.umask(0)
    try:
        daemon.launch()
    finally:
        os.umask(before)
    try:
        wait_for(lambda: "ready: listening" in daemon.log(), "ready")
        modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in (tmp_path / "state").iterdir()}
        assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
        assert set(modes) >= {"lock", "grapnel.db", "grapnel.db-wal", "grapnel.db-shm", "control.sock", "admin.token"}
        assert set(modes.values()) == {0o600}, modes
        assert run(GRAPNEL, "backup", tmp_path / "copy", "-c", daemon.config).returncode == 0
        assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    finally:
        assert daemon.stop() == 0
