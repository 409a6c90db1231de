"""Everything that talks to an H2O cluster."""
