"""The lines of the documentation do what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import h2o
import pyarrow as pa
import pytest
from h2o.backend import H2OConnection

from h2o_gan import extension
from h2o_gan.cluster.frames import ARROW

REST = Path(extension.__file__).with_name("REST.md")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK")
def test_the_curl_lines(cluster: H2OConnection, no_leaks: set[str], tmp_path: Path) -> None:
    people = pa.table({"age": [30, None, 50], "name": ["Jana", "Petr", None]})
    ARROW.write(people.to_reader(), "people")
    lines = re.findall(r"^```sh\n(.*?)```", REST.read_text(), re.MULTILINE | re.DOTALL)
    assert len(lines) >= 4
    answers = []
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
    assert answers[-1] == '{"frame_id":{"name":"people_again"},"rows":3,"num_columns":2}'
    assert pa.ipc.open_stream((tmp_path / "people.arrow").read_bytes()).read_all() == people
    ages = pa.ipc.open_stream((tmp_path / "ages.arrow").read_bytes()).read_all()
    assert ages.to_pydict() == {"age": [30, None]}
    no_leaks |= {"people", "people_again"}
    assert h2o.get_frame("people_again").nrow == 3
