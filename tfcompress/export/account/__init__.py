"""The account of a file: what is known of it, and what it says of itself."""
