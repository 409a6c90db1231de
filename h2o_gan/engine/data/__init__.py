"""Columns and pixels: Arrow tables to codes, and back."""
