"""The only door for bytes from outside: pictures, models and archives, vetted before anything opens them."""

from convviz.uploads.archives import open_dataset
from convviz.uploads.models import open_model
from convviz.uploads.networks import open_names, open_network, open_note
from convviz.uploads.pictures import open_picture, picture_size

__all__ = ["open_dataset", "open_model", "open_names", "open_network", "open_note", "open_picture", "picture_size"]
