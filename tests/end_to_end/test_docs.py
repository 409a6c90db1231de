"""The code of README and documentation runs, and does what the text says."""

from __future__ import annotations

import ast
import functools
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h2o
import matplotlib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from h2o.backend import H2OConnection

import h2o_gan
from h2o_gan import extension
from h2o_gan.cluster.frames import ARROW

ROOT = Path(__file__).parents[2]
REST = Path(extension.__file__).with_name("REST.md")
PAGES = [
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md")))
    if "```python\n" in path.read_text()
]
SECONDS = 1


@pytest.fixture(scope="module")
def worker(cluster: H2OConnection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A worker of the cluster, as the pages tell readers to start one."""
    command = [str(Path(sys.executable).with_name("h2o-gan")), "worker", "--device", "cpu"]
    with (tmp_path_factory.mktemp("worker") / "worker.log").open("w") as log:
        process = subprocess.Popen([*command, "--url", cluster.base_url], stderr=log)
    yield
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder of a page, with the file that the README reads."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    age = rng.integers(18, 80, 400)
    price, quantity = rng.integers(100, 5_000, 400) / 100, rng.integers(1, 9, 400)
    columns = {
        "age": age,
        "price": price,
        "quantity": quantity,
        "total": (price * quantity).round(2),
        "city": rng.choice(["Brno", "Praha"], 400),
        "savings": np.where(rng.random(400) < 0.1, np.nan, rng.gamma(2.0, 900.0, 400).round(2)),
        "income": np.where(rng.random(400) < age / 100, ">50K", "<=50K"),
    }
    pd.DataFrame(columns).to_csv("customers.csv", index=False)


class Shortened(ast.NodeTransformer):
    """Limits trainings to :data:`SECONDS`; the pages show what a reader would use."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if ast.unparse(node.func).endswith("GANEstimator"):
            limit = ast.keyword("max_runtime_secs", ast.Constant(SECONDS))
            given = [keyword for keyword in node.keywords if keyword.arg != limit.arg]
            node.keywords = [*given, limit]
        return node


@pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK")
@pytest.mark.usefixtures("worker", "customers")
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_python_of_a_page(
    path: Path, cluster: H2OConnection, no_leaks: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    matplotlib.use("Agg")
    before = set(h2o.ls()["key"])
    # Pages start a cluster, or join the one on this machine: here it is the one of this run.
    join = functools.partial(h2o_gan.init, cluster.base_url, strict_version_check=False)
    monkeypatch.setattr(h2o_gan, "init", join)
    monkeypatch.setattr(h2o.h2o, "h2oconn", cluster)
    blocks = re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {"__name__": path.stem}
    try:
        for number, block in enumerate(blocks):
            tree = ast.fix_missing_locations(Shortened().visit(ast.parse(block)))
            exec(compile(tree, f"{path.name}, block {number + 1}", "exec"), names)
    finally:
        names.clear()
        no_leaks |= set(h2o.ls()["key"]) - before


def test_files_that_pages_name_are_there() -> None:
    """Links between pages of the site are checked when that is built."""
    found = 0
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/guides/*.md")]:
        text = page.read_text()
        named = re.findall(r"`((?:docs|h2o_gan|scripts|tests)/[\w./]+)`", text)
        if page.parent == ROOT:
            named += re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
        found += len(named)
        missing = [path for path in named if not (ROOT / path).exists()]
        assert not missing, f"{page.relative_to(ROOT)} names {missing}"
    assert found > 20


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK")
@pytest.mark.usefixtures("worker")
def test_the_curl_lines(cluster: H2OConnection, no_leaks: set[str], tmp_path: Path) -> None:
    people = pa.table({"age": [30, None, 50] * 100, "name": ["Jana", "Petr", None] * 100})
    ARROW.write(people.to_reader(), "people")
    lines = re.findall(r"^```sh\n(.*?)```", REST.read_text(), re.MULTILINE | re.DOTALL)
    assert len(lines) >= 7
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
    assert answers[3] == '{"frame_id":{"name":"people_again"},"rows":300,"num_columns":2}'
    assert pa.ipc.open_stream((tmp_path / "people.arrow").read_bytes()).read_all() == people
    ages = pa.ipc.open_stream((tmp_path / "ages.arrow").read_bytes()).read_all()
    assert ages.to_pydict() == {"age": [30, None]}
    assert h2o.get_frame("people_again").nrow == 300
    assert len(h2o_gan.load_model(tmp_path / "people_gan.zip").scoring_history()) == 20
    synthetic = pa.ipc.open_stream((tmp_path / "synthetic.arrow").read_bytes()).read_all()
    assert synthetic["age"].to_pylist() == [50] * 50
    same = pa.ipc.open_stream((tmp_path / "middle_aged.arrow").read_bytes()).read_all()
    assert same["age"].to_pylist() == [50] * 50
    names = ("people_gan", "checkpoint", "curled")
    assert len({(tmp_path / f"{name}.zip").read_bytes() for name in names}) == 1
    filled = pa.ipc.open_stream((tmp_path / "filled.arrow").read_bytes()).read_all()
    assert (filled.num_rows, filled["age"].null_count) == (50, 0)
    rated = pa.ipc.open_stream((tmp_path / "rated.arrow").read_bytes()).read_all()
    assert rated.schema.names == ["anomaly_score", "log_density"]
    assert (tmp_path / "shares.arrow").stat().st_size
    assert h2o.get_frame("rapid_rows").nrow == 20
    sources = ("people", "people_again", "people_gan", "curled", "handed_over")
    made = ("synthetic", "synthetic_again", "middle_aged", "filled", "rapid_rows", "rapid_filled")
    for key in (*sources, *made, "people_rated", "people_shares"):
        h2o.remove(key)
