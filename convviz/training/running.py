"""One training at work: several steps in one traced function, so that telling how far it is costs little."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convviz import ConvvizError, augmentation, datasets, lazy, tracing, zoo
from convviz.training.records import OPTIMIZERS, Progress, Settings

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

_RECORD_SECONDS = 0.35  # between two records
_SNAPSHOT_SECONDS = 10.0  # between two snapshots, at least
_GLANCE = 128  # validation pictures that are looked at for every record; all of them at the end of an epoch


class Run:
    """One training: the network, its data on the device, and where it stands."""

    def __init__(self, network: zoo.Network, dataset: datasets.Dataset, settings: Settings) -> None:
        check(network, dataset, settings)
        self.network, self.dataset, self.settings = network, dataset, settings
        self.model = network.model
        self.images, self.labels = tf.constant(dataset.train_images), tf.constant(dataset.train_labels, tf.int32)
        self.optimizer = keras.optimizers.get({"class_name": settings.optimizer, "config": {}})
        self.optimizer.build(self.model.trainable_variables)
        self.optimizer.learning_rate = settings.learning_rate
        self.step, self.epoch, self.position = 0, 0, 0  # position: step within the epoch
        self.order = self._shuffled()
        number = tf.TensorSpec([], tf.int32)
        rows = tf.TensorSpec([None], tf.int32)
        batch = (tf.TensorSpec([None, *dataset.train_images.shape[1:]], self.images.dtype), rows)
        self._train = tf.function(self._train_steps, jit_compile=False, input_signature=(rows, number, number))
        self._train_batch = tf.function(self._train_one, jit_compile=False, input_signature=batch)
        self._measure = tf.function(self._measured, jit_compile=False, input_signature=batch)
        self._seconds_per_step: float | None = None
        self._snapshot_time, self._snapshot_step, self._snapshot_epoch = time.monotonic(), 0, 0

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one epoch."""
        return math.ceil(len(self.dataset.train_images) / self.settings.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.step - self.position + (self.settings.epochs - self.epoch) * self.steps_per_epoch

    # --- one record --------------------------------------------------------------------------------------------

    def advance(self, steps: int | None = None, *, whole: bool = False) -> Progress:
        """Make a number of steps, by default as many as take a third of a second, never over an epoch's end."""
        count = min(steps or self._fitting(), self.steps_per_epoch - self.position)
        began = time.monotonic()
        loss, correct, seen = self._steps(count)
        seconds = time.monotonic() - began
        if not math.isfinite(loss):
            raise ConvvizError(
                f"the training diverged: after {self.step + count} steps the loss is not a number; choose a learning "
                f"rate below {float(self.optimizer.learning_rate):g}"
            )
        traced = self._seconds_per_step is None  # the first call's time is that of tracing
        self._seconds_per_step = seconds / count if not traced or count > 1 else seconds / count / 20
        self.step += count
        self.position += count
        if self.position == self.steps_per_epoch:
            self.epoch, self.position = self.epoch + 1, 0
            self.order = self._shuffled()
        return self._record(loss, correct, seen, seconds, whole or self.position == 0)

    def _record(self, loss: float, correct: int, seen: int, seconds: float, whole: bool) -> Progress:
        images, labels = self.dataset.validation_images, self.dataset.validation_labels
        count = len(images) if whole else min(_GLANCE, len(images))
        validation_loss, validation_accuracy = self.measure(images[:count], labels[:count])
        return Progress(
            step=self.step,
            steps=self.steps,
            epoch=self.epoch,
            loss=loss,
            accuracy=correct / seen,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            validation_count=count,
            whole=count == len(images),
            images_per_second=seen / seconds,
            seconds_left=(self.steps - self.step) * self._seconds_per_step * 1.1,
        )

    def _fitting(self) -> int:
        """Steps that take about a third of a second; one at first, to see what a step costs."""
        if self._seconds_per_step is None:
            return 1
        return max(1, round(_RECORD_SECONDS / self._seconds_per_step))

    def _steps(self, count: int) -> tuple[float, int, int]:
        """Make steps; the mean loss, how many pictures were right, and how many were seen."""
        size = self.settings.batch_size
        rows = self.order[self.position * size : (self.position + count) * size]
        if self.settings.augmentation:
            totals = np.zeros(2)
            for first in range(0, len(rows), size):
                batch, labels = self._augmented(rows[first : first + size])
                totals += np.array([float(number) for number in self._train_batch(batch, labels)])
        else:
            totals = [float(n) for n in self._train(tf.constant(rows), tf.constant(size), tf.constant(count))]
        return float(totals[0] / len(rows)), int(totals[1]), len(rows)

    def _augmented(self, rows: np.ndarray) -> tuple[Any, Any]:
        rng = np.random.default_rng([self.settings.seed, self.epoch, int(rows[0])])
        images = augmentation.augment(self.dataset.train_images[rows], rng=rng, **self.settings.augmentation)
        return tf.constant(images), tf.gather(self.labels, rows)

    # --- traced functions --------------------------------------------------------------------------------------

    def _train_steps(self, rows: Any, size: Any, count: Any) -> tuple[Any, Any]:
        loss, correct = tf.constant(0.0), tf.constant(0.0)
        for index in tf.range(count):
            taken = rows[index * size : (index + 1) * size]
            batch_loss, batch_correct = self._train_one(tf.gather(self.images, taken), tf.gather(self.labels, taken))
            loss, correct = loss + batch_loss, correct + batch_correct
        return loss, correct

    def _train_one(self, images: Any, labels: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            losses, correct = self._losses(images, labels, training=True)
            total = tf.reduce_mean(losses) + (tf.add_n(self.model.losses) if self.model.losses else 0.0)
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(total, variables), variables)
        return tf.reduce_sum(losses), correct

    def _measured(self, images: Any, labels: Any) -> tuple[Any, Any]:
        losses, correct = self._losses(images, labels, training=False)
        return tf.reduce_sum(losses), correct

    def _losses(self, images: Any, labels: Any, *, training: bool) -> tuple[Any, Any]:
        """Cross-entropy of every picture, and how many are right."""
        low, high = self.network.card.value_range
        batch = tf.cast(images, tf.float32) * ((high - low) / 255.0) + low
        logits, _ = tracing.before_activation(self.model(batch, training=training))
        logits = tf.cast(logits, tf.float32)
        if logits.shape[-1] == 1:
            losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(labels, tf.float32)[:, None], logits)[:, 0]
            answers = tf.cast(logits[:, 0] > 0, tf.int32)
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            answers = tf.argmax(logits, axis=-1, output_type=tf.int32)
        return losses, tf.reduce_sum(tf.cast(answers == labels, tf.float32))

    # --- beside the steps --------------------------------------------------------------------------------------

    def measure(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """Mean loss and accuracy, without an update."""
        loss = correct = 0.0
        for first in range(0, len(images), 500):
            batch, truth = images[first : first + 500], labels[first : first + 500]
            sums = self._measure(tf.constant(batch), tf.constant(truth, tf.int32))
            loss, correct = loss + float(sums[0]), correct + float(sums[1])
        return loss / len(images), correct / len(images)

    def test_accuracy(self) -> float:
        """Accuracy on the test pictures."""
        return self.measure(self.dataset.test_images, self.dataset.test_labels)[1]

    def change(self, changes: Mapping[str, Any]) -> None:
        """New settings, from the next step on; a new batch size begins with the next epoch's share of pictures."""
        allowed = {name: changes[name] for name in ("learning_rate", "batch_size", "epochs") if name in changes}
        if not allowed:
            return
        seen = self.position * self.settings.batch_size
        self.settings = replace(self.settings, **allowed)
        check(self.network, self.dataset, self.settings)
        self.optimizer.learning_rate = self.settings.learning_rate
        self.position = min(seen // self.settings.batch_size, self.steps_per_epoch - 1)

    def _shuffled(self) -> np.ndarray:
        """The order of the pictures in this epoch; it depends on the seed and the epoch alone."""
        rng = np.random.default_rng([self.settings.seed, self.epoch])
        return rng.permutation(len(self.dataset.train_images)).astype(np.int32)

    # --- snapshots ---------------------------------------------------------------------------------------------

    def snapshot_is_due(self) -> bool:
        """Whether the next record should carry one."""
        if self.settings.snapshot_every is not None:
            return self.step - self._snapshot_step >= self.settings.snapshot_every
        return self.epoch > self._snapshot_epoch or time.monotonic() - self._snapshot_time > _SNAPSHOT_SECONDS

    def snapshot(self) -> bytes:
        """The whole state: weights, optimizer, position."""
        self._snapshot_time, self._snapshot_step, self._snapshot_epoch = time.monotonic(), self.step, self.epoch
        arrays = {f"model_{index}": variable.numpy() for index, variable in enumerate(self.model.variables)}
        arrays |= {f"optimizer_{index}": np.asarray(one) for index, one in enumerate(self.optimizer.variables)}
        where = np.array([self.step, self.epoch, self.position, self.settings.batch_size])
        buffer = io.BytesIO()
        np.savez(buffer, where=where, **arrays)
        return buffer.getvalue()

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot."""
        with np.load(io.BytesIO(snapshot), allow_pickle=False) as arrays:
            for index, variable in enumerate(self.model.variables):
                variable.assign(arrays[f"model_{index}"])
            for index, variable in enumerate(self.optimizer.variables):
                variable.assign(arrays[f"optimizer_{index}"])
            self.step, self.epoch, self.position, size = (int(number) for number in arrays["where"])
        self.settings = replace(self.settings, batch_size=size)
        self.order = self._shuffled()


def check(network: zoo.Network, dataset: datasets.Dataset, settings: Settings) -> None:
    """Refuse what cannot be trained."""
    shape, wanted = tuple(dataset.train_images.shape[1:]), tuple(network.card.input_shape)
    if shape != wanted:
        raise ConvvizError(f"the pictures are {_by(shape)} and the network takes {_by(wanted)}; choose other data")
    classes = len(network.card.class_names)
    if classes < len(dataset.class_names):
        raise ConvvizError(f"the data has {len(dataset.class_names)} classes and the network tells {classes} apart")
    if settings.epochs < 1 or settings.batch_size < 1:
        raise ConvvizError(f"epochs ({settings.epochs}) and batch size ({settings.batch_size}) must be at least 1")
    if not 0 < settings.learning_rate <= 10:
        raise ConvvizError(f"a learning rate of {settings.learning_rate:g} cannot be used; choose 0.00001 to 10")
    if settings.optimizer not in OPTIMIZERS:
        raise ConvvizError(f"there is no optimizer {settings.optimizer!r} here; choose one of {', '.join(OPTIMIZERS)}")


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(str(side) for side in shape)
