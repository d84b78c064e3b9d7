"""A network as a graph of its layers: what flows where, what each layer costs, and how it is drawn."""

from convviz.graph.building import layer_graph
from convviz.graph.drawing import svg
from convviz.graph.folding import View, fold, groups
from convviz.graph.layout import Layout, arrange
from convviz.graph.painting import picture
from convviz.graph.records import Edge, Graph, Node

__all__ = ["Edge", "Graph", "Layout", "Node", "View", "arrange", "fold", "groups", "layer_graph", "picture", "svg"]
