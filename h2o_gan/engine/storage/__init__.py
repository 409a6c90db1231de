"""Model files: written completely or not at all, and checked before they are used."""
