"""ConvViz: see what convolutional networks do.

The compute package behind the pages. It knows nothing of Streamlit, and importing any of its modules loads neither
TensorFlow nor Keras; they are loaded when a function first needs them.
"""

__version__ = "0.1.0"


class ConvvizError(Exception):
    """Something the person at the screen can mend; the message says what is wrong, with the values, and what to do."""
