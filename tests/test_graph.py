"""The graph of layers: against Keras' own connections, published costs, and the geometry of the drawing."""

import itertools
import xml.etree.ElementTree as ElementTree

import keras
import numpy as np
import pytest
from keras import layers
from PIL import ImageColor

from convviz import graph, zoo
from convviz.graph import drawing

# Parameters and billions of multiply-adds as published: arXiv:1409.1556 (the convolutions), 1512.03385, 1801.04381,
# 1512.00567.
LARGE = {
    "VGG16": (14_714_688, 15.35),
    "ResNet50": (25_636_712, 3.86),
    "MobileNetV2": (3_538_984, 0.30),
    "InceptionV3": (23_851_784, 5.7),
}
_built = {}


def large(name):
    if name not in _built:
        shape = {"input_shape": (299, 299, 3) if name == "InceptionV3" else (224, 224, 3)}
        model = getattr(keras.applications, name)(weights=None, include_top=name != "VGG16", **shape)
        _built[name] = graph.layer_graph(model), connections_of_keras(model)
    return _built[name][0]


def pairs(found):
    return {(edge.source, edge.target) for edge in found.edges}


def residual():
    pictures = keras.Input((8, 8, 3), name="photo")
    first = layers.Conv2D(4, 3, padding="same", name="first")(pictures)
    second = layers.Dropout(0.5, name="drop")(first)
    joined = layers.Add(name="joined")([first, second])
    return keras.Model(pictures, layers.Dense(2, name="answer")(layers.Flatten(name="flat")(joined * 2)))


def test_the_lectures_network_is_a_line_with_its_summary():
    found = graph.layer_graph(zoo.mnist_convnet())
    names = [node.name for node in found.nodes]
    assert pairs(found) == set(itertools.pairwise(names))
    assert [node.formula for node in found.nodes if node.formula] == [
        "3·3·1·32 + 32 = 320", "3·3·32·64 + 64 = 18,496", "3·3·64·64 + 64 = 36,928", "576·64 + 64 = 36,928",
        "64·10 + 10 = 650",
    ]  # fmt: skip
    assert found.node("conv2d").work == "3·3·1·32 · 26·26 = 194,688"
    assert found.node("dense").work == "576·64 = 36,864"
    assert found.node("conv2d").memory == 26 * 26 * 32 * 4
    assert found.node("conv2d_1").field == (8, 8)
    assert found.node("conv2d_1").field_stride == (2, 2)


def test_a_layer_that_changes_nothing_stands_on_its_branch_alone_and_arithmetic_is_a_node():
    found = graph.layer_graph(residual())
    assert {("first", "drop"), ("first", "joined"), ("drop", "joined")} <= pairs(found)
    (operation,) = [node.name for node in found.nodes if node.kind == "multiply"]
    assert {("joined", operation), (operation, "flat"), ("answer", "output")} <= pairs(found)
    assert ("photo", "first") in pairs(found)


def connections_of_keras(model):
    found = set()
    for layer in model.layers:
        for node in layer._inbound_nodes:
            for tensor in node.input_tensors:
                found.add((tensor._keras_history.operation.name, layer.name))
    return found


@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV2", "InceptionV3"])
def test_the_connections_are_those_that_keras_wrote_down(name):
    ours = {(one, other) for one, other in pairs(large(name)) if other != "output"}
    assert ours == _built[name][1]


@pytest.mark.parametrize("name", LARGE)
def test_parameters_and_multiply_adds_are_the_published_ones(name):
    parameters, billions = LARGE[name]
    assert large(name).parameters == parameters
    assert large(name).multiply_adds / 1e9 == pytest.approx(billions, rel=0.03)


def test_a_shared_layer_is_called_twice_and_counted_once():
    pictures = keras.Input((8, 8, 3))
    twice = layers.Conv2D(3, 3, padding="same", name="c")
    found = graph.layer_graph(keras.Model(pictures, twice(twice(pictures))))
    assert ("c", "c#2") in pairs(found)
    assert found.parameters == 84
    assert found.multiply_adds == 2 * 3 * 3 * 3 * 3 * 64


def test_every_input_and_output_is_there():
    photo, facts = keras.Input((8, 8, 3), name="photo"), keras.Input((2,), name="facts")
    both = layers.Concatenate(name="both")([layers.Flatten(name="flat")(photo), facts])
    found = graph.layer_graph(keras.Model([photo, facts], [both, layers.Dense(2, name="d")(both)]))
    assert {("photo", "flat"), ("flat", "both"), ("facts", "both"), ("both", "output 1"), ("d", "output 2")} <= pairs(
        found
    )


class Written(keras.Model):
    def __init__(self):
        super().__init__()
        self.one = layers.Conv2D(3, 3, padding="same", name="one")
        self.inner = keras.Sequential([layers.ReLU(name="r"), layers.Conv2D(3, 1, name="two")], name="inner")

    def call(self, pictures):
        maps = self.one(pictures)
        return maps + self.inner(maps)


def test_a_model_in_plain_python_is_followed_and_its_inner_models_are_parts():
    model = Written()
    model(np.zeros((1, 8, 8, 3), np.float32))
    found = graph.layer_graph(model)
    assert found.node("inner/two").within == ("inner",)
    (add,) = [node.name for node in found.nodes if node.kind == "add"]
    assert {("one", add), ("inner/two", add), ("one", "inner/r")} <= pairs(found)
    view = graph.fold(found)
    assert {("one", "inner"), ("inner", add)} <= {(edge.source, edge.target) for edge in view.edges}
    assert view.counts == {"inner": 2}
    opened = graph.fold(found, {"inner"})
    assert opened.opened == {"inner": ("inner/r", "inner/two")}


@pytest.mark.parametrize(("layer", "given", "formula"), [
    (lambda: layers.DepthwiseConv2D(3), (8, 8, 4), "3·3·4·1 · 6·6 = 1,296"),
    (lambda: layers.SeparableConv2D(5, 3), (8, 8, 4), "(3·3·4·1 + 1·1·4·5) · 6·6 = 2,016"),
    (lambda: layers.Conv2DTranspose(5, 3, strides=2), (8, 8, 4), "3·3·5·4 · 8·8 = 11,520"),
    (lambda: layers.Conv2D(6, 3, groups=2), (8, 8, 4), "3·3·2·6 · 6·6 = 3,888"),
    (lambda: layers.BatchNormalization(), (8, 8, 4), ""),
    (lambda: layers.MaxPooling2D(), (8, 8, 4), ""),
])  # fmt: skip
def test_multiply_adds_of_each_kind_of_layer(layer, given, formula):
    model = keras.Sequential([keras.Input(given), layer()])
    assert graph.layer_graph(model).nodes[1].work == formula


def test_what_is_not_counted_is_not_called_nothing():
    pictures = keras.Input((8, 8, 4))
    rows = layers.Reshape((64, 4))(pictures)
    found = graph.layer_graph(keras.Model(pictures, layers.MultiHeadAttention(2, 4, name="look")(rows, rows)))
    assert found.node("look").multiply_adds is None
    assert found.node("look").formula.endswith(f"= {found.parameters:,}")


# --- parts and places -----------------------------------------------------------------------------------------------


def overlap(one, other):
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("everything", [False, True], ids=["closed", "open"])
def test_boxes_do_not_overlap_and_every_edge_runs_downwards_outside_of_them(name, everything):
    found = large(name)
    view = graph.fold(found, graph.groups(found) if everything else ())
    layout = graph.arrange(view)
    boxes = list(layout.boxes.values())
    assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2))
    for edge, points in zip(view.edges, layout.lines, strict=True):
        assert all(below[1] > above[1] for above, below in itertools.pairwise(points)), edge
    assert all(x >= 0 and x + w <= layout.size[0] and y + h <= layout.size[1] for x, y, w, h in boxes)
    corners = [point for line in layout.lines for point in line[1:-1]]
    inside = [(x, y) for x, y in corners for left, top, w, h in boxes if left < x < left + w and top < y < top + h]
    assert not inside


@pytest.mark.parametrize(("name", "most"), [("MobileNetV2", 35), ("ResNet50", 30), ("InceptionV3", 40), ("VGG16", 15)])
def test_a_large_network_is_small_while_its_parts_are_closed_and_nothing_is_lost(name, most):
    found = large(name)
    view = graph.fold(found)
    assert len(view.nodes) <= most
    assert sum(node.parameters for node in view.nodes) == found.parameters
    opened = graph.fold(found, graph.groups(found))
    assert [node.name for node in opened.nodes] == [node.name for node in found.nodes]


def test_a_small_network_has_no_parts_and_numbered_layers_are_no_part():
    assert graph.groups(graph.layer_graph(zoo.mnist_convnet())) == ()
    assert graph.groups(graph.layer_graph(zoo.cats_and_dogs_convnet())) == ()
    assert graph.groups(graph.layer_graph(zoo.shapes_convnet())) == ("block1", "block2", "block3", "block4")


def test_names_in_the_drawing_are_text_and_nothing_else():
    hostile = '"><script>alert(1)</script><a href="javascript:x" onload="x">&\x00'
    shape = (8, 8, 3)
    nodes = [graph.Node(name, name, kind, shape) for name, kind in ((hostile, "Conv2D"), ("b", hostile), ("c", "Add"))]
    nodes += [graph.Node(f"p/{hostile}{place}", hostile, "ReLU", shape, within=(hostile,)) for place in range(3)]
    edges = [graph.Edge(one.name, other.name, shape) for one, other in itertools.pairwise(nodes)]
    found = graph.Graph(tuple(nodes), tuple(edges))
    view = graph.fold(found, {hostile})
    text = graph.svg(view)
    tree = ElementTree.fromstring(text)
    kinds = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert kinds == {"svg", "title", "rect", "path", "text", "g"}
    assert not any(name.startswith("on") or "href" in name for element in tree.iter() for name in element.attrib)
    assert any("alert(1)" in (element.text or "") for element in tree.iter())


def test_every_edge_shows_its_shape():
    found = graph.layer_graph(zoo.mnist_convnet())
    text = graph.svg(graph.fold(found))
    for edge in found.edges:
        assert f">{drawing.shape_words(edge.shape)}<" in text


def test_the_picture_has_every_box_where_the_layout_puts_it_and_every_line_between():
    view = graph.fold(graph.layer_graph(residual()))
    layout = graph.arrange(view)
    picture = graph.picture(view, layout, chosen="first")
    assert picture.shape == (2 * round(layout.size[1]), 2 * round(layout.size[0]), 3)
    for node in view.nodes:
        x, y, wide, high = (2 * side for side in layout.boxes[node.name])
        fill, edge = (ImageColor.getrgb(one) for one in drawing.FAMILIES[drawing.family(node.kind)])
        assert tuple(picture[round(y + high / 8), round(x + wide / 2)]) == fill
        thick = [tuple(picture[round(y + one), round(x + wide / 4)]) == edge for one in range(8)]
        assert sum(thick) == (7 if node.name == "first" else 3), node.name
        inside = picture[round(y) : round(y + high), round(x) : round(x + wide)].astype(int)
        assert (inside.sum(axis=-1) < 200).any(), "its name is written in it"
    for (x, y), (to_x, to_y) in [(points[0], points[-1]) for points in layout.lines if len(points) == 2]:
        row, col = y + to_y, x + to_x  # halfway, at two pixels to a unit
        assert tuple(picture[round(row), round(col)]) == ImageColor.getrgb("#8b8b85")


def test_a_very_large_network_is_drawn_smaller(monkeypatch):
    view = graph.fold(graph.layer_graph(residual()))
    monkeypatch.setattr(graph.painting, "_MOST", 40_000)
    assert graph.picture(view).size < 3 * 41_000
