"""One number of a network, taken apart: what it saw, what it was multiplied with, and what became of the sum."""

from convviz.microscope.looking import look, stage
from convviz.microscope.records import Cell, Stage, Step, Taps

__all__ = ["Cell", "Stage", "Step", "Taps", "look", "stage"]
