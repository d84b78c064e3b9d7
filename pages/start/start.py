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

OTHERS = (
    ("pictures/pixels", "Pixels", "What a computer sees of a picture: numbers."),
    ("pictures/pooling", "Pooling and strides", "Making a feature map smaller, and what a shift does to it."),
    ("pictures/kinds", "Kinds of convolution", "Dilated, transposed, grouped, depthwise: what each makes and costs."),
    ("pictures/fourier", "Fourier", "A convolution as a product of spectra."),
    ("pictures/receptive_field", "Receptive field", "How much of the picture one cell of a deep layer sees."),
    ("pictures/tuning", "Tuning", "Which angle, width and curve a kernel answers to."),
    ("learning/data", "Data and augmentation", "What a network learns from, and how one picture becomes many."),
    ("learning/transfer", "Transfer", "A new head on a network that has learned before."),
    ("learning/time_machine", "Time machine", "Go back through a training: everything as it was at any step."),
    ("learning/compare", "Compare runs", "Two settings, several seeds each: a difference, or luck."),
    ("learning/shortcut", "Shortcut lab", "A network that is right for the wrong reason, caught and mended."),
    ("inside/network", "Network", "The graph of a network's layers, with every size and cost."),
    ("inside/kernels", "Kernels", "The weights that a network has learned."),
    ("inside/microscope", "Microscope", "The arithmetic behind one cell of any layer."),
    ("inside/knock_out", "Knock-out", "What a network loses without a channel, or with another weight."),
    ("explaining/trust", "Trust", "Three tests that a heat map can fail."),
)

ui.heading("ConvViz", "What do convolutional networks do, and how can you see it?")
st.markdown("Five pages to begin with, in the order of the lecture. Every page opens on an example.")

with st.container(key="jobs"):
    columns = st.columns(len(JOBS))
for number, (column, (file, title, sentence)) in enumerate(zip(columns, JOBS, strict=False), 1):
    with column, st.container(border=True, height="stretch"):
        drawn = ui.ASSETS / "start" / f"{file.rpartition('/')[2]}.png"
        st.image(drawn, alt=f"What the page {title} shows", output_format="PNG")
        st.page_link(
            f"pages/{file}.py", label=f"**{number}. {title}**", icon=":material/arrow_forward:", width="stretch"
        )
        st.markdown(sentence)
ui.section("Further pages")
further = st.container(key="further")
for number, (file, title, sentence) in enumerate(OTHERS):
    if number % 3 == 0:
        columns = further.columns(3)
    with columns[number % 3], st.container(gap=None):
        st.page_link(f"pages/{file}.py", label=title, icon=":material/arrow_forward:", width="stretch")
        st.caption(sentence)
ui.notes(
    [
        "The picture and the network that you choose travel with you from page to page.",
        "The address bar holds every choice: a copied link shows the same thing.",
    ],
    "every page names the paper or the lecture that it follows.",
)
