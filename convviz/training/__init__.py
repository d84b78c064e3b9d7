"""Training a convnet in small pieces: a generator that yields where it stands a few times a second.

The pictures stay uint8 in memory, and nothing is asked of the steps between two records, so that telling how far it is
costs little against plain ``fit``. Between two records the learning rate and the batch size may be changed, and the
whole state goes into a snapshot now and then, from which the run can begin again elsewhere.
"""

from convviz.training.course import bounded, train, trained, whole_h5
from convviz.training.displays import GUESSES, Display, Guess, Size, Watch
from convviz.training.limits import Limits, limits
from convviz.training.moments import Moment, moment
from convviz.training.opening import copied, demand
from convviz.training.records import OPTIMIZERS, Beginning, Progress, Settings
from convviz.training.snapshots import step_of

__all__ = [
    "GUESSES", "OPTIMIZERS", "Beginning", "Display", "Guess", "Limits", "Moment", "Progress", "Settings", "Size",
    "Watch", "bounded", "copied", "demand", "limits", "moment", "step_of", "train", "trained", "whole_h5",
]  # fmt: skip
