"""A page with explorers of every kind, for the browser tests: nothing on it polls, so that every frame is counted."""

import numpy as np
import streamlit as st

from convviz import images, kernels
from pages.shared import explorer

st.set_page_config(layout="wide")
numbers = np.random.default_rng(0).integers(0, 256, (7, 9)).astype(np.uint8)
cat = images.grey(images.sample("cat"))
sobel = kernels.KERNELS["sobel_x"].weights
kind = st.query_params.get("kind", "small")
label = "<img src=x onerror=alert(1)> & <b>picture</b>"

if kind == "small":
    stride = st.number_input("Stride", 1, 3, 1)
    settings = {"stride": stride, "padding": 1, "padding_mode": "reflect"}
    explorer.explorer("convolution", numbers, sobel, key="one", settings=settings, labels={"source": label})
elif kind == "cat":
    explorer.explorer("convolution", cat, sobel, key="one", settings={"padding": "same"})
elif kind == "square":
    explorer.explorer("convolution", cat[:128, :128], sobel, key="one", cells=int(st.query_params.get("cells", 64)))
elif kind == "curve":
    mouse, curve = images.grey(images.sample("drawing")), kernels.KERNELS["curve"].weights
    explorer.explorer("convolution", mouse, curve, key="one", at=(35, 79))
elif kind == "filter":
    weights = np.random.default_rng(0).normal(size=(3, 3, 3)).astype(np.float32)
    explorer.explorer("convolution", images.sample("cat"), weights, key="one", bias=0.5)
elif kind == "pooling":
    explorer.explorer("pooling", numbers, key="one", settings={"size": 2, "padding": "same"})
elif kind == "transposed":
    explorer.explorer("transposed", numbers[:3, :4], sobel, key="one", settings={"stride": 2})
elif kind == "padding":
    settings = {"padding": ((1, 2), (3, 0)), "padding_mode": "circular"}
    explorer.explorer("padding", numbers, key="one", settings=settings)
elif kind == "two":
    explorer.explorer("convolution", numbers, sobel, key="one")
    explorer.explorer("pooling", numbers, key="two", settings={"size": 3, "stride": 1})
elif kind == "pins":
    st.write(f"Pinned: {explorer.explorer('convolution', numbers, sobel, key='one', at=(1, 2), pins=True)}")
elif kind == "follows":
    place = st.session_state.get("place", (1, 2))
    pinned = explorer.explorer("convolution", numbers, sobel, key="one", at=place, pins=True)
    if pinned and pinned != place:
        st.session_state.place = pinned
        st.rerun()
    st.write(f"Written out: {place}")
elif kind == "deep":
    explorer.explorer("transposed", numbers[:3, :4], sobel, key="one", settings={"stride": 1})
elif kind == "odd":
    explorer.explorer("convolution", numbers[:1, :1], sobel[:1, :1], key="one")
    strange = np.array([[np.nan, 1e12], [np.inf, -3.5e-7]], np.float32)
    explorer.explorer("convolution", strange, np.array([[1e6]]), key="two", settings={"padding": 1})
    explorer.explorer("convolution", numbers, np.ones((7, 9)), key="three", settings={"stride": 16, "padding": 4})
    explorer.explorer("transposed", numbers, np.ones((2, 2)), key="four", settings={"stride": 30})
    wide = np.tile(cat[:40], (1, 4))
    explorer.explorer("convolution", wide, np.ones((11, 11)), key="five", settings={"dilation": 8, "padding": "same"})
