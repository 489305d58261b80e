"""How good models are, and how far they agree."""
