"""What a training is told and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from convviz.training.displays import Display

OPTIMIZERS = ("rmsprop", "adam", "sgd")  # rmsprop is the lecture's


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        epochs: passes over the training pictures.
        batch_size: pictures for one step.
        learning_rate: of the optimizer.
        optimizer: one of `OPTIMIZERS`.
        augmentation: options of `augmentation.augment`, or None.
        seed: makes the network's beginning, the order of the pictures and the augmentation repeat.
        snapshot_every: steps between two snapshots; None: about every ten seconds and at the end of each epoch.
        patience: epochs without a lower validation loss after which the run ends early; None: never.
        train_from: path of the layer from which on a network learns, such as ``"mobilenetv2_1.00_224/Conv_1"``; empty:
            the layers that are trainable already.
    """

    epochs: int = 5
    batch_size: int = 64
    learning_rate: float = 0.001
    optimizer: str = "rmsprop"
    augmentation: Mapping[str, Any] | None = None
    seed: int = 0
    snapshot_every: int | None = None
    patience: int | None = None
    train_from: str = ""


@dataclass(frozen=True)
class Beginning:
    """What a run begins with.

    Attributes:
        class_names: of the data, and numbers for classes that the network has and the data has not.
        shape: (H, W, C) of the pictures.
        counts: pictures to train on, to choose by, and to report on.
        parameters: of the network.
        trainable: of these, the ones that are learned.
        layers: paths of the layers with feature maps.
        explained: the layer that Grad-CAM takes, or None.
    """

    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    counts: tuple[int, int, int]
    parameters: int
    trainable: int
    layers: tuple[str, ...]
    explained: str | None


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes:
        step: optimizer steps so far.
        steps: steps of the whole run, as it is set now.
        epoch: epochs that are complete.
        loss: mean cross-entropy over the training pictures since the last record.
        accuracy: part of those that were right, in [0, 1].
        validation_loss: the same for validation pictures, without an update.
        validation_accuracy: in [0, 1].
        validation_count: how many validation pictures these two stand for: all of them at the end of an epoch and of
            the run, and when asked for; 128 or fewer in between, always the same ones, which is a glance.
        images_per_second: training pictures, in the last second or so, looks at other pictures not counted.
        seconds_left: expected, to the end of the run.
        test_accuracy: on the test pictures, in the last record only; None where a run was stopped and they are many.
        whole: whether all validation pictures have just been measured, as at the end of an epoch.
        validation_step: the step after which they were measured; a network that is slow to look is not asked each time.
        measured: part of the pictures looked at, while all of them are measured; 1 otherwise.
        learning_rate: now.
        batch_size: now.
        note: why the run ended before its last epoch, one sentence, or what was cut to the server's limits.
        snapshot: the whole state as bytes, without the weights of frozen layers, in some records.
        moments: (step, bytes) pairs: the weights that can change, at some steps, for `trained` and `moment`.
        display: what is seen inside, while somebody watches.
        beginning: in the first record.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    validation_count: int
    images_per_second: float
    seconds_left: float
    test_accuracy: float | None = None
    whole: bool = True
    validation_step: int = 0
    measured: float = 1.0
    learning_rate: float = 0.0
    batch_size: int = 0
    note: str = ""
    snapshot: bytes | None = field(default=None, repr=False)
    moments: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)
    display: Display | None = field(default=None, repr=False)

    beginning: Beginning | None = None

    def light(self) -> Progress:
        """The same without the snapshot, the weights and the pictures."""
        return replace(self, snapshot=None, moments=(), display=None)
