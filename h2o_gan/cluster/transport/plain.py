"""The plain transport: CSV down, Parquet up, over any cluster's stock REST API.

Nothing needs to be installed in the cluster; H2O-3 from 3.40 on will do.
"""

from __future__ import annotations

from h2o_gan.cluster.transport.csv_reader import open_frame
from h2o_gan.cluster.transport.parquet_writer import write

__all__ = ["open_frame", "write"]
