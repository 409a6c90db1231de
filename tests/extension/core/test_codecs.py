"""Codecs, tokens and layouts in Java have the codes, tokens, values and errors of Python."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from codec_cases import (
    Case,
    changed_arrays,
    is_compared,
    parts_of,
    saved,
    untrained_models,
)
from hard_tables import tables
from hostile import HOSTILE, places, with_value
from probes import file_arrays, listed, listed_column, packed, unpacked
from untrained import enum, model_of

from h2o_gan import engine
from h2o_gan.engine.data.codecs.computed import ComputedCodec
from h2o_gan.engine.data.codecs.constant import ConstantCodec
from h2o_gan.engine.data.codecs.registry import CODECS
from h2o_gan.engine.data.conditions import meets
from h2o_gan.engine.data.protocol import Codec, GeneratedCodec, LearnedCodec
from h2o_gan.engine.data.tokens.members import UNSEEN, Members
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import one_of, record, text
from h2o_gan.engine.tabular.layout import RowLayout

DATA = Path(__file__).parents[2] / "data"
DAMAGED = "not a valid h2o_gan model file: "
CONDITION_ROWS = 60
# Java's parser refuses the others in any place.
PLAIN = [value for value in HOSTILE if value not in (2**63, "\ud800")]
COLUMN_ITEM = record({"codec": one_of(*CODECS)})
TOKENS_ITEM = record({"kind": text})
FROZEN = [DATA / f"{name}_format_3.zip" for name in ("table", "coordinates", "pairs", "mlp")]


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    models = [(engine.load(path), path) for path in FROZEN]
    models += untrained_models(tmp_path_factory.mktemp("models"), tables())
    return [Case.of(model, path, seed) for seed, (model, path) in enumerate(models)]


@pytest.fixture(scope="module")
def answers(cases, probe):
    request = {"models": [case.to_json() for case in cases], "changed": []}
    return probe("CodecProbe", request)["models"]


@pytest.fixture(scope="module")
def codecs(cases, answers):
    """(case, codec, its values, the relations of rows, the probe's answer) of every codec."""
    found = []
    for case, answer in zip(cases, answers, strict=True):
        for codec, part in zip(case.model.encoder.codecs, answer["codecs"], strict=True):
            if is_compared(codec):
                values = [case.table.column(column.name) for column in codec.columns]
                found.append((case, codec, values, case.related.get(codec.columns[0].name), part))
    return found


@pytest.fixture(scope="module")
def layouts(cases, answers):
    pairs = zip(cases, answers, strict=True)
    return [(case, answer) for case, answer in pairs if case.layout is not None]


def assert_values(found, expected, rounded=True):
    """Check values of a column.

    They are the same, but where a rank's last bit shows: in reals without decimals, and in whole
    numbers beyond 2**45.
    """
    expected = pa.chunked_array([expected]) if isinstance(expected, pa.Array) else expected
    ours, theirs = listed(found), listed_column(expected)
    if pa.types.is_floating(expected.type) and not rounded:
        assert [value is None for value in ours] == [value is None for value in theirs]
        pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if b is not None]
        assert all(a == b or abs(a - b) <= 1e-12 * abs(b) + 1e-14 for a, b in pairs)
    elif found["kind"] in ("int", "time"):
        pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
        assert all(a and b and abs(a - b) <= abs(b) >> 46 for a, b in pairs)
    else:
        assert ours == theirs


def decimals_of(codec, column):
    """Decimals of a column; None where its values are not rounded."""
    if codec.quantiles is not None:
        return codec.quantiles.decimals if column.kind == "real" else 0
    return codec.decimals[codec.columns.index(column)] if hasattr(codec, "decimals") else 0


def assert_decoded(found, expected, codecs):
    columns = [(codec, column) for codec in codecs for column in codec.columns]
    for values, array, (codec, column) in zip(found, expected, columns, strict=True):
        assert_values(values, array, decimals_of(codec, column) is not None)


def test_all_kinds_are_compared(cases, codecs):
    kinds = {type(codec) for _, codec, *_ in codecs}
    assert {kind.name for kind in kinds} == {
        "levels",
        "binned",
        "coordinates",
        "computed",
        "constant",
    }
    tokens = {column.kind for case in cases if case.layout for column in case.layout.columns}
    assert tokens == {"choice", "pair", "number", "cells"}
    pairs = [c for case in cases if case.layout for c in case.layout.columns if c.kind == "cells"]
    assert {len(column.tokens) for column in pairs} == {3, 4}
    assert sum(len(case.layout.dependencies) > 0 for case in cases if case.layout) > 1
    assert len(cases) > 12


def test_codes(codecs):
    for _, codec, values, related, part in codecs:
        if isinstance(codec, LearnedCodec):
            codes = codec.encode(values, related)
            assert unpacked(part["codes"], "i4").tolist() == codes.tolist(), codec.columns[0]
            assert part["mapped"] is None or part["mapped"] == part["codes"]
            assert unpacked(part["shares"], "f8").tolist() == codec.shares.tolist()


def test_log_marginals(codecs):
    for case, codec, values, related, part in codecs:
        expected = codec.log_marginal(values, case.rows, related)
        found = unpacked(part["marginals"], "f8")
        message = f"{case.path} {codec.columns[0].name}"
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=message)
        assert np.isfinite(found).all() or type(codec).log_marginal is Codec.log_marginal


def test_values_of_codes(codecs):
    for case, codec, _, _, part in codecs:
        if isinstance(codec, ConstantCodec):
            (made,) = codec.generate(5, 3, 1)
            assert listed(part["generated"]) == (
                made.to_pylist()
                if codec.column.kind != "time"
                else made.cast(pa.int64()).to_pylist()
            )
        if isinstance(codec, LearnedCodec):
            codes = case.codes[codec.columns[0].name].astype(np.int64)
            expected = codec.decode(codes, case.row_uniforms)
            for values, array in zip(part["decoded"], expected, strict=True):
                assert_values(values, array)


def test_codes_of_rows_that_are_given_in_part(codecs):
    compared = 0
    for _, codec, values, _, part in codecs:
        if isinstance(codec, LearnedCodec) and len(codec.columns) == 2:
            rows = np.arange(12)
            given = [rows % 2 == 0, rows % 3 != 0]
            expected = codec.possible([column.slice(0, 12) for column in values], given)
            for found, row in zip(part["possible"], expected, strict=True):
                np.testing.assert_allclose(unpacked(found, "f8"), row, rtol=1e-14)
                compared += 1
    assert compared > 12


def test_tokens_of_layouts(layouts):
    for case, answer in layouts:
        layout = case.layout
        for token, found in zip(layout.tokens, answer["tokens"], strict=True):
            column, size, shares, ranks, is_second = found
            assert (column, size, is_second) == (token.column, token.size, token.is_second)
            ours = np.array([unpacked(row, "f8") for row in shares])
            np.testing.assert_allclose(ours.reshape(token.shares.shape), token.shares, rtol=1e-14)
            assert bool(ranks) == (token.ranks is not None)
            if ranks:
                ours = np.array([unpacked(row, "f8") for row in ranks])
                np.testing.assert_array_equal(ours.reshape(token.ranks.shape), token.ranks)
        for index, (start, end, source, own) in enumerate(answer["spans"]):
            span = layout.spans.get(index, range(0))
            assert list(range(start, end)) == list(span) and own == index
            dependency = layout.source_of(index)
            assert source == (-1 if dependency is None else dependency.source)
        for (first, last), found in zip(case.orders, answer["orders"], strict=True):
            assert unpacked(found, "i4").tolist() == layout.order(first, last)


class _Noise:
    """Stands in for draws of torch: the ranks of numbers among their ties."""

    def __init__(self, noise):
        self.noise = noise


def test_tokens_of_codes(layouts, monkeypatch):
    for case, answer in layouts:
        layout = case.layout
        codes = []
        for codec in layout.codecs:
            values = [case.table.column(column.name) for column in codec.columns]
            codes.append(codec.encode(values, case.related.get(codec.columns[0].name)))
        codes = torch.from_numpy(np.stack(codes, 1).astype(np.int64))
        is_number = np.array([token.is_number for token in layout.tokens])
        noise = torch.from_numpy(case.noise[is_number].T.copy())
        with monkeypatch.context() as patch:
            tables = layout.tables(torch.device("cpu"))
            for name, rng in (("middle", None), ("drawn", torch.Generator())):
                if rng is not None:
                    patch.setattr(torch, "rand", lambda *args, noise=noise, **options: noise)
                values, active = (part.numpy().T for part in tables.expand(codes, rng))
                for token, found in enumerate(answer[name]):
                    ours = unpacked(found[0], "f4")
                    assert unpacked(found[1], "?").tolist() == active[token].tolist()
                    if is_number[token]:
                        np.testing.assert_allclose(ours, values[token], rtol=1e-6, atol=1e-6)
                    else:
                        assert ours.tolist() == values[token].tolist()


def test_values_of_tokens(layouts):
    for case, answer in layouts:
        expected = case.layout.decode(case.tokens.T.astype(np.float64), case.uniforms.T)
        assert_decoded(answer["decoded"], expected, case.layout.codecs)


def test_relations_of_tokens(layouts):
    compared = 0
    for case, answer in layouts:
        expected = case.layout.related(case.tokens.T.astype(np.float64))
        for codec, found in zip(case.layout.codecs, answer["related"], strict=True):
            assert (found is None) == (codec.related == 0)
            if found is not None:
                name = codec.columns[0].name
                assert unpacked(found, "i4").tolist() == expected[name].tolist()
                compared += 1
    assert compared >= 2


def constraint_of(case, codec, name, value, second):
    """What Python makes of a condition on a learned column."""
    column = case.layout.columns[case.layout.index_of(name)]
    constraint = column.constraint(name, value)
    if second is not None:
        constraint = codec.joined(constraint.combined(column.constraint(*second)))
    return constraint


def assert_masks(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            shaped = np.array([unpacked(row, "f8") for row in ours]).reshape(np.shape(theirs))
            np.testing.assert_allclose(shaped, theirs, rtol=1e-9, atol=1e-15)


def test_conditions(layouts):
    errors, met = 0, 0
    for case, answer in layouts:
        layout = case.layout
        for (name, value, second), found in zip(case.conditions, answer["conditions"], strict=True):
            codec = next(
                c for c in case.model.encoder.codecs if name in [x.name for x in c.columns]
            )
            what = f"{case.path} {name} {value!r} {second!r}"
            try:
                if isinstance(codec, GeneratedCodec):
                    codec.check_condition(name, value)
                    assert found == {}, what
                    continue
                if isinstance(codec, ComputedCodec):
                    formula = case.model.encoder.relations.always[name].formula
                    decimals = dict(formula.decimals).get(name)
                    cell = codec.given(value, case.model.encoder.range_of(name), decimals)
                    assert "error" not in found, what
                    assert (cell is None) == (found["cells"] is None), what
                    if cell is not None:
                        assert_values(found["cells"], cell)
                    continue
                expected = constraint_of(case, codec, name, value, second)
            except (TypeError, ValueError) as error:
                message = str(error)
            else:
                message = None
            assert found.get("error") == message, what
            if message is not None:
                errors += 1
                continue
            met += 1
            assert_constraint(case, layout, name, expected, found, what)
            if "meets" in found and second is None:
                column = next(c for c in codec.columns if c.name == name)
                values = case.table.column(name).combine_chunks()
                assert (
                    unpacked(found["meets"], "?").tolist() == meets(column, value, values).tolist()
                )
    assert errors > 100 and met > 100


def assert_constraint(case, layout, name, expected, found, what):
    index = layout.index_of(name)
    own, codec = layout.columns[index], layout.codecs[index]
    for part, dtype in (("codes", "?"), ("shares", "f8")):
        theirs = getattr(expected, part)
        assert (found[part] is None) == (theirs is None), what
        if theirs is not None:
            np.testing.assert_allclose(
                unpacked(found[part], dtype), theirs, rtol=1e-12, err_msg=what
            )
    assert found["missing"] == expected.missing, what
    assert found["code"] == (-1 if expected.code is None else expected.code), what
    assert found["cells"].keys() == expected.cells.keys(), what
    for key, cell in expected.cells.items():
        assert_values(found["cells"][key], cell)
    assert found["ranges"].keys() == expected.ranges.keys(), what
    for key, ends in expected.ranges.items():
        assert [listed(end)[0] for end in found["ranges"][key]] == [*ends], what
    if expected.code is None:
        assert_masks(found["masks"], own.masks(expected))
    assert_masks(found["present"], own.masks(own.present()))
    tokens, uniforms = case.tokens.T[:CONDITION_ROWS].astype(np.float64), case.uniforms.T
    if index in layout.spans:
        own_tokens, own_uniforms = tokens[:, [*layout.spans[index]]], uniforms[:, index]
        decoded = own.decode(own_tokens, own_uniforms[:CONDITION_ROWS], expected)
    else:
        before = sum(len(other.columns) for other in layout.codecs[:index])
        decoded = layout.decode(tokens, uniforms[:CONDITION_ROWS], {index: expected})
        decoded = decoded[before : before + len(codec.columns)]
    for part, column in zip(found["decoded"], codec.columns, strict=True):
        part["levels"] = column.levels
    assert_decoded(found["decoded"], decoded, [codec])


def python_reads(item, arrays, tokens, token_arrays):
    """Whether Python takes parts of a model for valid."""
    try:
        COLUMN_ITEM(item, "the column")
        CODECS[item["codec"]].json_check(item, "the column")
        codec = CODECS[item["codec"]].restore(item, arrays)
        if tokens is not None:
            TOKENS_ITEM(tokens, "the tokens")
            codec.restore_tokens(0, tokens, token_arrays)
    except Damaged:
        return False
    return True


def some(items, count, rng):
    """Some of many items."""
    items = list(items)
    return [items[i] for i in rng.permutation(len(items))[:count]]


def changes_of(part, rng):
    """Parts of a model as it is, and with one value or array changed in each."""
    item, arrays, tokens, token_arrays = part
    yield part
    for changed in some(changed_arrays(arrays, rng), 24, rng):
        yield item, changed, None, None
    for place in places(item, 2):
        for value in some(PLAIN, 6, rng):
            yield with_value(item, place, value), arrays, None, None
    if tokens is not None:
        for changed in some(changed_arrays(token_arrays, rng), 32, rng):
            yield item, arrays, tokens, changed
        for place in places(tokens):
            for value in [*some(PLAIN, 8, rng), "choice", "pair", "number", "cells"]:
                yield item, arrays, with_value(tokens, place, value), token_arrays


def test_codecs_and_tokens_that_are_not_valid_are_refused(cases, probe):
    rng = np.random.default_rng(0)
    parts = [
        change
        for case in cases[:5]
        for part in parts_of(case.model)
        if sum(len(array) for array in part[1].values()) < 2500
        for change in changes_of(part, rng)
    ]
    request = []
    for item, arrays, tokens, token_arrays in parts:
        request.append({"item": item, "arrays": file_arrays(arrays)})
        if tokens is not None:
            request[-1]["tokens"] = tokens
            request[-1]["token_arrays"] = file_arrays(token_arrays)
    verdicts = probe("CodecProbe", {"models": [], "changed": request})["changed"]
    with np.errstate(all="ignore"):
        expected = [python_reads(*part) for part in parts]
    wrong = [
        (verdict, reads, part[0], part[2])
        for verdict, reads, part in zip(verdicts, expected, parts, strict=True)
        if (verdict == "read") != reads
    ]
    assert not wrong, (len(wrong), wrong[:5])
    assert sum(expected) > 100 and len(expected) - sum(expected) > 1000
    assert all(v == "read" or v.startswith(DAMAGED) for v in verdicts)


def test_members_of_choices(probe):
    """Choices of one and several codes, beside codes without a choice."""
    rng = np.random.default_rng(3)
    choices = np.array([1, UNSEEN, 0, 1, UNSEEN, 2, 1, UNSEEN])
    shares = np.array([0.1, 0.05, 0.2, 0.15, 0.1, 0.25, 0.05, 0.1])
    members, drawn = Members(choices, shares), rng.integers(0, 3, 400)
    uniforms = np.append(rng.random(392), [0.0, 0.05, 0.15, 0.25, 0.5, 1 / 3, 2 / 3, 1 - 2**-53])
    codes = range(len(choices))
    # Some of a choice, of all choices, of those without one, of both, and none.
    sets = [[0, 3], [0, 2, 5], [1], [1, 7], [1, 4, 7], [1, 6], [3, 4, 5], [*codes], []]
    masks = [None, *(np.isin(codes, some) for some in sets)]
    asked = [
        {
            "choices": packed(choices, "i4"),
            "shares": packed(shares),
            "drawn": packed(drawn, "i4"),
            "uniforms": packed(uniforms),
            "allowed": None if mask is None else packed(mask),
        }
        for mask in masks
    ]
    answers = probe("tokens.TokensProbe", {"members": asked, "layouts": []})["members"]
    for mask, found in zip(masks, answers, strict=True):
        assert unpacked(found, "i4").tolist() == members.draw(drawn, uniforms, mask).tolist()
    assert len(set(unpacked(answers[0], "i4").tolist())) == len(choices)


def test_layouts_that_are_not_valid_are_refused(probe, tmp_path):
    rng = np.random.default_rng(4)
    leaf, other = rng.integers(0, 6, 900), rng.integers(0, 3, 900)
    columns = {"leaf": enum([f"l{n}" for n in leaf]), "root": enum([f"r{n // 2}" for n in leaf])}
    columns |= {"other": enum([f"o{n}" for n in other]), "x": rng.normal(size=900)}
    model, path = saved(model_of(pa.table(columns)), tmp_path / "model.zip")
    layout = model.layout.to_json()
    (dependency,) = layout["dependencies"]
    table, last = dependency["table"], len(layout["columns"]) - 1
    changes = [{name: value} for name in ("column", "source") for value in range(-1, last + 2)]
    changes += [{"table": part} for part in (table[:-1], [*table, 0], [], [-1, *table[1:]])]
    changes += [{"table": [*table[1:], most]} for most in (2, 3, 2**31)]
    lists = [[{**dependency, **change}] for change in changes]
    again = {**dependency, "source": dependency["column"], "column": 2, "table": [0, 1, 2]}
    lists += [[dependency, dependency], [dependency, again], []]
    layouts = [{**layout, "dependencies": some} for some in lists]
    layouts += [{**layout, "rows": rows} for rows in (0, -1, True, 1.5, None)]
    layouts += [{**layout, "columns": layout["columns"][:-1]}, layout]
    arrays = [column.arrays() for column in model.layout.columns]

    def message(data):
        try:
            RowLayout.restore(data, model.encoder.learned, arrays)
        except Damaged as error:
            return str(error)
        return "read"

    request = {"members": [], "layouts": layouts, "path": str(path)}
    answers = probe("tokens.TokensProbe", request)["layouts"]
    wanted = [message(data) for data in layouts]
    assert [found == "read" for found in answers] == [said == "read" for said in wanted]
    about = "is not a function of column"
    assert wanted.count("read") == 7 and sum(about in said for said in answers) > 9
