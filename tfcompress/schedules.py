"""Values over training steps."""
