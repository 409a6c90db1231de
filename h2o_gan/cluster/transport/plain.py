"""The plain transport: CSV out of the cluster, Parquet into it, over H2O's own REST API.

The cluster needs no extension; H2O-3 from 3.40 on works.
"""

from __future__ import annotations

from h2o_gan.cluster.transport.csv_reader import open_frame
from h2o_gan.cluster.transport.parquet_writer import write

__all__ = ["open_frame", "write"]
