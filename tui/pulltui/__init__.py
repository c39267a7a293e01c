"""pulltui: a terminal download manager for model blobs."""

__version__ = "0.1.0"
