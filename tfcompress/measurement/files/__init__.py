"""`.tflite` files: read, tried and run."""
