"""The sections of a report on tables, one function each."""
