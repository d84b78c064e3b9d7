"""One number of a network, taken apart: what it saw, what it was multiplied with, and what became of the sum."""

from convviz.microscope.looking import look
from convviz.microscope.records import Cell, Step, Taps

__all__ = ["Cell", "Step", "Taps", "look"]
