"""keras_compat."""
