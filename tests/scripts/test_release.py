"""What the release workflow asks before it publishes."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from h2o_gan import extension
from h2o_gan.version import __version__

ROOT = Path(__file__).parents[2]
FILES = ["scripts", "h2o_gan/extension", "CONTRIBUTING.md", "SECURITY.md", "notebooks"]


def check(folder):
    command = [sys.executable, ROOT / "scripts" / "release", "check", folder]
    return subprocess.run(command, capture_output=True, text=True)


def wheel(folder):
    """A wheel with this clone's jar."""
    with zipfile.ZipFile(folder / f"h2o_gan-{__version__}-py3-none-any.whl", "w") as archive:
        for name in ("h2o_gan.jar", "h2o_gan.R", "REST.md"):
            path = extension.JAR.with_name(name)
            archive.write(path, path.relative_to(ROOT).as_posix())


def sdist(folder, left_out=None):
    """An sdist with this clone's files, but one."""

    def wanted(member):
        return None if left_out is not None and member.name.endswith(left_out) else member

    with tarfile.open(folder / f"h2o_gan-{__version__}.tar.gz", "w:gz") as archive:
        for name in FILES:
            archive.add(ROOT / name, f"h2o_gan-{__version__}/{name}", filter=wanted)


def test_a_missing_file_is_named(tmp_path):
    done = check(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("release: there is no ") and ".whl" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(
    not extension.JAR.is_relative_to(ROOT) or extension.jar() is None, reason="no jar in the clone"
)
def test_whole_files_pass_and_templates_are_missed(tmp_path):
    wheel(tmp_path)
    sdist(tmp_path)
    done = check(tmp_path)
    assert done.returncode == 0, done.stderr
    sdist(tmp_path, left_out="templates")
    done = check(tmp_path)
    assert done.returncode == 1 and "has no h2o_gan/extension/templates/" in done.stderr
