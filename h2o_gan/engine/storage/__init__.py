"""Model files: written whole, and checked before anything in them is believed."""
