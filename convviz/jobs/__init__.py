"""Work that is done beside the app: one engine, its calls and its jobs.

The app's process never computes with TensorFlow. An `Engine` hands functions to worker processes of a Dask cluster: a
*call* is short and answered at once, a *job* is a generator that runs in slices of about a second, so that it can be
paused, changed, stopped or moved between them and visitors take turns.
"""

from convviz.jobs.calls import StoppedError
from convviz.jobs.engine import Engine, Status
from convviz.jobs.job import Job

__all__ = ["Engine", "Job", "Status", "StoppedError"]
