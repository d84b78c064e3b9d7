"""Surgery on a network: a channel, one weight or one bias muted, scaled or replaced, and what becomes of the answers.

The network itself is never changed. Each edit takes part in a traced call alone, so that everybody else who looks at
the same network sees it as it was.
"""

from convviz.surgery.edits import MOST, WAYS, Edit, Reading, applied, has_bias, parse, read, shape_of, weight, written
from convviz.surgery.operating import Outcome, operate
from convviz.surgery.scoring import Score, fitting, score
from convviz.surgery.searching import Ranking, search

__all__ = [
    "MOST", "WAYS", "Edit", "Outcome", "Ranking", "Reading", "Score", "applied", "fitting", "has_bias", "operate",
    "parse", "read", "score", "search", "shape_of", "weight", "written",
]  # fmt: skip
