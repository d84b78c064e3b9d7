"""What every attribution method shares: the question (which network, picture, class, layer) and the answer's form."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any, NamedTuple

import cv2
import numpy as np

from convviz import ConvvizError, lazy, tracing, zoo

tf = lazy.load("tensorflow")

Progress = Callable[[int, int], None]  # (done, of how many)
TOP = -1  # stands for "each picture's top class" in a traced function
ONLY_AGAINST = "there is only evidence against this class here"  # the note of a map that is blank for that reason
INPUT_REASON = "this method looks at the input itself, not at a layer"


@dataclass(frozen=True)
class Attribution:
    """How much each place of a picture counted for one class.

    Attributes:
        heatmap: float32 (H, W) at the picture's own size, its largest absolute value 1 unless it is zero everywhere;
            from 0 to 1, or from -1 (against the class) to 1 (for it) when signed.
        raw: float32 (h', w'), the map as the method's formula gives it, at the layer's resolution; without negative
            values unless signed.
        target: class index, or (output, index) for another than the network's own output.
        layer: path of the layer it was read from, None for methods that look at the input.
        layer_reason: why this layer, one sentence.
        score: probability of the target, 0 to 1; for a network without classes, the output itself.
        note: why the map is blank or flat, empty if it is neither.
        method: key in ``METHODS``.
        limit: the value of the map, brought to the picture's size, that is 1 in the heat map; 0 for a blank one.
        adds_up: of integrated gradients the sum of the map with both signs, and what it would be without the error of
            the rule by which it is integrated; None for other methods.
    """

    heatmap: np.ndarray
    raw: np.ndarray
    target: int | tuple[Any, int]
    layer: str | None
    layer_reason: str
    score: float
    note: str
    method: str
    limit: float
    adds_up: tuple[float, float] | None = None

    @property
    def is_number(self) -> bool:
        """Whether the answer and its map are numbers; else ``note`` says why not."""
        return bool(np.isfinite(self.raw).all() and np.isfinite(self.score))

    def light(self) -> Attribution:
        """The same without its heat map, which ``sized`` brings back: what is sent while more is to come."""
        return replace(self, heatmap=np.zeros((0, 0), np.float32))


@dataclass(frozen=True)
class Subject:
    """What a traced function depends on besides its tensors.

    Attributes:
        network: looking at the asked output.
        output: the asked output, None for the network's own.
        layer: path, or None for the input.
    """

    network: Any
    output: Any
    layer: str | None


@dataclass(frozen=True)
class Question:
    """A subject, one or several prepared pictures, and what is asked about them.

    Attributes:
        subject: network, output and layer.
        batch: float32 (N, H, W, C), prepared.
        sizes: (height, width) of each picture as it came.
        single: whether one picture came, so that one answer goes back.
        wanted: class index, or TOP.
        reason: why this layer.
        signed: whether evidence against the class is kept.
        method: key in ``METHODS``.
    """

    subject: Subject
    batch: np.ndarray
    sizes: tuple[tuple[int, int], ...]
    single: bool
    wanted: int
    reason: str
    signed: bool
    method: str


class Part(NamedTuple):
    """A part of a method's work that is over.

    Attributes:
        done: how much of one picture's work, or how many pictures, are done.
        total: of how much.
        so_far: makes what the work until now comes to, where that is a map already: for a generator that is written for
            one picture its map (h, w), for a method its answer, or answers; None where it is nothing yet.
    """

    done: int
    total: int
    so_far: Callable[[], Any] | None = None


Mapped = Generator[Part, None, np.ndarray]  # parts, then the map (h, w) of one picture
Steps = Generator[Part, None, "Attribution | list[Attribution]"]  # parts, then the answer


def stepwise(method: Callable[..., Steps]) -> Callable[..., Attribution | list[Attribution]]:
    """A method that is written as a generator, as a function that goes to its end and calls ``progress`` on the way.

    Args:
        method: yields a ``Part`` after each part of its work and returns the answer.

    Returns:
        The function; its attribute ``steps`` is the generator function, for who wants to be asked between the parts.
    """

    @wraps(method)
    def whole(*arguments: Any, progress: Progress | None = None, **choices: Any) -> Attribution | list[Attribution]:
        return finished(method(*arguments, **choices), progress)

    whole.steps = method
    whole.__annotations__ = {**method.__annotations__, "return": "Attribution | list[Attribution]"}
    return whole


def finished(steps: Generator[Part, None, Any], progress: Progress | None = None) -> Any:
    """What a generator of steps returns in the end."""
    while True:
        try:
            part = next(steps)
        except StopIteration as end:
            return end.value
        if progress is not None:
            progress(part.done, part.total)


def growing(
    question: Question, steps: Mapped, maps: Sequence[np.ndarray], found: dict[str, Any], causes: Sequence[str]
) -> Mapped:
    """One picture's map, of whose parts each can tell what the answer is by then.

    Args:
        question: asked, about this picture and perhaps others.
        steps: makes the map.
        maps: of the pictures before it, which stay as they are.
        found: as for ``conclude``, of these pictures and this one.
        causes: as for ``conclude``, of these pictures and this one.

    Yields:
        the parts.

    Returns:
        The map.
    """
    several = replace(question, sizes=question.sizes[: len(maps) + 1])
    while True:
        try:
            part = next(steps)
        except StopIteration as end:
            return end.value

        def so_far(make: Callable[[], np.ndarray] | None = part.so_far) -> Any:
            return conclude(several, [*maps, make()], found, causes)

        yield part._replace(so_far=so_far)


def ask(network: Any, picture: Any, target: Any, layer: str | None, signed: bool, method: str) -> Question:
    """A checked question about a layer; without a name, the layer that the network's card explains by default."""
    question = ask_input(network, picture, target, signed, method)
    card = question.subject.network.card
    if layer is not None:
        names = [entry.name for entry in card.map_layers()]
        if layer not in names:
            few = ", ".join(names[-3:]) or "a method that looks at the input"
            raise ConvvizError(f"{card.title} has no layer {layer!r} with feature maps; choose another, such as {few}")
    elif card.explained_layer is None:
        raise ConvvizError(
            f"{card.title} has no layer whose feature maps tell places apart, which this method needs; "
            "choose one that looks at the input, such as the gradient"
        )
    subject = replace(question.subject, layer=layer or card.explained_layer)
    return replace(question, subject=subject, reason="chosen by hand" if layer else card.layer_reason)


def ask_input(network: Any, picture: Any, target: Any, signed: bool, method: str) -> Question:
    """A checked question about the input itself."""
    network = zoo.as_network(network)
    batch, sizes, single = _prepared(network, picture)
    output, wanted = target if isinstance(target, tuple) else (None, target)
    if output is not None:
        network = _looking_at(network, output)
    wanted = TOP if wanted is None else operator.index(wanted)
    if wanted < TOP or (target is not None and wanted == TOP and not isinstance(target, tuple)):
        raise ConvvizError(f"there is no class {wanted}; classes are counted from 0")
    return Question(Subject(network, output, None), batch, sizes, single, wanted, INPUT_REASON, bool(signed), method)


def _prepared(network: Any, picture: Any) -> tuple[np.ndarray, tuple[tuple[int, int], ...], bool]:
    """Pictures as a float batch, each one's own size, and whether it was a single one."""
    several = isinstance(picture, (list, tuple))
    if not several and np.ndim(picture) == 4 and np.asarray(picture).dtype != np.uint8:
        batch = network.prepare(picture)
        return batch, (batch.shape[1:3],) * len(batch), len(batch) == 1
    pictures = list(picture) if several or np.ndim(picture) == 4 else [picture]
    if not pictures:
        raise ConvvizError("there is no picture to explain; give at least one")
    batches = [network.prepare(one) for one in pictures]
    sizes = (np.shape(one)[-3:-1] if np.ndim(one) > 2 else np.shape(one) for one in pictures)
    return np.concatenate(batches), tuple(sizes), not several and len(pictures) == 1


def _looking_at(network: Any, output: Any) -> Any:
    """The same network with its eye on another output; model, lock and traced functions are shared."""
    outputs = getattr(network.model, "output", None)
    if isinstance(output, str) and isinstance(outputs, (list, tuple)):
        names = list(network.model.output_names)
        if output not in names:
            raise ConvvizError(f"the network has no output {output!r}; choose one of {', '.join(names)}")
        output = names.index(output)
    if isinstance(outputs, dict) and isinstance(output, int):
        if not 0 <= output < len(outputs):
            raise ConvvizError(f"the network has no output {output}; choose one from 0 to {len(outputs) - 1}")
        output = list(outputs)[output]
    other = copy.copy(network)
    other.output = output
    return other


def call(question: Question, what: str, body: Callable, *extra: Any) -> Callable:
    """The question's traced function of that name, after checking that the wanted class exists.

    Args:
        question: asked.
        what: names the body among all that are traced for the network.
        body: function of (subject, batch, wanted, *extra), returning a dict with at least ``"logits"``.
        extra: further tensor specifications.

    Returns:
        Concrete function of (batch, wanted, *extra).
    """
    subject, shape = question.subject, question.batch.shape[1:]
    key = ("attribution", what, subject.network.output, subject.layer, shape)
    specs = (tf.TensorSpec((None, *shape), tf.float32), tf.TensorSpec((), tf.int32), *extra)
    try:
        function = tracing.traced(subject.network, key, partial(body, subject), *specs)
    except (IndexError, KeyError, TypeError) as error:
        if subject.output is None:
            raise
        raise ConvvizError(f"the network has no output {subject.output!r}; choose one that it has") from error
    classes = function.structured_outputs["classes"].shape[0]
    if question.wanted >= classes:
        raise ConvvizError(f"there is no class {question.wanted}; choose one from 0 to {classes - 1}")
    return function


def answered(subject: Subject, batch: Any, wanted: Any) -> dict[str, Any]:
    """The network's answer; call it inside a traced function only.

    Args:
        subject: whose network and output count here.
        batch: symbolic (N, H, W, C).
        wanted: symbolic int32, class index or TOP.

    Returns:
        logits (N, K), index (N,), chosen (N,): the number that is explained, chances (N, classes): the probabilities,
        score (N,): that of the index, classes: a constant with one zero for each class, and places: int32, the sides of
        an answer that is a map.
    """
    logits, found = tracing.before_activation(subject.network.raw_answer(batch))
    places = tf.shape(logits)[1:-1]
    logits = _row_of_scores(tf.cast(logits, tf.float32))
    card, width = subject.network.card, logits.shape[-1]
    kind = card.output if subject.output is None else found
    if width == 1 and (kind == "sigmoid" or (subject.output is None and len(card.class_names) == 2)):
        index = tf.where(wanted < 0, tf.cast(logits[:, 0] > 0, tf.int32), wanted)
        chosen = logits[:, 0] * tf.cast(2 * index - 1, tf.float32)
        chances = tf.sigmoid(tf.concat([-logits, logits], axis=-1))
    else:
        index = tf.where(wanted < 0, tf.argmax(logits, axis=-1, output_type=tf.int32), wanted)
        chosen = tf.gather(logits, index, batch_dims=1)
        chances = tf.sigmoid(logits) if kind == "sigmoid" else tf.nn.softmax(logits)
        chances = logits if (width == 1 and kind != "sigmoid") or kind == "none" else chances
    score = tf.gather(chances, index, batch_dims=1)
    classes = tf.zeros(chances.shape[-1])
    return {
        "logits": logits,
        "index": index,
        "chosen": chosen,
        "score": score,
        "chances": chances,
        "classes": classes,
        "places": places,
    }


def _row_of_scores(logits: Any) -> Any:
    """Logits as (N, K); an answer for every place is averaged over places."""
    if logits.shape.rank > 2:
        return tf.reduce_mean(logits, axis=list(range(1, logits.shape.rank - 1)))
    return tf.reshape(logits, (-1, logits.shape[-1] if logits.shape.rank > 1 else 1))


def answers_only(question: Question) -> Callable:
    """Traced: (batch, wanted) -> logits, index, chosen and score."""
    return call(replace(question, subject=replace(question.subject, layer=None)), "answer", answered)


def chunks(total: int, batch: np.ndarray) -> Iterator[slice]:
    """Slices of a long list of inputs, each small enough for the memory.

    Args:
        total: inputs in all.
        batch: (N, H, W, C), for the size of one.

    Yields:
        slice of at most 32 inputs, fewer where they are large.
    """
    size = int(np.clip(16 * 224 * 224 / (batch.shape[1] * batch.shape[2]), 1, 32))
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def run(function: Callable, batch: np.ndarray, wanted: int, *extra: Any) -> dict[str, np.ndarray]:
    """Call a traced function with arrays; arrays come back."""
    found = function(tf.constant(batch), tf.constant(wanted, tf.int32), *extra)
    return {name: tensor.numpy() for name, tensor in found.items()}


def conclude(
    question: Question,
    maps: Sequence[np.ndarray] | np.ndarray,
    found: dict[str, Any],
    causes: Sequence[str] | None = None,
    *,
    clip: float = 100.0,
    absolute: bool = False,
) -> Attribution | list[Attribution]:
    """Maps as answers.

    Args:
        question: asked.
        maps: float (N, h', w'), signed.
        found: at least index and score, (N,).
        causes: why each map may be blank, "" for no known cause.
        clip: percentile of the map that becomes 1; pixel maps have few extreme values that would darken all others.
        absolute: without ``signed``, the size counts instead of the positive part.

    Returns:
        One answer, or a list where several pictures came.
    """
    answers, broken = [], ""
    for place, size in enumerate(question.sizes):
        full = np.asarray(maps[place], np.float32)
        is_number = bool(np.isfinite(full).all() and np.isfinite(found["score"][place]))
        if not is_number:
            broken = broken or zoo.no_number(question.subject.network)
        raw = full if question.signed else np.abs(full) if absolute else np.maximum(full, 0)
        note = _note(full, raw, causes[place] if causes else "") if is_number else broken
        heatmap, limit = _heatmap(np.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0), size, clip)
        index = int(found["index"][place])
        answers.append(
            Attribution(
                heatmap=heatmap,
                raw=raw,
                target=index if question.subject.output is None else (question.subject.output, index),
                layer=question.subject.layer,
                layer_reason=question.reason,
                score=float(found["score"][place]),
                note=note,
                method=question.method,
                limit=limit,
            )
        )
    return answers[0] if question.single else answers


def evidence(answer: Attribution, size: tuple[int, int] | None = None) -> np.ndarray:
    """The map as it counts, brought to the picture's size and not clipped: it orders the places, also the strongest.

    The heat map is the same divided by ``limit``, but for the methods that look at single pixels: of these all that is
    above the 99th percentile is 1 there, so that it does not tell which place is the strongest.

    Args:
        answer: of any method.
        size: (H, W) of its picture; the heat map's size without one.

    Returns:
        float32 (H, W), in the method's own units; NaN and infinity are 0.
    """
    raw = np.nan_to_num(answer.raw, nan=0.0, posinf=0.0, neginf=0.0)
    return _resized(raw, answer.heatmap.shape if size is None else size)


def sized(answer: Attribution, size: tuple[int, int]) -> Attribution:
    """An answer with its heat map at the picture's size, as it was before ``Attribution.light``.

    Args:
        answer: with or without its heat map.
        size: (H, W) of its picture.

    Returns:
        The same answer.
    """
    return replace(answer, heatmap=_scaled(evidence(answer, size), answer.limit))


def _heatmap(raw: np.ndarray, size: tuple[int, int], clip: float) -> tuple[np.ndarray, float]:
    """A map at the picture's size with a largest absolute value of 1, and what became 1; zero stays zero."""
    large = _resized(raw, size)
    strength = np.abs(large)
    limit = float(strength.max())
    if clip < 100:
        limit = float(np.percentile(strength, clip)) or limit
    return _scaled(large, limit), limit


def _resized(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map brought to (H, W), averaged where it shrinks and linear between its cells where it grows."""
    shrinks = size[0] < raw.shape[0] and size[1] < raw.shape[1]
    return cv2.resize(raw, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _scaled(large: np.ndarray, limit: float) -> np.ndarray:
    """A map whose values of that size become 1; without a limit it is zero."""
    return np.clip(large / limit, -1, 1).astype(np.float32) if limit > 0 else np.zeros(large.shape, np.float32)


def _note(full: np.ndarray, raw: np.ndarray, cause: str) -> str:
    """Why a map is blank or flat."""
    if not raw.any():
        if not full.any():
            return cause or "nothing that this method changes has any effect on the class"
        return ONLY_AGAINST
    if np.ptp(raw) == 0:
        if raw.size == 1:
            return "the layer has a single place, so the map cannot tell places apart; choose an earlier layer"
        return "the map is flat: every place counts the same"
    return ""
