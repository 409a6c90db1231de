"""Answers of a cluster, and the patience with those that are none."""

from __future__ import annotations

import threading
import time

import pytest
from h2o.exceptions import H2OConnectionError, H2OServerError

from h2o_gan.cluster import answers
from h2o_gan.cluster.answers import Answer, Busy, Refused, insist


def test_an_answer_is_a_json_object_or_refused() -> None:
    answer = Answer(200, '{"a": {"b": 1}}', None)
    assert answer.checked("asking") is answer
    assert answer.json("asking") == {"a": {"b": 1}}
    with pytest.raises(H2OServerError, match="has no 'c'"):
        answer.json("asking")["a"]["c"]
    for text in ("[1]", "<html>", "[" * 100_000):
        with pytest.raises(Refused, match="the answer while asking is not JSON"):
            Answer(200, text, None).json("asking")


def test_a_refusal_has_the_clusters_reason() -> None:
    answer = Answer(503, '{"msg": "too many"}', 2.0)
    with pytest.raises(Refused, match=r"while asking \(HTTP 503\): too many") as caught:
        answer.checked("asking")
    assert (caught.value.status, caught.value.retry_after, caught.value.final) == (503, 2.0, False)
    assert Answer(404, "no such thing", None).message == "no such thing"


@pytest.mark.parametrize(
    ("status", "final"), [(400, True), (409, True), (408, False), (500, False)]
)
def test_only_a_clients_mistake_is_final(status: int, final: bool) -> None:
    assert Refused("no", status).final is final


def test_a_request_is_repeated_until_it_is_answered() -> None:
    tries = []

    def act() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise H2OConnectionError("gone")
        return "answer"

    assert insist(act, 30.0) == "answer"
    assert len(tries) == 3


def test_what_is_final_or_takes_too_long_is_raised() -> None:
    tries = []

    def refused() -> None:
        tries.append(1)
        raise Refused("no", 400)

    with pytest.raises(Refused):
        insist(refused, 30.0)
    assert len(tries) == 1

    def gone() -> None:
        tries.append(1)
        raise H2OConnectionError("gone")

    began = time.monotonic()
    with pytest.raises(H2OConnectionError):
        insist(gone, 0.5)
    assert time.monotonic() - began < 2
    stop = threading.Event()
    stop.set()
    tries.clear()
    with pytest.raises(H2OConnectionError):
        insist(gone, 30.0, stop)
    assert len(tries) == 2  # once more where it is stopped


def test_a_busy_cluster_is_asked_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(answers, "_BUSY_REPORT_S", 0.15)
    monkeypatch.setattr(answers, "_BUSY_S", 0.5)
    busy, full = Busy("sending rows"), Answer(503, "", 0.0)
    assert not busy.again(Answer(503, "", None))
    assert not busy.again(Answer(409, "", 1.0))
    tries = 0
    while busy.again(full):
        tries += 1
    assert 3 <= tries <= 6
    assert capsys.readouterr().err.count("no room for another transfer while sending rows") == 1
