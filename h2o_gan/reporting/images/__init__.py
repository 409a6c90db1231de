"""The sections of a report on images."""
