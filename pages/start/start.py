"""Page: what is here, and in which order."""

import streamlit as st

from pages.shared import ui

JOBS = (
    ("pictures/convolution", "Convolution", "Slide a hand-picked kernel over a photograph and read the numbers."),
    ("learning/training", "Training", "Train the lecture's digit network and watch loss and accuracy move."),
    ("inside/feature_maps", "Feature maps", "Open every channel of every layer of a trained network."),
    ("inside/filter_patterns", "Filter patterns", "Let gradient ascent draw what each filter looks for."),
    ("explaining/grad_cam", "Grad-CAM", "See which places of a picture spoke for a class."),
)

ui.heading("ConvViz", "What do convolutional networks do, and how can you see it?")
st.markdown(
    "Five of the pages, in the order of the lecture; the side bar has all of them. Every page opens on an example."
)

columns = st.columns(3) + st.columns(3)
for number, (column, (file, title, sentence)) in enumerate(zip(columns, JOBS, strict=False), 1):
    with column, st.container(border=True, height="stretch"):
        st.image(ui.ASSETS / "start" / f"{file.rpartition('/')[2]}.png", alt=f"What the page {title} shows")
        st.page_link(
            f"pages/{file}.py", label=f"**{number}. {title}**", icon=":material/arrow_forward:", width="stretch"
        )
        st.markdown(sentence)
ui.notes(
    [
        "The picture and the network that you choose travel with you from page to page.",
        "The address bar holds every choice: a copied link shows the same thing.",
    ],
    "every page names the paper or the lecture that it follows.",
)
