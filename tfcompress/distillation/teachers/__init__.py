"""Teachers: models, averages of them, functions, and what was cached of them."""
