"""Files on TensorFlow Lite Micro."""
