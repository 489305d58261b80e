"""How fast files are."""
