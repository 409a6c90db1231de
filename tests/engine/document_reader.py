"""A reader of model files made from docs/model_format.md alone, with NumPy."""

import io
import json
import zipfile
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import safetensors.numpy
from document_rules import is_false, result

LEARNED = ("levels", "binned", "coordinates")
NORMAL = NormalDist()


class Reader:
    """A table model, read by the document's words."""

    def __init__(self, data):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.json = json.loads(archive.read("model.json"))
            arrays = safetensors.numpy.load(archive.read("columns.safetensors"))
            self.weights = safetensors.numpy.load(archive.read("weights.safetensors"))
        self.model = self.json["model"]
        columns = self.json["encoder"]["columns"]
        codecs = parted(arrays, "codec", len(columns))
        self.kernels = {}
        self.codecs = [
            (column, own)
            for column, own in zip(columns, codecs, strict=True)
            if column["codec"] in LEARNED
        ]
        self.tokens = parted(arrays, "tokens", len(self.codecs))
        self.kinds = self.model["layout"]["columns"]
        self.derived = {d["column"] for d in self.model["layout"]["dependencies"]}
        self.anchors = {a["token"]: a for a in self.model["layout"].get("anchors", [])}
        self.relations = self.json["encoder"].get("relations", [])
        self.rules = [
            (rule, below(arrays, f"rules.{index}."))
            for index, rule in enumerate(self.json["encoder"].get("rules", []))
        ]
        items = [c for column in columns for c in column.get("columns", [column.get("column")])]
        self.kinds_of = {item["name"]: item["kind"] for item in items}
        self.levels_of = {item["name"]: item["levels"] for item in items}
        self.unknown = self.json["parameters"].get("missing_values_handling") == "unknown"
        sizes = [(size, before) for size, _, _, before in self.row([0] * len(self.codecs))]
        self.generator = self.network("generator", sizes)
        self.critic = self.network("critic", sizes)
        self.order = self.order_of_tokens()
        self.placed = self.placed_tokens()
        self.all_codecs = list(zip(columns, codecs, strict=True))
        self.column_of = [
            (column, at)
            for column, (kind, own) in enumerate(zip(self.kinds, self.tokens, strict=True))
            if column not in self.derived
            for at in range(len(tokens_of(0, kind, own, self.codecs[column])))
        ]

    def codes(self, table):
        """(rows, learned columns) codes."""
        codes = np.stack([code(table, c, own) for c, own in self.codecs], 1)
        for at, (column, own) in enumerate(self.codecs):
            if "related" in column:
                name = column["column"]["name"]
                for row, values in enumerate(rows_of(table)):
                    relation = self.relation(name, values)
                    if relation is not None:
                        codes[row, at] = len(own["low"]) + relation
        return codes

    def relation(self, name, values):
        """The index of the first relation that holds and is not one of every row."""
        own = [r for r in self.relations if r["formula"]["column"] == name and not r["always"]]
        for index, relation in enumerate(own):
            found = result(relation["formula"], values, self.kinds_of)
            if found is not None and found == values[name] and found not in relation["frequent"]:
                return index
        return None

    def broken(self, values):
        """What a row gets that breaks rules."""
        total, computed = 0.0, set()
        for relation in self.relations:
            formula = relation["formula"]
            if relation["always"]:
                name = formula["column"]
                computed.add(name)
                if is_false(formula, {}, values, self.kinds_of):
                    found = result(formula, values, self.kinds_of)
                    distance = 0
                    if None not in (found, values[name]):
                        distance = abs(found - values[name]) / (relation["high"] - relation["low"])
                    total += self.log_share(0) - np.log1p(distance)
        for rule, arrays in self.rules:
            if rule["kind"] == "unique" or rule.get("column") in computed:
                continue
            if arrays:  # levels count as their indices
                values = dict(values)
                for name in rule["columns"]:
                    if self.levels_of[name] and values[name] is not None:
                        values[name] = self.levels_of[name].index(values[name])
            if is_false(rule, arrays, values, self.kinds_of):
                total += self.log_share(0)
        return total

    def row(self, codes):
        """The tokens of one row; see :func:`tokens_of`."""
        tokens = []
        for place, (kind, own) in enumerate(zip(self.kinds, self.tokens, strict=True)):
            if place not in self.derived:
                tokens += tokens_of(codes[place], kind, own, self.codecs[place])
        return tokens

    def placed_tokens(self):
        """The indices of tokens that are not learned: the last two of each column of cells."""
        placed, at = set(), 0
        for place, (kind, own) in enumerate(zip(self.kinds, self.tokens, strict=True)):
            if place not in self.derived:
                at += len(tokens_of(0, kind, own, self.codecs[place]))
                placed |= {at - 2, at - 1} if kind["kind"] == "cells" else set()
        return placed

    def order_of_tokens(self):
        """The tokens, the response's last."""
        columns = [place for place in range(len(self.codecs)) if place not in self.derived]
        counts = [
            len(tokens_of(0, self.kinds[place], self.tokens[place], self.codecs[place]))
            for place in columns
        ]
        starts = np.cumsum([0, *counts])
        response = self.json["parameters"].get("response_column")
        names = [c["column"]["name"] if "column" in c else "" for c, _ in self.codecs]
        first = [p for p in range(len(columns)) if names[columns[p]] != response]
        last = [p for p in range(len(columns)) if names[columns[p]] == response]
        return [token for p in first + last for token in range(starts[p], starts[p + 1])]

    def network(self, name, sizes):
        """The weights of a network, lists apart."""
        weights = {
            key.removeprefix(name + "."): value.astype(np.float64)
            for key, value in self.weights.items()
            if key.startswith(name + ".")
        }
        if "heads" in weights:
            hidden, parts = self.model["sizes"]["hidden"], 3 * self.model["sizes"]["components"]
            at = own = 0
            heads, biases = [], []
            for place, (size, before) in enumerate(sizes):
                width = size or parts + 3 * 6 * (place in self.anchors)
                heads.append(weights["heads"][at : at + hidden * width].reshape(hidden, width))
                at += hidden * width
                shape = (before, width) if before else (1, width)
                biases.append(weights["biases"][own : own + np.prod(shape)].reshape(shape))
                own += np.prod(shape)
            assert at == len(weights["heads"]) and own == len(weights["biases"])
            weights["heads"], weights["biases"] = heads, biases
        return weights

    def score(self, codes):
        """A row's log likelihood over that of its tokens alone, plus the critic's ratio."""
        tokens = self.row(codes)
        own = self.generator
        features = self.features(own, tokens)
        summary, total, alone = np.zeros(self.model["sizes"]["summary"]), 0.0, 0.0
        known = set()
        for place in self.order:
            size, value, there, before = tokens[place]
            hidden = silu(summary @ own["first"][place] + own["first_bias"][place, 0])
            hidden = hidden + silu(hidden @ own["second"][place] + own["second_bias"][place, 0])
            bias = own["biases"][place][int(tokens[place - 1][1]) if before else 0]
            output = hidden @ own["heads"][place] + bias
            if there:
                if place not in self.placed:
                    anchor = self.anchored(place, known, tokens)
                    total += (
                        log_choice(output, int(value))
                        if size
                        else log_number(output, value, anchor)
                    )
                    alone += self.log_alone(place, tokens)
                summary = summary + np.append(features[place], 1) @ own["project"][place]
                known.add(place)
                summary = summary + self.crossed(place, known, tokens)
        if self.model["has_critic"]:
            critic = self.critic
            flat = self.features(critic, tokens).ravel()
            for layer in ("first", "second"):
                flat = silu(critic[f"{layer}.weight"] @ flat + critic[f"{layer}.bias"])
            ratio = (critic["last.weight"] @ flat + critic["last.bias"])[0] - self.model["shift"]
            total += min(ratio, self.model["clip"])
        return total - alone

    def anchored(self, place, known, tokens):
        """Components without an anchor, and the anchor, None where it is not known."""
        if place not in self.anchors:
            return None
        anchor = self.anchors[place]
        centre = None
        if anchor["source"] in known:
            at = min(max(tokens[anchor["source"]][1], -4), 4)
            centre = np.interp(at, np.arange(257) / 32 - 4, anchor["scores"])
        return self.model["sizes"]["components"], centre

    def log_alone(self, place, tokens):
        """The log probability of a token that depends on no other column."""
        column, at = self.column_of[place]
        own, kind = self.tokens[column], self.kinds[column]
        value = int(tokens[place][1])
        if tokens[place][0] is None:
            return -0.5 * tokens[place][1] ** 2 - 0.5 * np.log(2 * np.pi)
        if kind["kind"] == "number":
            return np.log(own["kind_shares"][value])
        seen = own["choice_of"] >= 0
        shares = np.bincount(own["choice_of"][seen], own["shares"][seen])
        if "size" not in kind:
            return np.log(shares[value] / shares.sum())
        ranked = shares[own["choice_at"]]
        blocks = [ranked[i : i + kind["size"]] for i in range(0, len(ranked), kind["size"])]
        if at == 0:
            return np.log(blocks[value].sum() / ranked.sum())
        block = blocks[int(tokens[place - 1][1])]
        return np.log(block[value] / block.sum())

    def log_share(self, share):
        return np.log(max(share, 0.5 / (self.model["layout"]["rows"] + 1)))

    def derived_terms(self, codes):
        """What columns that follow from others add."""
        total = 0.0
        for item in self.model["layout"]["dependencies"]:
            choices = [
                self.tokens[item[key]]["choice_of"][codes[item[key]]]
                if codes[item[key]] >= 0
                else -1
                for key in ("column", "source")
            ]
            if min(choices) >= 0:
                own = self.tokens[item["column"]]
                seen = own["choice_of"] >= 0
                shares = np.bincount(own["choice_of"][seen], own["shares"][seen])
                agrees = item["table"][choices[1]] == choices[0]
                total += self.log_share(agrees) - self.log_share(shares[choices[0]] / shares.sum())
        return total

    def values(self, tokens, uniforms):
        """The values of a row, by column.

        Args:
            tokens: choices and numbers of a row.
            uniforms: one for each learned column.
        """
        of = [[] for _ in self.codecs]
        for (column, _), token in zip(self.column_of, tokens, strict=True):
            of[column].append(token)
        for item in self.model["layout"]["dependencies"]:
            of[item["column"]] = [item["table"][int(of[item["source"]][0])]]
        found, related = {}, {}
        for at, (column, own) in enumerate(self.codecs):
            kind, arrays = self.kinds[at], self.tokens[at]
            if kind["kind"] == "number":
                code = number_code(of[at], arrays, column, own)
            else:
                code = choice_code(of[at], kind, arrays, uniforms[at])
            if column["codec"] == "coordinates":
                found |= point(code, of[at][-2:], column, own)
                continue
            name, bins = column["column"]["name"], len(own.get("low", ()))
            if column["codec"] == "levels":
                seen = code < len(own["observed"])
                found[name] = column["column"]["levels"][own["observed"][code]] if seen else None
            elif code is None:  # one of the rest
                knots = {n.removeprefix("knots_"): a for n, a in arrays.items()}
                found[name] = ranked(NORMAL.cdf(of[at][-1]), knots, column)
            elif code < bins:
                found[name] = own["low"][code].item()
            elif code < bins + len(column.get("related", [])):
                related[name] = code - bins
            else:
                found[name] = None
        for relation in self.relations:
            formula = relation["formula"]
            name = formula["column"]
            own = [r for r in self.relations if r["formula"]["column"] == name]
            if relation["always"] or related.get(name) == own.index(relation):
                found[name] = result(formula, found, self.kinds_of)
        return found

    def marginal(self, column, own, cells, values):
        """The log density of a value, or of a point, by itself."""
        rows = self.model["layout"]["rows"]
        if column["codec"] in ("fresh", "sequence", "computed") or (self.unknown and None in cells):
            return 0.0
        if column["codec"] == "constant":
            return 0.0 if cells[0] == column["value"] else self.log_share(0)
        if column["codec"] == "levels":
            (place,) = code(pa.table({column["column"]["name"]: pa.array(cells)}), column, own)
            return self.log_share(own["shares"][place] if place >= 0 else 0)
        if column["codec"] == "binned":
            if cells[0] is None:
                return self.log_share(column["missing_share"])
            related = column.get("related", [])
            if related:
                relation = self.relation(column["column"]["name"], values)
                if relation is not None:
                    return self.log_share(related[relation])
            present = self.log_share(1 - column["missing_share"] - sum(related))
            name = column["column"]["name"]
            if name not in self.kernels:
                self.kernels[name] = kernels_of(own, rows)
            return present + self.kernels[name](float(cells[0]))
        if cells[0] is None:
            return self.log_share(own["shares"][-1] if column["has_missing"] else 0)
        at = cell(cells, own)
        total, distance = np.log(own["shares"][at]), 0.0
        for side, value, decimals in zip(
            ("first", "second"), cells, column["decimals"], strict=True
        ):
            low, high = own[f"{side}_low"], own[f"{side}_high"]
            extent = high.max() - low.min()
            step = 1e-6 * max(extent, 1e-9) if decimals is None else 10.0**-decimals
            unit = max(extent, step) / np.sqrt(len(low))
            total -= np.log(max(high[at] - low[at], step) / unit)
            beyond = max(low[at] - value, value - high[at], 0) / unit
            distance = np.hypot(distance, beyond)
        return total - 4 * np.log(np.hypot(1, distance))

    def crossed(self, place, known, tokens):
        """What the crosses add that are known with this token."""
        added, before = 0.0, 0
        for cross in self.model["layout"].get("crosses", []):
            members = cross["tokens"]
            sizes = [tokens[member][0] for member in members]
            if place in members and known >= {*members}:
                choices = [int(tokens[member][1]) for member in members]
                cell = cross["cells"][np.ravel_multi_index(choices, sizes)]
                if cell:
                    added = added + self.generator["crosses.vectors"][before + cell]
            before += max(cross["cells"])
        return added

    def features(self, own, tokens):
        """(tokens, features)."""
        parts = self.model["sizes"]["knots"]
        inner = [NORMAL.inv_cdf(i / parts) for i in range(1, parts)]
        knots = np.array([-3.5, *inner, 3.5])
        rows, at, number = [], 0, 0
        for size, value, there, _ in tokens:
            if size:
                rows.append(own["features.levels"][at + int(value)] * there)
                at += size
            else:
                steps = np.clip((value - knots[:-1]) / np.diff(knots), 0, 1)
                rows.append(np.append(value / 2, steps) @ own["features.lines"][number] * there)
                number += 1
        return np.array(rows)


def below(arrays, prefix):
    """The arrays whose names begin so, by the rest of their names."""
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def rows_of(table):
    """Rows as dicts, times in milliseconds."""
    is_time = [pa.types.is_timestamp(column.type) for column in table.columns]
    columns = [
        (column.cast(pa.int64()) if time else column).to_pylist()
        for column, time in zip(table.columns, is_time, strict=True)
    ]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def parted(arrays, prefix, count):
    """The arrays of each column."""
    columns = [{} for _ in range(count)]
    for full, array in arrays.items():
        name = full.removeprefix(prefix + ".")
        if full == name or name.endswith(".ends"):
            continue
        ends = np.append(0, arrays[full + ".ends"])
        for place, column in enumerate(columns):
            if ends[place] < ends[place + 1]:
                column[name.rpartition(".")[0]] = array[ends[place] : ends[place + 1]]
    return columns


def cell(point, own):
    """The leaf that a point falls into, counted in preorder."""
    node = leaf = 0
    while own["axis"][node] != -1:
        second = point[own["axis"][node]] >= own["cut"][node]
        node += 1
        if second:  # behind the whole first child
            open_ends = 1
            while open_ends:
                is_leaf = own["axis"][node] == -1
                open_ends += -1 if is_leaf else 1
                leaf += is_leaf
                node += 1
    return leaf


def code(table, column, own):
    """Codes of a column's values."""
    if column["codec"] == "coordinates":
        parts = [table[c["name"]].to_pylist() for c in column["columns"]]
        missing = len(own["first_low"]) if column["has_missing"] else -1
        return [missing if p[0] is None else cell(p, own) for p in zip(*parts, strict=True)]
    values = table[column["column"]["name"]]
    texts = values.to_pylist()
    if column["codec"] == "levels":
        levels = column["column"]["levels"]
        known = {levels[at]: place for place, at in enumerate(own["observed"])}
        missing = len(own["observed"]) if column["has_missing"] else -1
        return [missing if text is None else known.get(text, -1) for text in texts]
    numbers = values.cast(pa.int64()) if column["column"]["kind"] == "time" else values
    bins = len(own["low"])
    missing = bins + len(column.get("related", [])) if column["missing_share"] > 0 else -1
    return [
        missing
        if number is None
        else max(int(np.searchsorted(own["low"], number, side="right")) - 1, 0)
        for number in numbers.to_pylist()
    ]


def tokens_of(code, kind, own, codec):
    """Tokens of a code: size or None, value, whether it is there, and size of a pair's first."""
    seen = code >= 0
    if kind["kind"] == "cells":
        inner = {**kind, "kind": "pair" if "size" in kind else "choice"}
        placed = []
        for side in ("first", "second"):
            cells = codec[1]
            there = 0 <= code < len(cells["first_low"])
            at = code if there else 0
            rank = cells[f"{side}_start"][at] + 0.5 * cells[f"{side}_length"][at]
            value = NORMAL.inv_cdf(min(max(rank, 1e-6), 1 - 1e-6)) if there else 0.0
            placed.append((None, value, there, None))
        return tokens_of(code, inner, own, codec) + placed
    if kind["kind"] == "choice":
        choice = own["choice_of"][code] if seen else -1
        size = own["choice_of"].max() + 1
        return [(size, max(choice, 0), choice >= 0, None)]
    if kind["kind"] == "pair":
        choice, size = own["choice_of"][code] if seen else -1, kind["size"]
        rank = list(own["choice_at"]).index(choice) if choice >= 0 else 0
        blocks = -(-len(own["choice_at"]) // size)
        return [
            (blocks, rank // size, choice >= 0, None),
            (size, rank % size, choice >= 0, blocks),
        ]
    spikes = list(own.get("spikes", ()))
    bins = len(codec[1]["low"]) + len(codec[0].get("related", []))
    missing = codec[0]["missing_share"] > 0 and code == bins
    rest = seen and code not in spikes and not missing
    rank = float(own["start"][code]) + 0.5 * float(own["length"][code]) if seen else 0.5
    value = NORMAL.inv_cdf(min(max(rank, 1e-6), 1 - 1e-6))
    number = (None, value if seen else 0.0, rest, None)
    if "kind_shares" not in own:
        return [number]
    size = len(own["kind_shares"])
    chosen = spikes.index(code) if code in spikes else len(spikes) if missing else size - 1
    return [(size, chosen if seen else 0, seen, None), number]


def choice_code(tokens, kind, arrays, uniform):
    """The code of choices: a tokens' one, or one of those behind it."""
    choice_of, shares = arrays["choice_of"], arrays["shares"]
    choice = int(tokens[0])
    if "size" in kind:
        rank = choice * kind["size"] + int(tokens[1])
        choice = arrays["choice_at"][min(rank, len(arrays["choice_at"]) - 1)]
    unseen = np.flatnonzero(choice_of < 0)
    taken = shares[unseen].sum()
    if uniform < taken:
        return unseen[np.searchsorted(np.cumsum(shares[unseen]), uniform, side="right")]
    codes = np.flatnonzero(choice_of == choice)
    ends = np.cumsum(shares[codes])
    at = np.searchsorted(ends, (uniform - taken) / (1 - taken) * ends[-1], side="right")
    return codes[min(at, len(codes) - 1)]


def number_code(tokens, arrays, column, own):
    """The code of a kind; None for the rest."""
    kinds = len(arrays.get("kind_shares", [0]))
    kind, spikes = int(tokens[0]) if kinds > 1 else 0, list(arrays.get("spikes", []))
    if kind == kinds - 1:
        return None
    return spikes[kind] if kind < len(spikes) else len(own["low"]) + len(column.get("related", []))


def ranked(rank, knots, column):
    """The value of a rank."""
    low, high = knots["low"], knots.get("high", knots["low"])
    at = min(np.searchsorted(knots["cumulative"], rank, side="right") - 1, len(low) - 1)
    start, end = knots["cumulative"][at : at + 2]
    part = min(max((rank - start) / (end - start), 0), 1)
    if low.dtype == np.int64:
        steps = np.rint(part * float(high[at] - low[at]) / column["step"])
        return int(min(low[at] + int(steps) * column["step"], high[at]))
    value = low[at] * (1 - part) + high[at] * part
    return float(np.clip(rounded(value, column["decimals"]), low[at], high[at]))


def rounded(value, decimals):
    return value if decimals is None else np.rint(value * 10.0**decimals) / 10.0**decimals


def point(cell, numbers, column, own):
    """The values of a cell's two columns."""
    found = {}
    sides = zip(("first", "second"), column["columns"], column["decimals"], numbers, strict=True)
    for side, one, decimals, number in sides:
        found[one["name"]] = None
        if cell < len(own["first_low"]):
            low, high = own[f"{side}_low"][cell], own[f"{side}_high"][cell]
            part = (NORMAL.cdf(number) - own[f"{side}_start"][cell]) / own[f"{side}_length"][cell]
            value = low + min(max(part, 0), 1) * (high - low)
            value = np.clip(rounded(value, decimals), low, high)
            found[one["name"]] = np.rint(value) if one["kind"] == "int" else value
    return found


def silu(x):
    return x / (1 + np.exp(-x))


def kernels_of(own, rows):
    """The log density of a number under a column's kernels, a function."""
    low, high = own["low"].astype(float), own.get("high", own["low"]).astype(float)
    shares = np.diff(own["cumulative"])
    middle = (low + high) / 2
    mean = np.average(middle, weights=shares)
    unit = np.sqrt(np.average((middle - mean) ** 2, weights=shares))
    quartiles = [middle[np.searchsorted(np.cumsum(shares), p)] for p in (0.25, 0.75)]
    spread = (quartiles[1] - quartiles[0]) / 1.349
    width = 0.9 * (min(unit, spread) if spread > 0 else unit) * rows**-0.2
    wide = low < high
    centres = np.concatenate([low, high[wide]])
    weights = np.concatenate([np.where(wide, shares / 2, shares), shares[wide] / 2])
    if len(centres) > 512:
        order = np.argsort(centres, kind="stable")
        centres, weights = centres[order], weights[order]
        group = 510 * np.arange(len(centres)) // len(centres) + 1
        group[0], group[-1] = 0, 511
        filled = np.unique(group)
        sums = np.bincount(group, weights * centres)[filled]
        weights = np.bincount(group, weights)[filled]
        centres = sums / weights

    def student(distance, width):
        return 2 / (np.pi * 3**0.5) * (1 + distance**2 / width**2 / 3) ** -2 / width

    gains = []
    for narrower in (1, 1 / 2, 1 / 4, 1 / 8, 1 / 16):
        kernels = student(centres[:, None] - centres, width * narrower)
        np.fill_diagonal(kernels, 0)
        gains.append(weights @ np.log(kernels @ weights / (1 - weights)))
    good = np.flatnonzero(np.array(gains) >= max(gains) - 0.1)[0] if len(centres) >= 4 else 0
    return lambda value: np.log(unit * (student(value - centres, width / 2**good) @ weights))


def log_choice(output, choice):
    return output[choice] - np.logaddexp.reduce(output)


def log_number(output, value, anchored=None):
    logits, means, logs = np.split(output, 3)
    least = np.full(len(logs), -5.5)
    if anchored is not None:
        plain, centre = anchored
        means = means + np.where(np.arange(len(means)) < plain, 0, centre or 0)
        least[plain:] = -8
        if centre is None:
            logits, means, logs, least = (x[:plain] for x in (logits, means, logs, least))
    logs = np.clip(logs, least, 2)
    parts = logits - np.logaddexp.reduce(logits) - logs
    parts = parts - 0.5 * ((value - means) * np.exp(-logs)) ** 2 - 0.5 * np.log(2 * np.pi)
    return np.logaddexp.reduce(parts)


def log_densities(reader, table):
    """The log density of each row, by the document."""
    rows = rows_of(table)
    scores = [
        reader.score(codes) + reader.derived_terms(codes) + reader.broken(values)
        for codes, values in zip(reader.codes(table), rows, strict=True)
    ]
    for column, own in reader.all_codecs:
        names = [c["name"] for c in column.get("columns", [column.get("column")])]
        if column["codec"] in ("fresh", "sequence"):
            continue
        for at, values in enumerate(rows):
            cells = tuple(values[name] for name in names)
            scores[at] += reader.marginal(column, own, cells, values)
    return scores
