"""The ways that rows travel: Arrow over the extension, or CSV and Parquet over stock REST."""
