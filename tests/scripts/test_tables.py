"""The figures of the documentation are those of the results, and a wrong one is found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "scripts" / "benchmarks"
SCRIPT = BENCHMARKS / "tables.py"
EVERY_TABLE = ["tabular", "rebalancing", "anomalies", "imputation", "adbench", "images", "frames"]


@pytest.fixture(scope="module")
def tables():
    """The script as a module."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import tables

        yield tables
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_the_documentation_has_the_results_figures():
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", EVERY_TABLE)
def test_a_table_with_another_figure_is_made_anew(tables, name):
    whole = tables.filled(f"before\n<!-- figures:{name} -->\n<!-- /figures -->\nafter\n")
    assert whole.startswith("before\n") and whole.endswith("after\n")
    assert whole.count("|") > 10
    digit = next(i for i in range(whole.index("|--"), len(whole)) if whole[i].isdigit())
    wrong = whole[:digit] + str((int(whole[digit]) + 1) % 10) + whole[digit + 1 :]
    assert tables.filled(wrong) == whole


def test_all_tables_are_tested(tables):
    assert sorted(tables.TABLES) == sorted(EVERY_TABLE)


@pytest.mark.parametrize("name", EVERY_TABLE)
def test_a_table_without_its_results_is_refused(tables, monkeypatch, tmp_path, name):
    monkeypatch.setattr(tables.record, "FOLDER", tmp_path)
    with pytest.raises(tables.Missing, match=f"figures:{name} lacks a result"):
        tables.filled(f"<!-- figures:{name} -->\n<!-- /figures -->\n")


def test_only_methods_with_all_results_are_ranked(tables, monkeypatch, tmp_path):
    monkeypatch.setattr(tables.record, "FOLDER", tmp_path)
    measures = [("h2o_gan", 1.0, 0.7), ("iterative", 2.0, 0.8), ("average", 3.0, 0.6)]
    for title in ("adult", "magic", "shoppers", "beijing"):
        figures = {m: {"out_rmse": rmse, "out_accuracy": hits} for m, rmse, hits in measures}
        if title == "magic":
            figures["missforest"] = {"out_rmse": 0.5, "out_accuracy": 0.9}  # the best, once
        result = {"measured": "today", "machine": "this", "figures": {"mcar": figures}}
        (tmp_path / f"imputation_{title}.json").write_text(json.dumps(result))
    lines = tables.imputation()
    assert "| MAGIC, mcar | 1.000 / .700 | .500 / .900 | 2.000 / .800 | 3.000 / .600 |" in lines
    assert "| **mean rank** | 1.50 | | 1.50 | 3.00 |" in lines


def test_a_number_keeps_its_decimals(tables, monkeypatch, tmp_path):
    figures = {"small": 0.9937, "large": 71_999.6, "negative": -0.25, "with.point": {"in": 2.5}}
    (tmp_path / "some.json").write_text(json.dumps({"figures": figures}))
    monkeypatch.setattr(tables.record, "FOLDER", tmp_path)
    given = ".51{small} 0{small} 12.75{small} 1,000{large} 2.5{large} -.3{negative} 1{inner}"
    wanted = ".99{small} 1{small} .99{small} 72,000{large} 71,999.6{large} -.2{negative} 2{inner}"
    names = {**{name: name for name in figures}, "inner": "with.point.in"}
    marks = {key: f"<!-- = some.{name} -->" for key, name in names.items()}
    assert tables.filled(given.format(**marks)) == wanted.format(**marks)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!-- figures:nothing -->\n<!-- /figures -->", "nothing is none of"),
        ("<!-- figures:tabular -->\n", "no end"),
        ("some<!-- = tabular_adult.h2o_gan.mle -->", "no number before it"),
        ("1<!-- = tabular_adult.h2o_gan.none -->", "names no figure"),
        ("1<!-- = no_file.h2o_gan.mle -->", "names no figure"),
        ("1<!-- = tabular_adult.h2o_gan -->", "names no figure"),
    ],
)
def test_a_place_without_a_result_is_refused(tables, text, words):
    with pytest.raises(tables.Missing, match=words):
        tables.filled(text)


@pytest.mark.parametrize(
    "path", sorted((BENCHMARKS / "results").glob("*.json")), ids=lambda p: p.stem
)
def test_a_result_says_what_and_when(path):
    result = json.loads(path.read_text())
    members = {"what", "measured", "commit", "machine", "versions", "parameters", "figures"}
    assert members <= set(result)
    assert result["figures"]
    assert result["measured"] or result["source"]
    whole = git("rev-parse", "--is-shallow-repository") == "false"  # else old commits are absent
    if whole and result["commit"]:
        assert git("cat-file", "-t", result["commit"]) == "commit"


def git(*arguments):
    """What git prints about this repository; nothing where there is none."""
    done = subprocess.run(
        ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    return done.stdout.strip()
