"""Number formats: pure functions between numbers and whole numbers of few bits."""

from tfcompress.quantization.formats.observers import METHODS, Observer, build_observer

__all__ = ["METHODS", "Observer", "build_observer"]
