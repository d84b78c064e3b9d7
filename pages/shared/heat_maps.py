"""Heat maps on a page: one in three views, two classes side by side, several pictures; what to notice about them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from convviz import localization, rendering, zoo
from convviz.attribution import ABOUT, ONLY_AGAINST, Attribution, TopClass, evidence
from pages.shared import choices, ui, words
from pages.shared.explanations import Asked, Shown

SURE = 0.75  # probability of the top class below which the page says that the network is not sure
PIXELS = ("gradient", "smooth_gradient", "gradient_times_input", "integrated_gradients", "guided_backpropagation")
ACROSS = 4  # pictures in a row
LARGE = 300  # pixels that a small map is enlarged to at least
_heat, _overlay = ui.cached(rendering.heat), ui.cached(rendering.overlay)  # drawn once for all visitors


@dataclass(frozen=True)
class Looks:
    """How maps are drawn: strength over the picture, colours, share of the maximum from which a box counts."""

    alpha: float
    colormap: str
    threshold: float
    one_scale: bool = False


def over(picture: np.ndarray, answer: Attribution, looks: Looks, scale: float = 1.0) -> np.ndarray:
    """The heat map over the greyed picture."""
    return _overlay(picture, answer.heatmap * scale, alpha=looks.alpha, colormap=looks.colormap)


def scales(answers: Sequence[Attribution], looks: Looks) -> list[float]:
    """What each map is multiplied by before it is drawn: 1, or so that the largest of all gives the scale."""
    largest = max(answer.limit for answer in answers)
    return [answer.limit / largest if looks.one_scale and largest > 0 else 1.0 for answer in answers]


def draw(shown: Shown, card: zoo.Card, looks: Looks) -> None:
    """What is shown; told to be unfinished while it grows; dimmed where it answers the question before."""
    if shown.is_older:
        method = ABOUT[shown.asked.method].title
        st.caption(f":material/history: Still the result before: {method} for {named(shown, 0)}.")
    elif shown.done < 1:
        st.caption(f":material/hourglass_top: The map so far, from {shown.done:.0%} of the work.")
    with st.container(key="older" if shown.is_older else "explanation"):
        if why := no_number(shown):
            ui.error(why)
        elif shown.asked.view == "one":
            one(shown, looks)
        else:
            (two if shown.asked.view == "two" else many)(shown, card, looks)


def no_number(shown: Shown) -> str:
    """Why nothing can be drawn: the answer, or the gradient, is not a number; of several pictures in all of them."""
    lost = [answer for answer in shown.answers if not answer.is_number]
    nothing = lost and (shown.asked.view != "many" or len(lost) == len(shown.answers))
    return f"the map is not made of numbers: {lost[0].note}" if nothing else ""


def told(shown: Shown, card: zoo.Card) -> None:
    """What was explained, at which layer and why there, by which formula; why a map is blank."""
    if no_number(shown):
        return
    for place, answer in enumerate(shown.answers):
        if answer.note and shown.asked.view != "many":
            way = "; with “Evidence against it, too” it is seen" if answer.note == ONLY_AGAINST else ""
            st.warning(f"{words.sentence(named(shown, place))[:-1]}: {words.sentence(answer.note + way)}")
    first, about = shown.answers[0], ABOUT[shown.asked.method]
    explained = " and ".join(
        f"**{named(shown, p)}**, {sure(card, one.score)}" for p, one in enumerate(shown.answers[:2])
    )
    what = f"Explained: {explained}" if shown.asked.view != "many" else f"Explained: {len(shown.answers)} pictures"
    layer = f", at layer **{words.safe(first.layer)}**" if first.layer else ""
    st.markdown(f"{what}{layer}. {words.reason(first.layer_reason)}")
    st.markdown(f"**{about.title}**: {about.idea}.")
    st.markdown(f"${about.signed if shown.asked.signed else about.formula}$")
    about_layer = "A the layer's feature maps and g the gradient of y there"
    about_input = "x the picture with its colours c, and g the gradient of y there"
    st.caption(f"y is the number before softmax or sigmoid, {about_layer if about.coarse else about_input}.")
    for place, answer in enumerate(shown.answers):
        if answer.adds_up is not None and shown.asked.view != "many":
            st.caption(_sum(answer.adds_up, named(shown, place)))


def _sum(adds_up: tuple[float, float], name: str) -> str:
    """How complete integrated gradients are."""
    total, whole = adds_up
    off = f", {words.share(abs(total - whole) / abs(whole), fine=True)} off" if whole else ""
    return (
        f"With both signs the map for {name} adds up to {words.number(total)} of {words.number(whole)}{off}: y for "
        "this picture less y for a black one. What is missing, or too much, is the error of the sum that stands for "
        "the integral."
    )


def named(shown: Shown, place: int) -> str:
    """What is explained in a picture, as Markdown that shows it and does nothing else."""
    return words.safe(shown.name(place))


def sure(card: zoo.Card, number: float) -> str:
    """How sure the network is, or its number where it has no classes."""
    return f"probability {words.share(number, fine=True)}" if card.class_names else f"value {words.number(number)}"


def one(shown: Shown, looks: Looks) -> None:
    """The picture with its box, the overlay, the raw map and the enlarged one, each with what its colours mean."""
    (answer,), (picture,) = shown.answers, shown.asked.pictures
    left, right = st.columns(2)
    with left:
        boxed(shown, looks)
    with right:
        blended = over(picture, answer, looks)
        told = words.where(evidence(answer), shown.name(0))
        ui.picture(
            blended, f"Over the picture, strength {looks.alpha:.0%}, {words.shape(blended)}", told, at_least=LARGE
        )
        _blended_bar(answer, looks)
    left, right = st.columns(2)
    with left:
        raw = np.nan_to_num(answer.raw, nan=0.0, posinf=0.0, neginf=0.0)
        limit = float(np.abs(raw).max())
        drawn = _heat(raw / limit if limit > 0 else raw, looks.colormap)
        told = f"Raw map: {words.where(raw, shown.name(0))}"
        ui.picture(drawn, f"Raw map as the formula gives it, {words.shape(answer.raw)}", told, at_least=LARGE)
        ui.colour_bar(looks.colormap, limit)
    with right:
        drawn = _heat(answer.heatmap, looks.colormap)
        way = "brought to" if answer.raw.shape != answer.heatmap.shape else "at"
        told = f"Heat map: {words.where(evidence(answer), shown.name(0))}"
        ui.picture(drawn, f"The map {way} the picture's size, {words.shape(answer.heatmap)}", told, at_least=LARGE)
        ui.colour_bar(looks.colormap, answer.limit, beyond=shown.asked.method in PIXELS)


def two(shown: Shown, card: zoo.Card, looks: Looks) -> None:
    """Two classes on one picture, side by side."""
    columns = st.columns(2)
    for place in range(len(shown.answers), len(columns)):
        columns[place].caption(f"{words.sentence(named(shown, place))[:-1]} has not been reached yet.")
    for place, (column, scale) in enumerate(zip(columns, scales(shown.answers, looks), strict=False)):
        answer, picture = shown.answers[place], shown.asked.pictures[place]
        with column:
            ui.section(f"{named(shown, place)}, {sure(card, answer.score)}")
            told = words.where(evidence(answer), shown.name(place))
            whose = "one scale for both" if looks.one_scale else "on its own scale"
            caption = f"What speaks for {named(shown, place)}, {whose}, {words.shape(picture)}"
            ui.picture(over(picture, answer, looks, scale), caption, told, at_least=LARGE)
            limit = max(one.limit for one in shown.answers) if looks.one_scale else answer.limit
            ui.colour_bar(looks.colormap, limit, beyond=shown.asked.method in PIXELS)


def many(shown: Shown, card: zoo.Card, looks: Looks) -> None:
    """Several pictures, each under its map, with the box of the map and the true one where it is known."""
    for start in range(0, len(shown.answers), ACROSS):
        places = range(start, min(start + ACROSS, len(shown.answers)))
        for column, place in zip(st.columns(ACROSS), places, strict=False):
            answer, truth = shown.answers[place], shown.asked.truths[place]
            guess = localization.box(answer.heatmap, threshold=looks.threshold)
            blended = over(shown.asked.pictures[place], answer, looks)
            share = localization.intersection_over_union(guess, truth) if truth is not None else 0.0
            found = f", {sure(card, answer.score)}" if answer.is_number else ""
            found += f", IoU {share:.2f}" if truth is not None and answer.is_number else ""
            caption = f"{words.safe(shown.asked.titles[place])}: {named(shown, place)}{found}"
            note = f". {words.safe(words.sentence(answer.note), 300)}" if answer.note else ""
            told = words.where(evidence(answer), shown.name(place)) if answer.is_number else answer.note
            with column:
                ui.picture(localization.drawn(blended, guess, truth, at_least=LARGE), caption + note, told)
    with st.columns(2)[0]:
        ui.colour_bar(looks.colormap, 1.0, words=("against", "for") if shown.asked.signed else ("little", "most"))
    if any(truth is not None for truth in shown.asked.truths):
        st.caption(f"Thick: around {_piece(shown, looks)}. Thin: the true box.")


def boxed(shown: Shown, looks: Looks) -> None:
    """The picture with the box around what its map marks, and the true box where it is known."""
    (picture,), (title,), (truth,) = shown.asked.pictures, shown.asked.titles, shown.asked.truths
    name, guess = named(shown, 0), localization.box(shown.answers[0].heatmap, threshold=looks.threshold)
    drawn = localization.drawn(picture, guess, truth, at_least=LARGE)
    if guess is None:
        said = "the map marks nothing, so that there is no box"
    else:
        said = f"thick: around {_piece(shown, looks)}"
        said += f"; thin: the true box of the {name}" if truth is not None else ""
    edges = "no box" if guess is None else f"a box from {guess[:2]} to {guess[2:]}"
    alt = f"{title} with {edges} around what speaks for {shown.name(0)}"
    ui.picture(drawn, f"{words.safe(title)}, {words.shape(picture)}; {said}", alt)


def _piece(shown: Shown, looks: Looks) -> str:
    """What a box lies around."""
    most = "the 99th percentile, which is 1 in the heat map" if shown.asked.method in PIXELS else "the largest value"
    return f"the largest connected piece of what reaches {looks.threshold:.0%} of {most}"


def _blended_bar(answer: Attribution, looks: Looks) -> None:
    """What the colours of an overlay mean, on dark and on bright pixels."""
    if answer.limit == 0:
        st.caption("The map is zero everywhere: the picture is only greyed.")
        return
    diverging = looks.colormap in rendering.DIVERGING
    ramp = np.tile(np.linspace(-1 if diverging else 0, 1, 256, dtype=np.float32), (24, 1))
    grey = np.repeat(np.array([[0], [128], [255]], np.uint8), 8, axis=0).repeat(256, axis=1)
    bar = _overlay(grey, ramp, alpha=looks.alpha, colormap=looks.colormap)
    low = f"−{answer.limit:.4g} · 0" if diverging else "0"
    ui.picture(
        bar, f"{low} · · · {answer.limit:.4g}, over black, grey and white pixels",
        f"Colour bar from {low} to {answer.limit:.4g} over black, grey and white",
    )  # fmt: skip


# --- what to notice -----------------------------------------------------------------------------------------------


def noticed(shown: Shown | None, card: zoo.Card, looks: Looks) -> list[str]:
    """Up to three sentences about what is shown."""
    if shown is None:
        return ["The map is seen to grow while the network is asked; the page can be used meanwhile."]
    if shown.is_older:
        return ["The map is seen to grow while the network is asked; what is dimmed belongs to the question before."]
    if no_number(shown):
        return ["What is not a number has no place where it is strongest, so there is nothing to see."]
    if shown.asked.view == "many":
        return _of_many(shown, card, looks)
    first = shown.answers[0]
    said = [words.where(evidence(answer), named(shown, place)) + "." for place, answer in enumerate(shown.answers)]
    if shown.done < 1:
        left = "what was left could still change the map; the program under Code goes to the end"
        return [*said, f"{ABOUT[shown.asked.method].title} was stopped at {shown.done:.0%} of its work: {left}."]
    if len(shown.answers) == 2:
        return [*said, _likeness(shown.answers)]
    if not first.raw.any():
        return said
    cells = words.shape(first.raw)
    coarse = first.raw.shape != first.heatmap.shape and ABOUT[shown.asked.method].coarse
    if coarse:
        said.append(f"The map has only {cells} cells; its outline on the picture cannot be finer than that.")
    truth = shown.asked.truths[0]
    if truth is not None:
        guess = localization.box(first.heatmap, threshold=looks.threshold)
        share = localization.intersection_over_union(guess, truth)
        said.append(
            f"The box of the map and the true box of the {named(shown, 0)} share {share:.2f} of what they cover "
            "together (IoU); 0.5 and more is often called found."
        )
    else:
        said.append(f"It shows what counted, right or wrong: {named(shown, 0)} has {sure(card, first.score)}.")
    return said


def _likeness(answers: Sequence[Attribution]) -> str:
    """How alike two maps of one picture are."""
    one, other = (answer.heatmap.ravel() for answer in answers)
    if not (np.ptp(one) > 0 and np.ptp(other) > 0):
        return "One of the two maps is flat, so that they cannot be compared."
    alike = float(np.corrcoef(one, other)[0, 1])
    number = f"{alike:.2f}".replace("-", "−")
    if alike > 0.8:
        return f"The two maps are nearly the same (correlation {number}): they do not tell what speaks for which class."
    kind = "go apart" if alike < 0.2 else "overlap in part"
    return f"The two maps {kind} (correlation {number})."


def _of_many(shown: Shown, card: zoo.Card, looks: Looks) -> list[str]:
    """Of several pictures: where their maps are strongest, and how well the boxes agree."""
    answers = shown.answers
    blank = sum(bool(answer.note) and answer.is_number for answer in answers)
    lost = sum(not answer.is_number for answer in answers)
    said = [f"{len(answers)} pictures, each map on a scale of its own; {blank or 'none'} of them blank or flat."]
    if lost:
        said[0] = f"{said[0][:-1]}; {lost} without a map, because the answer or its gradient is not a number."
    if shown.done < 1:
        whole = f"{len(answers) - 1} of {words.count(len(shown.asked.pictures), 'picture')}"
        said = [f"Stopped at {shown.done:.0%} of the work: {whole} are explained to the end, and one in part."]
    pairs = [(answer, truth) for answer, truth in zip(answers, shown.asked.truths, strict=False) if truth is not None]
    pairs = [(answer, truth) for answer, truth in pairs if answer.is_number]
    if pairs:
        overlaps = [
            localization.intersection_over_union(localization.box(one.heatmap, threshold=looks.threshold), truth)
            for one, truth in pairs
        ]
        found = sum(overlap >= 0.5 for overlap in overlaps)
        said.append(
            f"Boxes at {looks.threshold:.0%} of the maximum agree with the true ones by {np.mean(overlaps):.2f} (IoU) "
            f"on average; {found} of {len(overlaps)} reach 0.5."
        )
    if card.class_names:
        unsure = sum(answer.score < SURE for answer in answers)
        said.append(f"What is explained has a probability below {SURE:.0%} in {unsure} of them.")
    return said


# --- to take home -------------------------------------------------------------------------------------------------


def pictures_of(shown: Shown, looks: Looks) -> dict[str, np.ndarray]:
    """What is shown, as pictures without ending in their names."""
    method, answers, pictures = shown.asked.method, shown.answers, shown.asked.pictures
    if len(answers) == 1:
        heat = _heat(answers[0].heatmap, looks.colormap)
        return {method: over(pictures[0], answers[0], looks), "heat_map": heat}
    found = {}
    for number, (answer, scale) in enumerate(zip(answers, scales(answers, looks), strict=True), 1):
        found[f"over_{number}"] = over(pictures[number - 1], answer, looks, scale)
    return found


def archive(asked: Asked) -> bytes:
    """Several pictures as one file, in their order, for the program that reads it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for number, picture in enumerate(asked.pictures, 1):
            packed.writestr(f"picture_{number:02}.png", rendering.png(picture))
    return file.getvalue()


def unsure(card: zoo.Card, top: Sequence[TopClass]) -> None:
    """That the network is not sure, where it is not, and the way to a clearer case."""
    if not card.class_names or len(top) < 2 or top[0].probability >= SURE:
        return
    both = " and ".join(f"{words.safe(one.name)} {words.share(one.probability, fine=True)}" for one in top[:2])
    said, way = st.columns([3, 1], vertical_alignment="center")
    said.info(f"The network is not sure about this picture: {both}. A map shows what it went by, right or wrong.")
    if (card.name, len(card.class_names)) != ("shapes", 4):
        way.button("A clearer case", icon=":material/category:", on_click=_clearer, key="clearer", width="stretch")


def _clearer() -> None:
    """A circle and a star, and the network that knows them."""
    choices.set_later("picture", "shapes")
    choices.set_later("network", "shapes")
