"""The lines of the documentation do what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import h2o
import pyarrow as pa
import pytest
from h2o.backend import H2OConnection

import h2o_gan
from h2o_gan import extension
from h2o_gan.cluster.frames import ARROW

REST = Path(extension.__file__).with_name("REST.md")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK")
def test_the_curl_lines(
    cluster: H2OConnection, no_leaks: set[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    people = pa.table({"age": [30, None, 50] * 100, "name": ["Jana", "Petr", None] * 100})
    ARROW.write(people.to_reader(), "people")
    lines = re.findall(r"^```sh\n(.*?)```", REST.read_text(), re.MULTILINE | re.DOTALL)
    assert len(lines) >= 7
    answers = []
    command = [str(Path(sys.executable).with_name("h2o-gan")), "worker", "--device", "cpu"]
    with (tmp_path / "worker.log").open("w") as log:
        worker = subprocess.Popen([*command, "--url", cluster.base_url], stderr=log)
    request.addfinalizer(worker.kill)
    for line in lines:
        run = subprocess.run(
            ["bash", "-euc", line],
            env={"H2O": cluster.base_url, "PATH": "/usr/bin:/bin:/usr/local/bin"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, f"{line}{run.stdout}{run.stderr}"
        answers.append(run.stdout)
    assert answers[3] == '{"frame_id":{"name":"people_again"},"rows":300,"num_columns":2}'
    assert pa.ipc.open_stream((tmp_path / "people.arrow").read_bytes()).read_all() == people
    ages = pa.ipc.open_stream((tmp_path / "ages.arrow").read_bytes()).read_all()
    assert ages.to_pydict() == {"age": [30, None]}
    assert h2o.get_frame("people_again").nrow == 300
    assert len(h2o_gan.load_model(tmp_path / "people_gan.zip").scoring_history()) == 20
    synthetic = pa.ipc.open_stream((tmp_path / "synthetic.arrow").read_bytes()).read_all()
    assert synthetic["age"].to_pylist() == [50] * 50
    names = ("people_gan", "checkpoint", "curled")
    assert len({(tmp_path / f"{name}.zip").read_bytes() for name in names}) == 1
    for key in ("people", "people_again", "people_gan", "synthetic", "curled", "handed_over"):
        h2o.remove(key)
