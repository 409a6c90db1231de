"""A report on synthetic rows: how good, how useful and how private they are."""
