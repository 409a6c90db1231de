"""Models that their cluster did not get: written as soon as the folder takes them."""

from __future__ import annotations

import io
import logging
import os
import sys
from pathlib import Path

import pytest

from h2o_gan.cluster.jobs import unsent
from h2o_gan.cluster.jobs.unsent import UnsentModels


def test_a_model_is_written_at_once_under_a_name_of_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = UnsentModels(tmp_path)
    with caplog.at_level(logging.WARNING):
        models.put("my model/1", io.BytesIO(b"first"), "it is in {path}")
        models.put("my model/1", io.BytesIO(b"second"), "it is in {path}")
    assert (tmp_path / "my_model_1.zip").read_bytes() == b"first"
    assert (tmp_path / "my_model_1-2.zip").read_bytes() == b"second"
    assert f"it is in {tmp_path / 'my_model_1.zip'}" in caplog.text
    assert sorted(os.listdir(tmp_path)) == ["my_model_1-2.zip", "my_model_1.zip"]


def test_a_model_waits_until_the_folder_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsent, "_RETRY_S", 0.0)
    folder = tmp_path / "missing"
    models = UnsentModels(folder)
    models.put("m", io.BytesIO(b"file"), "it is in {path}")
    assert "model m can't be written" in caplog.text and "it is in" not in caplog.text
    folder.mkdir()
    with caplog.at_level(logging.WARNING):
        models.retry()
        models.retry()
    assert (folder / "m.zip").read_bytes() == b"file"
    assert os.listdir(folder) == ["m.zip"]


def test_what_is_lost_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    models = UnsentModels(tmp_path / "missing")
    for index in range(unsent._MAX_WAITING + 1):
        models.put(f"m{index}", io.BytesIO(b"file"), "")
    assert "model m0 is lost" in caplog.text
    caplog.clear()
    models.retry(last=True)
    lost = [record.getMessage() for record in caplog.records if "is lost" in record.getMessage()]
    assert len(lost) == unsent._MAX_WAITING and "m1 is lost" in lost[0]


@pytest.mark.parametrize(
    ("model_id", "name"), [("..", "model"), ("../x", "_x"), ("ü" * 100, "ü" * 60), (".a", "a")]
)
def test_no_model_id_leads_out_of_the_folder(tmp_path: Path, model_id: str, name: str) -> None:
    if sys.platform == "win32" and len(name) > 20:
        pytest.skip("paths are short there")
    UnsentModels(tmp_path).put(model_id, io.BytesIO(b"file"), "")
    assert os.listdir(tmp_path) == [f"{name}.zip"]
