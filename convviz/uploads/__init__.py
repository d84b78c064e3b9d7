"""The only door for bytes from outside: pictures, models and archives, vetted before anything opens them."""

from convviz.uploads.pictures import open_picture

__all__ = ["open_picture"]
