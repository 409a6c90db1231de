"""Everything that talks to an H2O cluster; nothing else in the package does."""
