"""Every notebook runs from top to bottom, in a cluster and a process of its own."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


WITHOUT_EPOCHS = re.compile(r"GANEstimator\((?!(?:[^()]|\([^()]*\))*\bepochs=)")


def shortened(source):
    """A cell whose models train for a few epochs; what full trainings give is in the notebooks."""
    source = re.sub(r"\bepochs=(\d+)", r"epochs=min(\1, 3)", source)
    source = WITHOUT_EPOCHS.sub("GANEstimator(epochs=3, ", source)
    return source.replace("GANEstimator(", "GANEstimator(discriminator_epochs=1, ")


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # a kernel shows its pictures inline
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = shortened(cell.source)
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) >= 3
