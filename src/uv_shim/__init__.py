"""A thin shim around uv: what `uv pip install` downloads is verified and kept with its hash."""

__version__ = "0.1.0"
