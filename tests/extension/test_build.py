"""The step that compiles the cluster extension, and what there is without it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from h2o_gan import __version__, extension
from h2o_gan.extension import build

needs_jdk = pytest.mark.skipif(build.find_javac() is None, reason="needs a JDK")


@needs_jdk
def test_the_jar_is_small_and_for_java_8(tmp_path: Path) -> None:
    jar = build.build(tmp_path / "extension.jar")
    assert jar.stat().st_size < 700_000
    with zipfile.ZipFile(jar) as archive:
        classes = [name for name in archive.namelist() if name.endswith(".class")]
        assert classes
        for name in classes:
            assert archive.read(name)[6:8] == b"\0\x34", f"{name} is not Java 8 bytecode"
            assert name.startswith("hex/gan/")
        manifest = archive.read("META-INF/MANIFEST.MF").decode()
    assert f"Implementation-Version: {__version__}\r\n" in manifest


@needs_jdk
def test_the_same_sources_make_the_same_jar(tmp_path: Path) -> None:
    first = build.build(tmp_path / "first.jar").read_bytes()
    assert build.build(tmp_path / "second.jar").read_bytes() == first
    assert build.is_current(tmp_path / "first.jar")
    assert not build.is_current(tmp_path / "third.jar")
    (tmp_path / "first.jar").write_bytes(first[:1000])
    assert not build.is_current(tmp_path / "first.jar")


def test_without_a_jdk_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(build.BuildError, match="install a JDK of version 8 to 21"):
        build.build(tmp_path / "extension.jar")
    assert list(tmp_path.iterdir()) == []


@needs_jdk
def test_a_source_that_does_not_compile_leaves_no_jar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(build.SOURCES, tmp_path / "src")
    (tmp_path / "src" / "Wrong.java").write_text("class Wrong { int x = nothing; }")
    monkeypatch.setattr(build, "SOURCES", tmp_path / "src")
    with pytest.raises(build.BuildError, match=re.compile("refuses:.*Wrong.java", re.DOTALL)):
        build.build(tmp_path / "extension.jar")
    assert not (tmp_path / "extension.jar").exists()


@needs_jdk
def test_a_changed_parameter_makes_another_jar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = build.build(tmp_path / "extension.jar")
    assert build.is_current(jar)
    monkeypatch.setattr(build._java.parameters.limits, "MOST_SIDE", 256)
    assert not build.is_current(jar)


def test_it_needs_nothing_of_the_package(tmp_path: Path) -> None:
    """As the package's build runs it, before anything is installed."""
    script = Path(build.__file__)
    run = subprocess.run(
        [sys.executable, "-I", "-S", str(script)],
        env={**os.environ, "PATH": str(tmp_path), "JAVA_HOME": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert extension.jar() is None or run.returncode == 0
    assert run.returncode == 0 or "install a JDK" in run.stderr
