"""Waits for the cluster: messages, and what counts as silence."""

from __future__ import annotations

import time

import pytest
import requests
from h2o.exceptions import H2OConnectionError

from h2o_gan.cluster import patience


def test_a_long_wait_is_reported_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(patience, "REPORT_AFTER_S", 0.3)
    with patience.watched("reading a frame", 7.0) as wait:
        for _ in range(4):
            time.sleep(0.15)
            wait.touch()
        assert capsys.readouterr().err == ""
        time.sleep(1.0)
    told = capsys.readouterr().err
    assert told.count("has not answered for 0 s while reading a frame") == 1
    assert "waiting for up to 7 s" in told


def test_silence_is_told_from_a_lost_connection() -> None:
    timeout = requests.exceptions.ReadTimeout("read timed out")
    assert isinstance(patience.connection_lost("sending", timeout), patience.Silence)
    wrapped = requests.exceptions.ConnectionError("wrapped")
    wrapped.__cause__ = TimeoutError()
    assert isinstance(patience.connection_lost("sending", wrapped), patience.Silence)
    lost = patience.connection_lost("sending", ConnectionResetError("reset by peer"))
    assert type(lost) is H2OConnectionError
    assert "lost the cluster while sending: reset by peer" in str(lost)


def test_clean_up_is_short_where_the_caller_gives_up() -> None:
    assert not patience.is_giving_up()
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert patience.is_giving_up()
    try:
        try:
            raise patience.Silence("no answer")
        except patience.Silence as error:
            raise ValueError("another") from error
    except ValueError:
        assert patience.is_giving_up()
    try:
        raise ValueError("alone")
    except ValueError:
        assert not patience.is_giving_up()
