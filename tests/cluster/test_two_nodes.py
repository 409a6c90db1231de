"""A cluster of two nodes on one machine, with data on both: the tests of frames, and a training."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h2o
import numpy as np
import pyarrow as pa
import pytest
import requests
from h2o.backend import H2OConnection, H2OLocalServer
from hard_tables import assert_same, enum
from queue_calls import call, claim, finish
from workers import ended

from h2o_gan import H2OGANEstimator, extension
from h2o_gan.cluster import rest
from h2o_gan.cluster.frames import ARROW

pytestmark = pytest.mark.skipif(
    extension.jar() is None, reason="the extension is not built: needs a JDK"
)


@pytest.fixture(scope="module")
def two_nodes(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int], key_counter: list[str]
) -> Iterator[str]:
    """The address of one of the two."""
    folder = tmp_path_factory.mktemp("two_nodes")
    ports = [free_port(), free_port()]
    flat = folder / "flatfile"
    flat.write_text("".join(f"127.0.0.1:{port}\n" for port in ports))
    jars = [H2OLocalServer()._find_jar(), extension.jar(), *key_counter]
    classpath = os.pathsep.join(map(str, jars))
    nodes = []
    for port in ports:
        command = [H2OLocalServer._find_java(), "-ea", "-Xmx900m", *extension.ADD_OPENS]
        command += ["-cp", classpath, "water.H2OApp", "-ip", "127.0.0.1", "-port", str(port)]
        command += ["-name", f"two_{ports[0]}", "-flatfile", str(flat)]
        command += ["-ice_root", str(folder / str(port))]
        with (folder / f"{port}.log").open("w") as log:
            nodes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
    try:
        yield _formed(ports[0], nodes, folder)
    finally:
        for node in nodes:
            node.kill()
            node.wait()


def _formed(port: int, nodes: list[subprocess.Popen[bytes]], folder: Path) -> str:
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert all(node.poll() is None for node in nodes), (folder / f"{port}.log").read_text()
        try:
            if requests.get(f"{address}/3/Cloud", timeout=5).json()["cloud_size"] == 2:
                return address
        except (requests.RequestException, ValueError):
            pass
        time.sleep(0.3)
    pytest.fail("the nodes do not find each other: " + (folder / f"{port}.log").read_text()[-2000:])


@pytest.fixture
def connected(cluster: H2OConnection, two_nodes: str) -> Iterator[None]:
    """A connection to the two; the run's own cluster is connected again afterwards."""
    h2o.connect(url=two_nodes, strict_version_check=False, verbose=False)
    yield
    h2o.h2o.h2oconn = cluster


@pytest.mark.timeout(400)
def test_frames(two_nodes: str) -> None:
    """What is tested of frames on one node holds on two; random tables are too small for two."""
    folder = Path(__file__).parent
    files = [str(folder / "test_roundtrip.py"), str(folder / "test_frames.py")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-k", "arrow and not any_table", *files],
        env={**os.environ, "H2O_GAN_TEST_URL": two_nodes},
        cwd=folder.parent.parent,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-5000:]
    assert " passed" in run.stdout


@pytest.mark.usefixtures("connected")
def test_each_node_sends_what_it_holds() -> None:
    random = np.random.default_rng(0)
    table = pa.table(
        {
            "x": random.normal(size=800_000),
            "e": enum(random.integers(0, 3, 800_000).tolist(), ["c", "a", "b"]),
        }
    )
    frame = ARROW.write(table.to_reader(), "on_both")
    chunks = h2o.api("GET /3/FrameChunks/on_both")["chunks"]
    assert {chunk["node_idx"] for chunk in chunks} == {0, 1}
    nodes = rest.nodes()
    assert len(nodes) == 2
    starts = np.cumsum([0] + [chunk["row_count"] for chunk in chunks])
    for index, node in enumerate(nodes):
        answer = requests.get(f"{node}/3/GAN/frames/on_both.arrow?node={index}", timeout=60)
        got = pa.ipc.open_stream(answer.content).read_all()
        held = [
            table.slice(starts[i], chunk["row_count"])
            for i, chunk in enumerate(chunks)
            if chunk["node_idx"] == index
        ]
        assert_same(got, pa.concat_tables(held))
    # Through one node alone, and from both at once: the same.
    whole = requests.get(f"{nodes[1]}/3/GAN/frames/on_both.arrow", timeout=60)
    assert_same(pa.ipc.open_stream(whole.content).read_all(), table)
    assert_same(ARROW.read(frame, None).read_all(), table)
    h2o.remove("on_both")


@pytest.mark.usefixtures("connected")
def test_the_types_of_a_wide_frame_depend_on_both_nodes(no_leaks: set[str]) -> None:
    """Each value that decides a type is in the rows of one node."""
    rows, ends = 14_500, [100, 300, 2**20, 2**40, 0.5]
    columns = []
    for place in range(300):
        values = np.zeros(rows, np.float64)
        values[0 if place % 2 else -1] = ends[place // 2 % len(ends)]
        columns.append(values)
    table = pa.table({f"c{place}": values for place, values in enumerate(columns)})
    frame = ARROW.write(table.to_reader(), "wide_on_both")
    no_leaks.add("wide_on_both")
    chunks = h2o.api("GET /3/FrameChunks/wide_on_both")["chunks"]
    assert {chunk["node_idx"] for chunk in chunks} == {0, 1}
    wanted = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float64()]
    for node in rest.nodes():
        answer = requests.get(f"{node}/3/GAN/frames/wide_on_both.arrow?ints=narrow", timeout=60)
        got = pa.ipc.open_stream(answer.content).read_all()
        assert got.schema.types == [wanted[place // 2 % len(wanted)] for place in range(300)]
        assert got.cast(table.schema).equals(table)
    h2o.remove(frame)


@pytest.mark.usefixtures("connected")
def test_waiting_jobs_keep_no_node_from_encoding(no_leaks: set[str]) -> None:
    """More of them on one node than it has threads, and a frame that lives there is read."""
    table = pa.table({"x": np.random.default_rng(0).normal(size=800_000)})
    ARROW.write(table.to_reader(), "on_both")
    first, second = rest.nodes()
    wanted = {"training_frame": "on_both", "wait_for_worker_secs": 300}
    jobs = []
    for _ in range(4 * (os.cpu_count() or 1) + 2):
        answer = requests.post(f"{second}/3/ModelBuilders/gan", data=wanted, timeout=10)
        jobs.append(answer.json()["job"]["key"]["name"])
    began = time.monotonic()
    got = requests.get(f"{first}/3/GAN/frames/on_both.arrow", timeout=20)
    assert_same(pa.ipc.open_stream(got.content).read_all(), table)
    assert time.monotonic() - began < 10
    waiting = [item["state"] for item in requests.get(f"{first}/3/GAN/jobs").json()["jobs"]]
    assert waiting == ["waiting"] * len(jobs)
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(lambda job: requests.post(f"{first}/3/Jobs/{job}/cancel"), jobs))
    for job in jobs:
        assert ended(job)["status"] == "CANCELLED"
    h2o.remove("on_both")


@pytest.mark.usefixtures("connected")
def test_of_two_posts_of_one_key_one_is_refused(no_leaks: set[str]) -> None:
    """Through two nodes at the same moment; the frame that is there is the accepted one's."""
    nodes = rest.nodes()
    for _ in range(8):
        bodies = []
        for value in range(len(nodes)):
            sink = pa.BufferOutputStream()
            table = pa.table({"x": [value]})
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            bodies.append(sink.getvalue().to_pybytes())

        def post(index: int, bodies: list[bytes] = bodies) -> int:
            path = f"{nodes[index]}/3/GAN/frames/wanted_by_two.arrow"
            return requests.post(path, data=bodies[index], timeout=60).status_code

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(post, range(2)))
        assert sorted(answers) == [200, 409]
        got = requests.get(f"{nodes[0]}/3/GAN/frames/wanted_by_two.arrow", timeout=60)
        held = pa.ipc.open_stream(got.content).read_all()["x"].to_pylist()
        assert held == [answers.index(200)]
        h2o.remove("wanted_by_two")


@pytest.mark.usefixtures("connected")
def test_an_emptied_cluster_still_has_the_extension(two_nodes: str) -> None:
    """What nodes say of themselves goes with all else, and comes again."""
    h2o.remove_all()
    h2o.connect(url=two_nodes, strict_version_check=False, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rest.extension()


@pytest.mark.usefixtures("connected")
def test_training() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=140_000)
    table = pa.table({"x": x, "y": x + random.normal(size=140_000) / 10})
    frame = ARROW.write(table.to_reader(), "train_on_both")
    gan = H2OGANEstimator(seed=1, max_runtime_secs=5)
    gan.train(training_frame=frame)
    synthetic = gan.generate(1000)
    assert synthetic.types == frame.types
    assert synthetic.cor().as_data_frame().iloc[0, 1] > 0.9
    h2o.remove_all()


DATA = Path(__file__).parents[1] / "data"


def test_rows_do_not_depend_on_nodes(cluster: H2OConnection, connected: None) -> None:
    """A sample and a filled frame, bit by bit; both nodes hold rows and make some."""
    two, found = h2o.connection(), []
    few = pa.ipc.open_file(DATA / "table_rows.arrow").read_all()
    rows = few.take(pa.array(np.arange(140_000) % few.num_rows))
    for connection in (two, cluster):
        h2o.h2o.h2oconn = connection
        frame = ARROW.write(rows.to_reader(), "rows_of_nodes")
        asked = {"training_frame": frame.frame_id, "model_id": "model_of_nodes"}
        job = h2o.api("POST /3/ModelBuilders/gan", data=asked)["job"]
        item = claim(job)
        assert item is not None
        finish(item, (DATA / "table_format_3.zip").read_bytes())
        ended(job["key"]["name"])
        made = []
        for what, body in (
            ("generate", {"rows": 20_000, "seed": 1}),
            ("impute", {"frame": frame.frame_id, "seed": 1}),
        ):
            asked = {**body, "destination_frame": "made_by_nodes"}
            job = call("POST", f"models/model_of_nodes/{what}", json=asked).json()["job"]
            assert ended(job["key"]["name"])["status"] == "DONE"
            made.append(ARROW.read(h2o.get_frame("made_by_nodes"), None).read_all())
            h2o.remove("made_by_nodes")
        found.append(made)
        h2o.remove(["model_of_nodes", frame.frame_id])
    h2o.h2o.h2oconn = two
    for made, other in zip(*found, strict=True):
        assert made.combine_chunks().equals(other.combine_chunks())
    assert [table.num_rows for table in found[0]] == [20_000, 140_000]
