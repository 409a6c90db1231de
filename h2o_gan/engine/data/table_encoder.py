"""A table <-> codes, by a codec for each kind of column.

In memory a row is a few integer codes; networks expand them on the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from h2o_gan.engine.data.codecs.computed import ComputedCodec
from h2o_gan.engine.data.codecs.identifier import IdentifierCodec, levels_identify_rows
from h2o_gan.engine.data.codecs.registry import CODECS
from h2o_gan.engine.data.codecs.sequence import SequenceCodec
from h2o_gan.engine.data.protocol import Codec, FitOptions, GeneratedCodec, LearnedCodec
from h2o_gan.engine.data.relations.overflow import broken_rows
from h2o_gan.engine.data.relations.relations import RELATIONS_CHECK, Relations
from h2o_gan.engine.data.relations.rules import MAX_RULES, Rule, Unique
from h2o_gan.engine.data.relations.selection import Found
from h2o_gan.engine.data.relations.stored_rules import restore as restore_rule
from h2o_gan.engine.data.schema import TEXT_KINDS, Array, kind_of, schema_of
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import anything, list_of
from h2o_gan.notices import listed, warn

__all__ = ["TableEncoder", "fit_codec"]


class TableEncoder:
    """Mixed columns, encoded column by column or in groups that belong together.

    Args:
        codecs: of all columns.
        names: the columns in the frame's order; None for the order of codecs.
        relations: formulas that give values of columns.
        rules: conditions that every row meets.

    Attributes:
        columns: the columns in the frame's order.
        learned: the codecs that networks learn, in order.
    """

    image_shape = None
    labels = None
    summary = None

    def __init__(
        self,
        codecs: Sequence[Codec],
        names: Sequence[str] | None = None,
        relations: Relations | None = None,
        rules: Sequence[Rule] = (),
    ) -> None:
        self.codecs = tuple(codecs)
        self.rules = tuple(rules)
        self.relations = relations or Relations()
        by_name = {column.name: column for codec in codecs for column in codec.columns}
        self.columns = tuple(by_name.values() if names is None else (by_name[n] for n in names))
        self.learned = tuple(codec for codec in self.codecs if isinstance(codec, LearnedCodec))

    @classmethod
    def fit(
        cls,
        table: pa.Table,
        weights: Array | None = None,
        ignore_const_cols: bool = True,
        column_types: Mapping[str, str] | None = None,
        groups: bool = True,
        relations: bool = True,
        ignored_relations: Sequence[str] = (),
        rules: Sequence[Rule] = (),
        learn_missing: bool = True,
    ) -> TableEncoder:
        """Fit a codec to each column of `table`.

        Free text is dropped, with a warning that names it.

        Args:
            table: the training rows.
            weights: (rows,) float64 non-negative row weights, or None.
            ignore_const_cols: whether columns with a single value are not learned.
            column_types: how to treat columns, by name; see :func:`fit_codec`.
            groups: whether columns that belong together, such as coordinates, share a codec.
            relations: whether formulas and conditions between columns are found and kept.
            ignored_relations: texts of those that are not kept.
            rules: those that the user declares, which all rows keep.
            learn_missing: see :class:`~h2o_gan.engine.data.protocol.FitOptions`.

        Raises:
            ValueError: no column is left to learn, or a column cannot be treated as asked.
        """
        identifiers = _identifiers(rules, table)
        treat_as = {**dict.fromkeys(identifiers, IdentifierCodec.treatment), **(column_types or {})}
        grouped: dict[str, tuple[type[Codec], tuple[str, ...]]] = {}
        unclaimed = table if groups else table.select([])
        for kind in CODECS.values():
            for names in kind.groups(unclaimed, treat_as, weights):
                grouped[names[0]] = kind, names
                unclaimed = unclaimed.drop_columns(list(names))
        in_group = {name for _, names in grouped.values() for name in names}
        searched = table.drop_columns(list(in_group))
        new = [n for n in searched.column_names if levels_identify_rows(searched.column(n))]
        found = Found.in_table(
            searched,
            weights,
            {**dict.fromkeys(new, IdentifierCodec.treatment), **treat_as},
            rules,
            relations,
            learn_missing,
        ).without(ignored_relations)
        kept = Relations(found.relations)
        related = kept.indices(table)
        codecs: list[Codec] = []
        text = []
        for name in table.column_names:
            codec: Codec | None
            options = FitOptions(
                weights,
                not ignore_const_cols,
                treat_as.get(name, "auto"),
                learn_missing=learn_missing,
            )
            if name in identifiers and name not in (column_types or {}):
                options = replace(options, wanted_by=f"constraints: {identifiers[name].text!r}")
            if name in related:
                options = replace(options, relations=kept.count(name), related=related[name])
            if name in kept.always:
                codec = ComputedCodec.of(name, table.column(name))
            elif name in grouped:
                kind, group = grouped[name]
                codec = kind.fit({name: table.column(name) for name in group}, options)
                if codec is None:
                    raise TypeError(f"{kind.__name__} found the group {group} and does not fit it")
            elif name in in_group:
                continue
            else:
                codec = fit_codec(name, table.column(name), options)
            if codec is None:
                text.append(name)
            else:
                codecs.append(codec)
        names_left = [name for name in table.column_names if name not in text]
        encoder = cls(codecs, names_left, kept, found.rules_over(names_left))
        if not encoder.learned:
            if text:
                raise ValueError(
                    f"only text is left to learn ({listed(text)}): convert columns with "
                    "asfactor(), or leave others in."
                )
            raise ValueError(
                "every column is constant, all missing or an identifier, so there is nothing to "
                "learn: give other columns, or set ignore_const_cols=False to train on constants."
            )
        _check_learned(rules, text)
        if text:
            warn(
                f"Dropping text columns, which can't be learned: {', '.join(text)}. "
                "asfactor() makes them categories."
            )
        return encoder

    def encode(self, table: pa.Table) -> Tensor:
        """Encode a table with these columns.

        Returns:
            (rows, learned codecs) codes, int16 where they fit, else int32.
        """
        widest = max(codec.width for codec in self.learned)
        dtype = np.int16 if widest < np.iinfo(np.int16).max else np.int32
        codes = np.empty((table.num_rows, len(self.learned)), dtype)
        related = self.relations.indices(table)
        for index, codec in enumerate(self.learned):
            values = [table.column(column.name) for column in codec.columns]
            codes[:, index] = codec.encode(values, related.get(codec.columns[0].name))
        return torch.from_numpy(codes)

    def decode(self, output: Array, start: int = 0, seed: int = 0) -> pa.RecordBatch:
        """Decode discretized outputs; see :meth:`Encoder.decode`.

        Args:
            output: (rows, learned codecs) float64; see :meth:`LearnedCodec.decode_output`.
            start: index of the first row in the sample.
            seed: of the sample.
        """
        arrays = [
            array
            for index, codec in enumerate(self.learned)
            for array in codec.decode_output(output[:, index])
        ]
        return self.batch({**self.named(arrays), **self.generated(start, len(output), seed)})

    def named(self, learned: Sequence[pa.Array]) -> dict[str, pa.Array]:
        """The arrays of each column of each learned codec, given in order, by column name."""
        names = [column.name for codec in self.learned for column in codec.columns]
        return dict(zip(names, learned, strict=True))

    def generated(self, start: int, rows: int, seed: int) -> dict[str, pa.Array]:
        """Columns whose values follow from a row's index in the sample, by name.

        Args:
            start: index of the first row.
            rows: number of rows.
            seed: of the sample.
        """
        arrays: dict[str, pa.Array] = {}
        for codec in self.codecs:
            if isinstance(codec, GeneratedCodec):
                made = codec.generate(start, rows, seed)
                arrays.update(zip((c.name for c in codec.columns), made, strict=True))
        return arrays

    def batch(self, arrays: Mapping[str, pa.Array]) -> pa.RecordBatch:
        """Rows of the table from the arrays of all columns."""
        schema = schema_of(list(self.columns))
        return pa.RecordBatch.from_arrays([arrays[name] for name in schema.names], schema=schema)

    @property
    def generated_names(self) -> list[str]:
        """Names of the columns whose values follow from a row's index in the sample."""
        kinds = [codec for codec in self.codecs if isinstance(codec, GeneratedCodec)]
        return [column.name for codec in kinds for column in codec.columns]

    def range_of(self, name: str) -> tuple[float, float]:
        """The smallest and the largest value of a column of numbers or times in training."""
        if name in self.relations.ranges:
            return self.relations.ranges[name]
        for codec in self.learned:
            if codec.columns[0].name == name and codec.quantiles is not None:
                return float(codec.quantiles.low[0]), float(codec.quantiles.high[-1])
        return -np.inf, np.inf

    @property
    def unique_rules(self) -> list[Unique]:
        """Rules about all rows of a sample, but those that identifiers keep anyway."""
        identifiers = {
            column.name
            for codec in self.codecs
            if isinstance(codec, IdentifierCodec | SequenceCodec)
            for column in codec.columns
        }
        return [
            rule
            for rule in self.rules
            if isinstance(rule, Unique) and not {*rule.columns} & identifiers
        ]

    def broken_rules(self, arrays: Mapping[str, pa.Array]) -> list[tuple[Rule, Array]]:
        """The rules that rows break.

        Args:
            arrays: of all columns.

        Returns:
            The rules that any row breaks, and the masks of those rows, (rows,) bool.
        """
        broken = []
        for rule in self.rules:
            if isinstance(rule, Unique):  # a matter of all rows: see the sample
                continue
            mask = broken_rows(rule, pa.table({name: arrays[name] for name in rule.columns}))
            if mask.any():
                broken.append((rule, mask))
        return broken

    def check_relations(self) -> None:
        """Raise Damaged unless the relations are between columns of the table."""
        by_name = {column.name: codec for codec in self.codecs for column in codec.columns}
        for name, codec in by_name.items():
            always = isinstance(codec, ComputedCodec)
            count = codec.related if isinstance(codec, LearnedCodec) else 0
            if always != (name in self.relations.always) or count != self.relations.count(name):
                raise Damaged(f"column {name!r:.50} does not match its relations")

    def describe(self) -> list[dict[str, Any]]:
        """Describe each column; see :func:`h2o_gan.engine.data.schema.description`."""
        rows = {row["column"]: row for codec in self.codecs for row in codec.describe()}
        for name, relation in self.relations.always.items():
            rows[name]["values"] = relation.formula.text
        return [rows[column.name] for column in self.columns]

    def describe_relations(self) -> list[dict[str, Any]]:
        """Describe what holds between columns; see :meth:`Encoder.describe_relations`."""
        # A formula that gives a part of the values, and is never wrong elsewhere, is a rule too.
        formulas = [r.describe() for r in self.relations.relations if r.formula not in self.rules]
        return [*formulas, *(rule.describe() for rule in self.rules)]

    def to_json(self) -> dict[str, Any]:
        """The JSON part of the state."""
        data = {"encoder": "table", "columns": [codec.to_json() for codec in self.codecs]}
        names = [column.name for column in self.columns]
        if names != [column.name for codec in self.codecs for column in codec.columns]:
            data["names"] = names
        if len(self.relations):
            data["relations"] = self.relations.to_json()
        if self.rules:
            data["rules"] = [rule.to_json() for rule in self.rules]
        return data

    def arrays(self) -> dict[str, Array]:
        """The array part of the state: names are ``INDEX.NAME``, with the index of the codec.

        Those of rules are ``rules.INDEX.NAME``.
        """
        parts = [
            *((str(index), codec.arrays()) for index, codec in enumerate(self.codecs)),
            *((f"rules.{index}", rule.arrays()) for index, rule in enumerate(self.rules)),
        ]
        return {f"{part}.{name}": array for part, arrays in parts for name, array in arrays.items()}

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> TableEncoder:
        """Inverse of :meth:`to_json` and :meth:`arrays`.

        Raises:
            Damaged: the state is not one of a table's encoder.
        """
        by_owner: dict[str, dict[str, Array]] = {}
        for full_name, array in arrays.items():
            owner, _, name = full_name.rpartition(".")
            by_owner.setdefault(owner, {})[name] = array
        codecs = [
            CODECS[item["codec"]].restore(item, by_owner.get(str(index), {}))
            for index, item in enumerate(data["columns"])
        ]
        known = [column.name for codec in codecs for column in codec.columns]
        names = data.get("names", known)
        if len(set(known)) != len(known):
            raise Damaged("two of its columns have one name")
        if sorted(names) != sorted(known):
            raise Damaged("its names are not those of its columns")
        columns = {column.name: column for codec in codecs for column in codec.columns}
        found, texts = data.get("relations", []), data.get("rules", [])
        RELATIONS_CHECK(found, "its relations")
        list_of(anything, most=MAX_RULES)(texts, "its rules")
        rules = [
            restore_rule(item, by_owner.get(f"rules.{index}", {}), list(columns.values()))
            for index, item in enumerate(texts)
        ]
        encoder = cls(codecs, names, Relations.restore(found, columns), rules)
        encoder.check_relations()
        if not encoder.learned:
            raise Damaged("none of its columns is learned")
        return encoder


def _identifiers(rules: Sequence[Rule], table: pa.Table) -> dict[str, Rule]:
    """Columns that can get new values without end, and the rules that call them unique."""
    return {
        rule.columns[0]: rule
        for rule in rules
        if isinstance(rule, Unique)
        and len(rule.columns) == 1
        and kind_of(table.schema.field(rule.columns[0]).type)
        in IdentifierCodec.kinds | SequenceCodec.kinds
    }


def _check_learned(rules: Sequence[Rule], text: Sequence[str]) -> None:
    """Raise ValueError if a rule is about a column that is not learned."""
    for rule in rules:
        lost = [name for name in rule.columns if name in text]
        if lost:
            raise ValueError(
                f"constraints: {rule.text!r} is about column {lost[0]!r}, free text, which cannot "
                "be learned: convert it with asfactor(), or leave the rule out."
            )


def fit_codec(name: str, values: pa.ChunkedArray, options: FitOptions) -> Codec | None:
    """Choose the codec of one column and fit it.

    Args:
        name: the column's name.
        values: its values.
        options: weights, and how the user wants the column treated: "auto", or the `treatment` of
            a codec.

    Returns:
        The codec; None for free text, from which nothing can be learned.

    Raises:
        ValueError: the column cannot be treated as the user wants.
        TypeError: the column is of a type that no frame has.
    """
    kind = kind_of(values.type)
    wanted = options.treat_as
    treated = [codec.kinds for codec in CODECS.values() if codec.treatment == wanted]
    if treated and kind not in frozenset().union(*treated):
        raise ValueError(
            f"column_types: column {name!r} is {kind}, which cannot be treated as {wanted}: "
            "convert it first, for instance with asfactor(), asnumeric() or ascharacter()."
        )
    for codec in CODECS.values():
        found = codec.fit({name: values}, options)
        if found is not None:
            return found
    if kind not in TEXT_KINDS:
        raise TypeError(f"no codec for column {name!r} of kind {kind}")
    return None
