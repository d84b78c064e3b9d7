"""Names that would be markup, a script, a link, a formula or a picture if anything took them for more than words."""

import numpy as np

from tests.hostile import models

NAMES = (  # Keras allows no slash in the name of a layer
    "<img src=x onerror=alert(1)> evil0",
    "[evil1](javascript:alert(1)) **evilbold** `evilcode`",
    "$evilmath^2$ :material/bug_report: :red[evilred] ~~evilgone~~",
    'evil2" URL="javascript:alert(1)" onclick="alert(1)',
    '=HYPERLINK("evil.invalid") evil3',
    "<b>evilbold<br><a href='https:evil.invalid'>evil4",
    "![evil5](https:evil.invalid) # evil6",
    "</title><script>alert(1)</script> {{7*7}} ${7*7}",
    "http://evil.invalid/x www.evil.invalid evil@evil.invalid evil9 -> evil9 -- &lt;evil9&gt; :cat:",
)
FILE = "<img src=x onerror=alert(1)> [evil7](javascript:alert(1)) **evilbold**.keras"
ARCHIVE = "![evil10](https:evil.invalid) **evilbold** www.evil.invalid.zip"
PICTURE = "<img src=x onerror=alert(2)> [evil8](javascript:alert(1)) **evilbold**.png"


def network() -> bytes:
    """A small convnet of 16 x 16 x 3 with a hostile input, and layers with all the signs that TensorFlow takes."""
    rng = np.random.default_rng(0)
    conv = {"kernel_size": [3, 3], "activation": "relu", "padding": "same"}
    config = models.network(
        models.layer("Conv2D", filters=4, **conv) | {"config": {"name": "evil.0_b_.-", "filters": 4, **conv}},
        models.layer("Conv2D", filters=4, **conv) | {"config": {"name": "1.evilbold__init__", "filters": 4, **conv}},
        models.layer("MaxPooling2D", name="evil__evilbold__", pool_size=[2, 2]),
        models.layer("GlobalAveragePooling2D", name="evil-.-"),
        models.dense(len(NAMES), name="evil.end", activation="softmax"),
        shape=(None, 16, 16, 3),
    )
    config["config"]["layers"][0]["config"]["name"] = NAMES[0]
    arrays = {
        "conv2d__0": rng.normal(0, 0.3, (3, 3, 3, 4)),
        "conv2d_1__0": rng.normal(0, 0.3, (3, 3, 4, 4)),
        "dense__0": rng.normal(0, 1, (4, len(NAMES))),
        "conv2d__1": np.zeros(4),
        "conv2d_1__1": np.zeros(4),
        "dense__1": np.zeros(len(NAMES)),
    }
    return models.keras_file(config, models.h5(models.numbers(**{key: a.astype("f4") for key, a in arrays.items()})))
