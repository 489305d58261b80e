"""What models and files weigh, compute and take."""
