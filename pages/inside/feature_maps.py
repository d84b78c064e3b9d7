"""Page: every channel of every layer, for one picture."""

from pages.shared import choices, depths, foot, map_views, models, pickers, ui

ui.heading("Feature maps", "What does each layer make of the picture?")
LOOKS = {
    "all": map_views.every, "one": map_views.one, "place": map_views.place, "two": map_views.two,
    "top": map_views.top, "depth": depths.looked,
}  # fmt: skip

view = choices.segments(
    "View", list(LOOKS), key="maps_view", default="all", format_func=map_views.TITLES.get, width="stretch"
)
controls, result = ui.two_sides()
with controls:
    picture = pickers.picture("feature_maps")
    network, card = pickers.network("feature_maps")
    choices.belong(network, *map_views.KEYS)
    names = models.with_maps(card)
shown = LOOKS[view](map_views.Looked(picture, network, card, names, controls, result))
with result:
    ui.notes(shown.noticed, shown.source)
    foot.foot(
        "feature_maps", code=shown.code, files={**shown.files, **pickers.network_files(network)}, check=shown.check,
        private=shown.private,
    )  # fmt: skip
