"""The ImageNet networks that Keras offers: their sizes, where their weights come from, and what goes into them.

The weights are loaded from the file itself, so nothing is fetched behind the visitor's back: what is not here is
downloaded by ``download`` alone, which says how far it is.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convviz import downloads, lazy

keras = lazy.load("keras")

_SERVER = "https://storage.googleapis.com/"
_CLASSES = "imagenet_class_index.json"
_CLASSES_URL = f"{_SERVER}download.tensorflow.org/data/{_CLASSES}"
_CLASSES_DIGEST = "c2c37ea517e94d9795004a39431a14cb"
_ALIKE = {  # words that name two classes, told apart
    "n02012849": "crane (bird)",
    "n03126707": "crane (machine)",
    "n03710637": "maillot (tights)",
    "n03710721": "maillot (swimsuit)",
}


@dataclass(frozen=True)
class Application:
    """One network of ``keras.applications``.

    Attributes:
        title: the constructor's name, which is also the name for people.
        module: the module of ``keras.applications`` with its ``preprocess_input``.
        model_name: the name that Keras gives the model.
        side: height and width of its pictures, pixels.
        megabytes: size of the weights file as Keras states it.
        parameters: of the whole network.
        file: name of the weights file.
        folder: where it is offered, below Keras' folder on Google's storage server.
        digest: MD5 of the file, None where Keras states none.
        offered_as: its name there, where that is another.
    """

    title: str
    module: str
    model_name: str
    side: int
    megabytes: int
    parameters: int
    file: str
    folder: str
    digest: str | None
    offered_as: str = ""

    @property
    def address(self) -> str:
        """Where the weights are offered."""
        below = f"tensorflow/keras-applications/{self.folder}" if self.folder else "keras-applications"
        return f"{_SERVER}{below}/{self.offered_as or self.file}"


# Made from keras.applications 3.15; sizes as published at keras.io/api/applications.
APPLICATIONS: dict[str, Application] = {
    "mobilenetv2": Application(
        "MobileNetV2", "mobilenet_v2", "mobilenetv2_1.00_224", 224, 14, 3_538_984,
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        "mobilenet_v2", None,
    ),
    "mobilenet": Application(
        "MobileNet", "mobilenet", "mobilenet_1.00_224", 224, 16, 4_253_864,
        "mobilenet_1_0_224_tf.h5",
        "mobilenet", None,
    ),
    "vgg16": Application(
        "VGG16", "vgg16", "vgg16", 224, 528, 138_357_544,
        "vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        "vgg16", "64373286793e3c8b2b4e3219cbf3544b",
    ),
    "vgg19": Application(
        "VGG19", "vgg19", "vgg19", 224, 549, 143_667_240,
        "vgg19_weights_tf_dim_ordering_tf_kernels.h5",
        "vgg19", "cbe5617147190e668d6c5d5026f83318",
    ),
    "resnet50": Application(
        "ResNet50", "resnet", "resnet50", 224, 98, 25_636_712,
        "resnet50_weights_tf_dim_ordering_tf_kernels.h5",
        "resnet", "2cb95161c43110f7111970584f804107",
    ),
    "resnet101": Application(
        "ResNet101", "resnet", "resnet101", 224, 171, 44_707_176,
        "resnet101_weights_tf_dim_ordering_tf_kernels.h5",
        "resnet", "f1aeb4b969a6efcfb50fad2f0c20cfc5",
    ),
    "resnet152": Application(
        "ResNet152", "resnet", "resnet152", 224, 232, 60_419_944,
        "resnet152_weights_tf_dim_ordering_tf_kernels.h5",
        "resnet", "100835be76be38e30d865e96f2aaae62",
    ),
    "resnet50v2": Application(
        "ResNet50V2", "resnet_v2", "resnet50v2", 224, 98, 25_613_800,
        "resnet50v2_weights_tf_dim_ordering_tf_kernels.h5",
        "resnet", "3ef43a0b657b3be2300d5770ece849e0",
    ),
    "resnet101v2": Application(
        "ResNet101V2", "resnet_v2", "resnet101v2", 224, 171, 44_675_560,
        "resnet101v2_weights_tf_dim_ordering_tf_kernels.h5",
        "resnet", "6343647c601c52e1368623803854d971",
    ),
    "resnet152v2": Application(
        "ResNet152V2", "resnet_v2", "resnet152v2", 224, 232, 60_380_648,
        "resnet152v2_weights_tf_dim_ordering_tf_kernels.h5",
        "resnet", "a49b44d1979771252814e80f8ec446f9",
    ),
    "xception": Application(
        "Xception", "xception", "xception", 299, 88, 22_910_480,
        "xception_weights_tf_dim_ordering_tf_kernels.h5",
        "xception", "0a58e3b7378bc2990ea3b43d5981f1f6",
    ),
    "inceptionv3": Application(
        "InceptionV3", "inception_v3", "inception_v3", 299, 92, 23_851_784,
        "inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
        "inception_v3", "9a0d58056eeedaa3f26cb7ebd46da564",
    ),
    "inceptionresnetv2": Application(
        "InceptionResNetV2", "inception_resnet_v2", "inception_resnet_v2", 299, 215, 55_873_736,
        "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
        "inception_resnet_v2", "e693bd0210a403b3192acc6073ad2e96",
    ),
    "densenet121": Application(
        "DenseNet121", "densenet", "densenet121", 224, 33, 8_062_504,
        "densenet121_weights_tf_dim_ordering_tf_kernels.h5",
        "densenet", "9d60b8095a5708f2dcce2bca79d332c7",
    ),
    "densenet169": Application(
        "DenseNet169", "densenet", "densenet169", 224, 57, 14_307_880,
        "densenet169_weights_tf_dim_ordering_tf_kernels.h5",
        "densenet", "d699b8f76981ab1b30698df4c175e90b",
    ),
    "densenet201": Application(
        "DenseNet201", "densenet", "densenet201", 224, 80, 20_242_984,
        "densenet201_weights_tf_dim_ordering_tf_kernels.h5",
        "densenet", "1ceb130c1ea1b78c3bf6114dbdfd8807",
    ),
    "nasnetmobile": Application(
        "NASNetMobile", "nasnet", "nasnet_mobile", 224, 23, 5_326_716,
        "nasnet_mobile.h5",
        "nasnet", "020fb642bf7360b370c678b08e0adf61", "NASNet-mobile.h5",
    ),
    "nasnetlarge": Application(
        "NASNetLarge", "nasnet", "nasnet_large", 331, 343, 88_949_818,
        "nasnet_large.h5",
        "nasnet", "11577c9a518f0070763c2b964a382f17", "NASNet-large.h5",
    ),
    "efficientnetb0": Application(
        "EfficientNetB0", "efficientnet", "efficientnetb0", 224, 29, 5_330_571,
        "efficientnetb0.h5",
        "", "902e53a9f72be733fc0bcb005b3ebbac",
    ),
    "efficientnetb1": Application(
        "EfficientNetB1", "efficientnet", "efficientnetb1", 240, 31, 7_856_239,
        "efficientnetb1.h5",
        "", "1d254153d4ab51201f1646940f018540",
    ),
    "efficientnetb2": Application(
        "EfficientNetB2", "efficientnet", "efficientnetb2", 260, 36, 9_177_569,
        "efficientnetb2.h5",
        "", "b15cce36ff4dcbd00b6dd88e7857a6ad",
    ),
    "efficientnetb3": Application(
        "EfficientNetB3", "efficientnet", "efficientnetb3", 300, 48, 12_320_535,
        "efficientnetb3.h5",
        "", "ffd1fdc53d0ce67064dc6a9c7960ede0",
    ),
    "efficientnetb4": Application(
        "EfficientNetB4", "efficientnet", "efficientnetb4", 380, 75, 19_466_823,
        "efficientnetb4.h5",
        "", "18c95ad55216b8f92d7e70b3a046e2fc",
    ),
    "efficientnetb5": Application(
        "EfficientNetB5", "efficientnet", "efficientnetb5", 456, 118, 30_562_527,
        "efficientnetb5.h5",
        "", "ace28f2a6363774853a83a0b21b9421a",
    ),
    "efficientnetb6": Application(
        "EfficientNetB6", "efficientnet", "efficientnetb6", 528, 166, 43_265_143,
        "efficientnetb6.h5",
        "", "165f6e37dce68623721b423839de8be5",
    ),
    "efficientnetb7": Application(
        "EfficientNetB7", "efficientnet", "efficientnetb7", 600, 256, 66_658_687,
        "efficientnetb7.h5",
        "", "8c03f828fec3ef71311cd463b6759d99",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Headless:
    """The weights of a network without its classes.

    Attributes:
        file: its name, beside the whole network's.
        megabytes: of the file.
        digest: MD5 of the file, None where Keras states none.
        side: of the pictures for which Keras itself takes this file, with another one for others; None: for all.
    """

    file: str
    megabytes: int
    digest: str | None = None
    side: int | None = None


HEADLESS: dict[str, Headless] = {
    "mobilenetv2": Headless("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", 9, side=224),
    "mobilenet": Headless("mobilenet_1_0_224_tf_no_top.h5", 16, side=224),
    "vgg16": Headless("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", 56, "6d6bbae143d832006294945121d1f1fc"),
    "vgg19": Headless("vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", 76, "253f8cb515780f3b799900260a226db6"),
    "resnet50": Headless(
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", 90, "4d473c1dd8becc155b73f8504c6f6626"
    ),
    "resnet50v2": Headless(
        "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5", 90, "fac2f116257151a9d068a22e544a4917"
    ),
    "densenet121": Headless(
        "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5", 28, "30ee3e1110167f948a6b9946edeeb738"
    ),
    "efficientnetb0": Headless("efficientnetb0_notop.h5", 16, "50bc09e76180e00e4465e1a485ddc09d"),
}
"""Of the networks that can be a base; from keras.applications 3.15."""


def is_here(name: str) -> bool:
    """Whether a network's weights and the class names are on this machine.

    Args:
        name: key of ``APPLICATIONS``.

    Returns:
        True if loading it needs no network.
    """
    return all(downloads.find("models", file) is not None for file in (APPLICATIONS[name].file, _CLASSES))


def headless_file(name: str) -> Path | None:
    """The file with the weights below a network's classes: without them, or with them where only that is here.

    Args:
        name: key of ``HEADLESS``.

    Returns:
        Its path, None if neither is here.
    """
    return downloads.find("models", HEADLESS[name].file) or downloads.find("models", APPLICATIONS[name].file)


def headless_address(name: str) -> str:
    """Where the weights below a network's classes are offered.

    Args:
        name: key of ``HEADLESS``.

    Returns:
        Address of its file.
    """
    return f"{APPLICATIONS[name].address.rpartition('/')[0]}/{HEADLESS[name].file}"


def download_headless(name: str) -> Iterator[downloads.Fetched]:
    """Fetch the weights below a network's classes; nothing if they are here.

    Args:
        name: key of ``HEADLESS``.

    Yields:
        downloads.Fetched: bytes so far and in all.

    Raises:
        ConvvizError: the server cannot be reached, or the file came wrong.
    """
    if headless_file(name) is None:
        entry = HEADLESS[name]
        yield from downloads.fetch(headless_address(name), "models", entry.file, digest=entry.digest)


def download(name: str) -> Iterator[downloads.Fetched]:
    """Fetch a network's weights and the class names, as far as they are not here.

    Args:
        name: key of ``APPLICATIONS``.

    Yields:
        downloads.Fetched: bytes of the weights so far and in all.

    Raises:
        ConvvizError: the server cannot be reached, or the file came wrong.
    """
    entry = APPLICATIONS[name]
    downloads.need(_CLASSES_URL, "models", _CLASSES, digest=_CLASSES_DIGEST)
    if downloads.find("models", entry.file) is None:
        yield from downloads.fetch(entry.address, "models", entry.file, digest=entry.digest)


def build(name: str) -> Any:
    """The trained Keras model; its weights must be here.

    Args:
        name: key of ``APPLICATIONS``.

    Returns:
        ``keras.Model`` from (N, side, side, 3), prepared, to (N, 1000) probabilities.
    """
    entry = APPLICATIONS[name]
    path = downloads.find("models", entry.file)
    assert path is not None
    return getattr(keras.applications, entry.title)(weights=str(path))


def preparation(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """What Keras does to a picture before this network.

    Args:
        name: key of ``APPLICATIONS``.

    Returns:
        Function from float32 (N, H, W, 3) in [0, 255] RGB to what the network takes; its input stays as it is.
    """
    module = importlib.import_module(f"keras.applications.{APPLICATIONS[name].module}")

    def prepare(batch: np.ndarray) -> np.ndarray:
        return module.preprocess_input(np.array(batch, np.float32))

    return prepare


def class_names() -> tuple[str, ...]:
    """The 1,000 classes in the order of the outputs, as words.

    Returns:
        Names such as ``"Egyptian cat"``, no two alike.

    Raises:
        ConvvizError: the list is not here and cannot be fetched.
    """
    path = downloads.need(_CLASSES_URL, "models", _CLASSES, digest=_CLASSES_DIGEST)
    table = json.loads(path.read_text())
    rows = (table[str(index)] for index in range(len(table)))
    return tuple(_ALIKE.get(number, word.replace("_", " ")) for number, word in rows)


def known_class_names(count: int) -> tuple[str, ...] | None:
    """The class names if the list is here and a network has as many classes; nothing is fetched.

    Args:
        count: of the network's classes.

    Returns:
        1,000 names, or None.
    """
    return class_names() if count == 1000 and downloads.find("models", _CLASSES) else None


def recognized(model: Any) -> str | None:
    """The name of a model that was made by ``keras.applications``, with its 1,000 classes or without its top.

    Args:
        model: any Keras model.

    Returns:
        Key of ``APPLICATIONS``, or None.
    """
    shape = getattr(model, "output_shape", None)
    if shape != (None, 1000) and len(shape or ()) != 4:
        return None
    family = model.name.split("_1.00_")[0].split("_0.")[0]  # the MobileNets' names go on with width and side
    return next((name for name, entry in APPLICATIONS.items() if entry.model_name.split("_1.00_")[0] == family), None)
