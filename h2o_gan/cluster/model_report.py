"""The report that a model of the cluster shows: its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from h2o.exceptions import H2OResponseError, H2OServerError, H2OValueError
from h2o.two_dim_table import H2OTwoDimTable

from h2o_gan.cluster import rest
from h2o_gan.cluster.model_tables import table_json

__all__ = ["REPORT_TABLES", "store_report"]

REPORT_TABLES = {
    "report": "figures",
    "report_columns": "fidelity.columns",
    "report_attacks": "privacy.attacks",
}
"""Tables of a model in the cluster, with their names in a report."""


def store_report(model_id: str, tables: Mapping[str, H2OTwoDimTable]) -> None:
    """Have a model of the cluster show the tables of a report; earlier ones are replaced.

    Args:
        model_id: key of the model.
        tables: of the report, by name.

    Raises:
        H2OValueError: the cluster refuses them.
        H2OConnectionError: the cluster is lost.
    """
    sent: dict[str, Any] = {
        name: json.dumps(table_json(tables[own]))
        for name, own in REPORT_TABLES.items()
        if own in tables
    }
    try:
        rest.api(f"POST /3/GAN/models/{rest.in_path(model_id)}/report", **sent)
    except (H2OResponseError, H2OServerError) as error:
        raise H2OValueError(f"the cluster refuses the report of {model_id!r}: {error}") from error
