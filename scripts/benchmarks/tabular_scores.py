"""Measures of how far a synthetic table stands in for a real one, as one JSON object.

    python tabular_scores.py --train real.csv --test unseen.csv --synthetic synthetic.parquet \\
        --target income [--categorical a,b]
        [--groups quality,c2st,trees,mle,geometry,privacy,attacks]

CSV or Parquet; text columns are categorical unless --categorical names them. 1 is best, except for
areas under the ROC curve and `dcr_share` (.5 is best) and the two shares of copies (which should be
equal).

- shape, trend: column shapes and column pair trends of the quality report of SDMetrics (DataCebo).
- c2st_lr, c2st_xgb: the classifier two-sample test of Lopez-Paz & Oquab, "Revisiting classifier
  two-sample tests" (ICLR 2017): 1 where a classifier cannot tell real rows from synthetic, 0 where
  it always can.
- trees_auc, pairs_auc: how well boosted trees, stopped early, tell held-out real rows from
  synthetic ones: by the columns, and by all differences and ratios of two numbers beside them.
- mle, mle_real: boosted trees that learn from synthetic (or real training) rows what the target is,
  judged on unseen real rows: area under the ROC curve, or R2 for a numeric target.
- alpha_precision, beta_recall: Alaa et al., "How faithful is your synthetic data?" (ICML 2022), in
  the form that published tables use: in the table's own space, not a learned one.
- dcr_share: share of the synthetic rows that lie closer to training rows than to as many unseen.
- attack_nearest, attack_density, attack_trees: membership attacks, as areas under the ROC curve for
  telling training rows from as many unseen ones: by the distance to the nearest synthetic row; by
  the density of synthetic rows over that of other unseen rows (van Breugel et al., "Membership
  inference attacks against synthetic data through overfitting detection", AISTATS 2023), from the
  distances to the fifth nearest rows, and from trees. membership_auc: the largest of them.
- exact_copies, exact_copies_unseen_real: share of synthetic, of unseen real rows found in training.

Needs numpy, pandas, pyarrow, scikit-learn, sdmetrics and xgboost.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# This runs in an environment of its own, in which h2o_gan is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from h2o_gan.reporting.measures.geometry import alpha_precision_beta_recall

MOST_ROWS = 20_000  # for measures that search for nearest neighbours
MOST_PAIRS = 400  # of columns, for differences and ratios


@dataclass
class Tables:
    """Three tables with the same columns: numbers as floats, categories as text."""

    train: pd.DataFrame
    test: pd.DataFrame
    synthetic: pd.DataFrame
    target: str | None
    categorical: list[str]
    seed: int

    def __post_init__(self) -> None:
        like = list(self.train.columns)
        for name in ("train", "test", "synthetic"):
            table = getattr(self, name)
            setattr(self, name, pd.DataFrame({c: self._plain(table[c]) for c in like}))

    def _plain(self, column: pd.Series) -> np.ndarray:
        if column.name in self.categorical:
            return column.astype("string").fillna("<NA>").to_numpy(dtype=object)
        return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)

    @property
    def numeric(self) -> list[str]:
        """Names of the columns of numbers."""
        return [name for name in self.train.columns if name not in self.categorical]

    def whole(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with the training table's medians where numbers are missing."""
        return table.fillna(self.train[self.numeric].median())


class Codes:
    """Categories as numbers: their rank among those of one table, or an indicator for each."""

    def __init__(self, table: pd.DataFrame, numeric: list[str], categorical: list[str]) -> None:
        self.numeric = numeric
        self.levels = {name: np.unique(table[name].to_numpy(dtype=str)) for name in categorical}

    def ranks(self, table: pd.DataFrame) -> np.ndarray:
        """Numbers as they are, then the rank of each category; -1 for one never seen."""
        ranks = [self._rank(table, name) for name in self.levels]
        return np.column_stack([table[self.numeric].to_numpy(dtype=float), *ranks])

    def indicators(self, table: pd.DataFrame, weight: float = 1.0) -> np.ndarray:
        """Numbers as they are, then a column for every category that was seen."""
        blocks = [table[self.numeric].to_numpy(dtype=float)]
        for name, levels in self.levels.items():
            blocks.append(weight * (self._rank(table, name)[:, None] == np.arange(len(levels))))
        return np.hstack(blocks)

    def _rank(self, table: pd.DataFrame, name: str) -> np.ndarray:
        levels, values = self.levels[name], table[name].to_numpy(dtype=str)
        index = np.minimum(np.searchsorted(levels, values), len(levels) - 1)
        return np.where(levels[index] == values, index, -1)


def quality(tables: Tables) -> dict[str, float]:
    """Column shapes and pair trends, by SDMetrics itself."""
    from sdmetrics.reports.single_table import QualityReport

    kinds = {
        name: {"sdtype": "categorical" if name in tables.categorical else "numerical"}
        for name in tables.train.columns
    }
    report = QualityReport()
    report.generate(tables.train, tables.synthetic, {"columns": kinds}, verbose=False)
    found = dict(report.get_properties()[["Property", "Score"]].to_numpy())
    return {"shape": found["Column Shapes"], "trend": found["Column Pair Trends"]}


def two_sample_tests(tables: Tables) -> dict[str, float]:
    """How little two kinds of classifier learn about which rows are real (3-fold AUC)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import RobustScaler
    from xgboost import XGBClassifier

    seed, width = tables.seed, len(tables.numeric)
    size = min(len(tables.train), len(tables.synthetic))
    halves = [half.sample(size, random_state=seed) for half in (tables.train, tables.synthetic)]
    rows = pd.concat(halves, ignore_index=True)
    filled = rows.fillna(halves[0][tables.numeric].median())
    is_real = np.repeat([1.0, 0.0], size)
    areas: dict[str, list[float]] = {"c2st_lr": [], "c2st_xgb": []}
    for learn, judge in StratifiedKFold(3, shuffle=True, random_state=seed).split(rows, is_real):
        codes = Codes(rows.iloc[learn], tables.numeric, tables.categorical)
        linear = codes.indicators(filled)
        if width:
            scaler = RobustScaler().fit(linear[learn, :width])
            linear[:, :width] = scaler.transform(linear[:, :width])
        for name, model, features in (
            ("c2st_lr", LogisticRegression(max_iter=1000), linear),
            ("c2st_xgb", XGBClassifier(n_jobs=-1, random_state=seed), codes.ranks(rows)),
        ):
            model.fit(features[learn], is_real[learn])
            probability = model.predict_proba(features[judge])[:, 1]
            areas[name].append(roc_auc_score(is_real[judge], probability))
    return {name: 2 - 2 * max(float(np.mean(area)), 0.5) for name, area in areas.items()}


def harder_tests(tables: Tables) -> dict[str, float]:
    """How well tuned trees tell held-out real rows from synthetic ones (AUC)."""
    rng = np.random.default_rng(tables.seed)
    size = min(len(tables.train), len(tables.synthetic), MOST_ROWS)
    halves = [
        half.sample(size, random_state=tables.seed) for half in (tables.train, tables.synthetic)
    ]
    rows = pd.concat(halves, ignore_index=True)
    is_real = np.repeat([1.0, 0.0], size)
    features = Codes(rows, tables.numeric, tables.categorical).ranks(rows)
    order = rng.permutation(len(rows))
    width = len(tables.numeric)
    pairs = [(a, b) for a in range(width) for b in range(a)][:MOST_PAIRS]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        made = [features[:, a] - features[:, b] for a, b in pairs]
        made += [features[:, a] / features[:, b] for a, b in pairs]
    found = {"trees_auc": _separation(features, is_real, order, tables.seed)}
    if made:
        whole = np.column_stack([features, *made])
        whole[~np.isfinite(whole)] = np.nan
        found["pairs_auc"] = _separation(whole, is_real, order, tables.seed)
    return found


def _separation(features: np.ndarray, labels: np.ndarray, order: np.ndarray, seed: int) -> float:
    from sklearn.metrics import roc_auc_score

    learn, judge = np.array_split(order, 2)
    model = _fitted_trees(features[learn], labels[learn], seed)
    return float(roc_auc_score(labels[judge], model.predict_proba(features[judge])[:, 1]))


def _fitted_trees(features: np.ndarray, labels: np.ndarray, seed: int) -> Any:
    """Boosted trees; a fifth of the rows says when to stop."""
    from xgboost import XGBClassifier

    stop = len(labels) // 5
    model = XGBClassifier(
        n_estimators=1000,
        max_depth=5,
        learning_rate=0.08,
        subsample=0.8,
        colsample_bytree=0.6,
        early_stopping_rounds=30,
        eval_metric="auc",
        n_jobs=-1,
        random_state=seed,
    )
    held_out = [(features[:stop], labels[:stop])]
    return model.fit(features[stop:], labels[stop:], eval_set=held_out, verbose=False)


def attacks(tables: Tables) -> dict[str, float]:
    """How well attackers tell training rows from unseen ones (AUC)."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(tables.seed)
    unseen = tables.test.iloc[rng.permutation(len(tables.test))]
    others, reference = np.array_split(np.arange(len(unseen)), 2)
    size = min(len(others), len(tables.train), MOST_ROWS // 2)
    members = tables.train.sample(size, random_state=tables.seed)
    judged = pd.concat([members, unseen.iloc[others[:size]]], ignore_index=True)
    known = unseen.iloc[reference]
    is_member = np.repeat([1.0, 0.0], size)
    codes = Codes(tables.train, tables.numeric, tables.categorical)
    low = tables.train[tables.numeric].min()
    span = (tables.train[tables.numeric].max() - low).replace(0, 1)

    def points(table: pd.DataFrame) -> np.ndarray:
        scaled = tables.whole(table).copy()
        scaled[tables.numeric] = (scaled[tables.numeric] - low) / span
        return codes.indicators(scaled, weight=0.5)

    targets = points(judged)
    drawn = tables.synthetic.sample(min(len(tables.synthetic), MOST_ROWS), random_state=tables.seed)
    to_drawn = _neighbours(points(drawn), targets, 5)[0]
    to_known = _neighbours(points(known), targets, 5)[0]
    tiny = 1e-9
    density = np.log(to_known[:, 4] + tiny) - np.log(to_drawn[:, 4] + tiny)
    same = drawn.sample(min(len(drawn), len(known)), random_state=tables.seed)
    both = codes.ranks(pd.concat([same, known], ignore_index=True))
    labels = np.repeat([1.0, 0.0], [len(same), len(known)])
    order = rng.permutation(len(labels))
    trees = _fitted_trees(both[order], labels[order], tables.seed)
    found = {
        "attack_nearest": roc_auc_score(is_member, -to_drawn[:, 0]),
        "attack_density": roc_auc_score(is_member, density),
        "attack_trees": roc_auc_score(is_member, trees.predict_proba(codes.ranks(judged))[:, 1]),
    }
    return {**found, "membership_auc": max(found.values())}


def usefulness(tables: Tables) -> dict[str, float]:
    """What trees learn about the target from synthetic rows, and from real ones."""
    if not tables.target:
        return {}
    return {
        "mle": _downstream(tables, tables.synthetic),
        "mle_real": _downstream(tables, tables.train),
    }


def _downstream(tables: Tables, learn: pd.DataFrame) -> float:
    from sklearn.metrics import r2_score, roc_auc_score
    from xgboost import XGBClassifier, XGBRegressor

    target = tables.target
    test = tables.test[tables.test[target].notna()]
    codes = Codes(
        learn,
        [name for name in tables.numeric if name != target],
        [name for name in tables.train.columns if name in tables.categorical and name != target],
    )
    features, unseen = codes.ranks(learn), codes.ranks(test)
    settings = {"n_estimators": 200, "max_depth": 6, "learning_rate": 0.1}
    settings |= {"n_jobs": -1, "random_state": tables.seed}
    if target not in tables.categorical:
        known = learn[target].notna().to_numpy()
        regressor = XGBRegressor(**settings).fit(features[known], learn[target][known])
        return float(r2_score(test[target], regressor.predict(unseen)))
    answers = Codes(test, [], [target])  # only classes that the test asks for count
    wanted = answers.ranks(learn)[:, 0].astype(int)
    known = wanted >= 0
    classes = len(answers.levels[target])
    if len(np.unique(wanted[known])) < classes:
        return 0.5  # a class never drawn cannot be learned
    classifier = XGBClassifier(**settings).fit(features[known], wanted[known])
    probability, truth = classifier.predict_proba(unseen), answers.ranks(test)[:, 0].astype(int)
    if classes == 2:
        return float(roc_auc_score(truth, probability[:, 1]))
    return float(roc_auc_score(truth, probability, multi_class="ovr"))


def alpha_beta(tables: Tables) -> dict[str, float]:
    """Fidelity and coverage: how closely both curves follow the diagonal."""
    train, drawn = tables.whole(tables.train), tables.whole(tables.synthetic)
    codes = Codes(train, tables.numeric, tables.categorical)
    real, synthetic = codes.indicators(train), codes.indicators(drawn)
    low, span = real.min(axis=0), np.ptp(real, axis=0)
    span[span == 0] = 1
    rng = np.random.default_rng(tables.seed)
    size = min(len(real), len(synthetic), MOST_ROWS)
    real, synthetic = (
        (points[rng.permutation(len(points))[:size]] - low) / span for points in (real, synthetic)
    )
    precision, recall = alpha_precision_beta_recall(
        real.astype(np.float32), synthetic.astype(np.float32)
    )
    return {"alpha_precision": precision, "beta_recall": recall}


def privacy(tables: Tables) -> dict[str, float]:
    """How often synthetic rows are near, or equal to, training rows; .5 of the near by chance."""
    from sklearn.preprocessing import MinMaxScaler

    train, test, synthetic = map(tables.whole, (tables.train, tables.test, tables.synthetic))
    codes = Codes(train, tables.numeric, tables.categorical)
    width = len(tables.numeric)
    scaler = MinMaxScaler().fit(train[tables.numeric].to_numpy()) if width else None
    rng = np.random.default_rng(tables.seed)
    size = min(len(train), len(test), MOST_ROWS)

    def points(table: pd.DataFrame) -> np.ndarray:
        chosen = table.iloc[rng.permutation(len(table))[:size]]
        found = codes.indicators(chosen, weight=0.5)  # two unlike categories are 1 apart
        if scaler is not None:
            found[:, :width] = scaler.transform(found[:, :width])
        return found

    seen, unseen, drawn = points(train), points(test), points(synthetic)
    to_seen, to_unseen = (_neighbours(base, drawn)[0][:, 0] for base in (seen, unseen))
    closer = np.where(to_seen == to_unseen, 0.5, to_seen < to_unseen)

    known = set(_texts(train))
    return {
        "dcr_share": float(closer.mean()),
        "exact_copies": float(np.mean([row in known for row in _texts(synthetic)])),
        "exact_copies_unseen_real": float(np.mean([row in known for row in _texts(test)])),
    }


def _texts(table: pd.DataFrame) -> list[tuple[str, ...]]:
    return list(zip(*(table[name].astype(str) for name in table.columns), strict=True))


def _neighbours(
    base: np.ndarray, points: np.ndarray, count: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return Manhattan distances and indices of the nearest rows of `base` to `points`."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=count, metric="manhattan", n_jobs=-1)
    return search.fit(base).kneighbors(points)


GROUPS: dict[str, Callable[[Tables], dict[str, float]]] = {
    "quality": quality,
    "c2st": two_sample_tests,
    "trees": harder_tests,
    "mle": usefulness,
    "geometry": alpha_beta,
    "privacy": privacy,
    "attacks": attacks,
}


def read(path: str) -> pd.DataFrame:
    """A CSV or Parquet file."""
    if path.endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, skipinitialspace=True)


def main() -> None:
    """Print the scores of one synthetic table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--train", "--test", "--synthetic"):
        parser.add_argument(name, required=True)
    parser.add_argument("--target")
    parser.add_argument("--categorical", help="names, with commas; text columns when absent")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--groups", default=",".join(GROUPS))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    train, test, synthetic = map(read, (options.train, options.test, options.synthetic))
    if options.categorical is None:
        categorical = list(train.select_dtypes(exclude="number").columns)
    else:
        categorical = [name for name in options.categorical.split(",") if name]
    tables = Tables(train, test, synthetic, options.target, categorical, options.seed)
    scores: dict[str, float] = {}
    for group in options.groups.split(","):
        scores |= GROUPS[group](tables)
    print(json.dumps({name: round(float(value), 4) for name, value in scores.items()}))


if __name__ == "__main__":
    main()
