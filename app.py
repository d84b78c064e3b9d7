"""ConvViz, the app: its table of contents. Start it with ``streamlit run app.py``."""

import streamlit as st

from pages.shared import frame

CONTENTS = {  # section -> pages, in teaching order: file, title, Material icon
    "": [("start/start", "Start", "home")],
    "Pictures": [
        ("pictures/pixels", "Pixels", "apps"),
        ("pictures/convolution", "Convolution", "grid_on"),
        ("pictures/pooling", "Pooling and strides", "compress"),
        ("pictures/kinds", "Kinds of convolution", "category"),
        ("pictures/fourier", "Fourier", "graphic_eq"),
        ("pictures/receptive_field", "Receptive field", "crop_free"),
        ("pictures/tuning", "Tuning", "tune"),
    ],
    "Learning": [
        ("learning/data", "Data and augmentation", "photo_library"),
        ("learning/training", "Training", "show_chart"),
        ("learning/transfer", "Transfer", "move_up"),
        ("learning/time_machine", "Time machine", "history"),
        ("learning/compare", "Compare runs", "compare_arrows"),
        ("learning/shortcut", "Shortcut lab", "alt_route"),
    ],
    "Looking inside": [
        ("inside/network", "Network", "account_tree"),
        ("inside/feature_maps", "Feature maps", "view_module"),
        ("inside/kernels", "Kernels", "apps"),
        ("inside/microscope", "Microscope", "biotech"),
        ("inside/knock_out", "Knock-out", "healing"),
        ("inside/filter_patterns", "Filter patterns", "texture"),
    ],
    "Explaining": [("explaining/grad_cam", "Grad-CAM", "visibility"), ("explaining/trust", "Trust", "balance")],
}

if st.runtime.exists():
    frame.show(CONTENTS)
else:
    # Imported by the server, before any visitor: naming the pages now ends Streamlit's search of the pages folder, so
    # that the first visitor of a deep link gets the right page.
    frame.announce(CONTENTS)
    app = st.App(__file__, **frame.SERVER)
