"""One training at work: a step is one call of a traced function, from which nothing is asked until a record is due.

A loop over steps inside the graph would be quicker by less than a hundredth.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convviz import ConvvizError, augmentation, datasets, lazy, tracing, zoo
from convviz.evaluation import pictures_at_once
from convviz.training.displays import Display, Drawer, Watch
from convviz.training.fitting import beginning, check, some_of
from convviz.training.limits import Limits, cut_words
from convviz.training.pace import RECORD_SECONDS, Pace
from convviz.training.records import Beginning, Progress, Settings
from convviz.training.snapshots import assign, numbers, packed

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

_SNAPSHOT_SECONDS = 10.0  # between two snapshots, at least
_COPIED = 64_000_000  # bytes of pictures up to which TensorFlow gets all of them at once
_LARGE = 4_000_000  # bytes of weights from which on they are kept at fewer steps


class Run:
    """One training: the network, its data on the device, and where it stands."""

    def __init__(
        self,
        network: zoo.Network,
        dataset: datasets.Dataset,
        settings: Settings,
        limits: Limits | None = None,
        *,
        masks: Mapping[str, np.ndarray] | None = None,
        learns: tuple[Any, datasets.Dataset] | None = None,
        kept: Sequence[int] | None = None,
    ) -> None:
        self.note = "" if limits is None else cut_words(settings, limits.cut(settings))
        settings = settings if limits is None else limits.cut(settings)
        check(network, dataset, settings, limits)
        self.network, self.dataset, self.settings, self.limits = network, dataset, settings, limits
        self.model, self.masks = network.model, masks or {}  # variable's path -> where it may change
        self._kept = range(len(self.model.variables)) if kept is None else kept  # places of variables in a snapshot
        # What learns, and what it is shown: the network and pictures, or a head and what a frozen base makes of them.
        self._learner, self.seen = learns or (self.model, dataset)
        copied = not (settings.augmentation or learns) and dataset.train_images.nbytes < _COPIED
        self.images = tf.constant(dataset.train_images) if copied else None
        self.labels = tf.constant(dataset.train_labels, tf.int32)
        self.optimizer = keras.optimizers.get({"class_name": settings.optimizer, "config": {}})
        self.optimizer.build(self.model.trainable_variables)
        self.optimizer.learning_rate = settings.learning_rate
        self.step, self.epoch, self.position = 0, 0, 0  # position: step within the epoch
        self.order = self._shuffled()
        rows = tf.TensorSpec([None], tf.int32)
        batch = (tf.TensorSpec([None, *self.seen.train_images.shape[1:]], self.seen.train_images.dtype), rows)
        self._sums = tf.Variable(tf.zeros(2), trainable=False)  # losses, and right answers, since they were read
        self._train_rows = tf.function(self._train_chosen, jit_compile=False, input_signature=(rows,))
        self._train_batch = tf.function(self._train_one, jit_compile=False, input_signature=batch)
        self._measure = tf.function(self._measured, jit_compile=False, input_signature=batch)
        self._gradients = np.zeros(len(self.model.trainable_variables))
        self._pace = Pace(len(dataset.validation_images), len(dataset.test_images), remembers=learns is not None)
        self._looked: tuple[float, float, int, int] = (math.nan, math.nan, 0, 0)  # loss, accuracy, pictures, step
        self._best, self._waited = math.inf, 0  # the lowest validation loss, and epochs since
        self._drawer: Drawer | None = None
        self._watch: Watch | None = None
        self._display: Display | None = None
        self._snapshot_time, self._snapshot_step, self._snapshot_epoch = time.monotonic(), 0, 0
        self._moments: list[tuple[int, bytes]] = [(0, self.weights())]
        self._beginning: Beginning | None = beginning(network, dataset)
        self._next_moment = 1
        self._spent = 0.0  # seconds that the last measuring took, without the pauses in it

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one epoch."""
        return math.ceil(len(self.dataset.train_images) / self.settings.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.step - self.position + (self.settings.epochs - self.epoch) * self.steps_per_epoch

    @property
    def at_epochs_end(self) -> bool:
        """Whether an epoch has just been completed."""
        return self.position == 0 and self.step > 0

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to do: all epochs are done, or the run ends early."""
        return self.step >= self.steps or self.epoch >= self.settings.epochs or self._ends_early()

    # --- one record --------------------------------------------------------------------------------------------

    def advance(self, steps: int | None = None) -> Progress:
        """Make a number of steps, by default as many as take a quarter of a second, never over an epoch's end."""
        began = time.monotonic()
        count = min(steps or self._pace.fitting(), self.steps_per_epoch - self.position)
        loss, correct, seen = self._steps(count)
        seconds = time.monotonic() - began
        if not math.isfinite(loss):
            raise ConvvizError(
                f"the training diverged: after {self.step + count} steps the loss is not a number; choose a learning "
                f"rate below {float(self.optimizer.learning_rate):g}"
            )
        self._pace.trained(count, seconds)
        self.step += count
        self.position += count
        if self.position == self.steps_per_epoch:
            self.epoch, self.position = self.epoch + 1, 0
            self.order = self._shuffled()
        elif steps or self._pace.may_glance():
            self._glance()
        self._keep_moment()
        self._draw()
        self._pace.worked(time.monotonic() - began)
        return self._record(loss, correct / seen, seen / seconds)

    def _record(self, loss: float, accuracy: float, rate: float) -> Progress:
        moments, begun, self._moments, self._beginning = tuple(self._moments), self._beginning, [], None
        validation_loss, validation_accuracy, count, step = self._looked
        return Progress(
            step=self.step,
            steps=self.steps,
            epoch=self.epoch,
            loss=loss,
            accuracy=accuracy,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            validation_count=count,
            validation_step=step,
            whole=False,
            images_per_second=rate,
            seconds_left=self._left(1.0 * self.at_epochs_end),
            learning_rate=self.settings.learning_rate,
            batch_size=self.settings.batch_size,
            note=self.note,
            moments=moments,
            display=self._display,
            beginning=begun,
        )

    def _left(self, look: float) -> float:
        """Expected seconds to the end, with so much of the look at the validation pictures that is due now."""
        return self._pace.left(self.steps - self.step, max(0, self.settings.epochs - self.epoch) + look, 1.0)

    def _glance(self) -> None:
        """Look at a few validation pictures."""
        count = self._pace.glance
        began = time.monotonic()
        rows = some_of(len(self.dataset.validation_labels), count)
        loss, accuracy = self.measure(self.seen.validation_images[rows], self.dataset.validation_labels[rows])
        self._looked = (loss, accuracy, count, self.step)
        self._pace.glanced(count, time.monotonic() - began)

    def look(self, record: Progress) -> Iterator[Progress]:
        """Measure all validation pictures; the record as it stands in between, and at last with the new numbers."""
        images, labels = self.seen.validation_images, self.seen.validation_labels
        for share, loss, accuracy in self.measuring(images, labels):  # noqa: B007 -- the last ones are wanted
            self._pace.looking(self._spent, share)
            if share < 1:  # the epoch is complete when all are looked at
                left = self._left(1 - share)
                yield replace(record, measured=share, epoch=self.epoch - self.at_epochs_end, seconds_left=left)
        self._looked = (loss, accuracy, len(images), self.step)
        self._pace.looked(self._spent)
        if self.at_epochs_end:
            self._waited = 0 if loss < self._best else self._waited + 1
            self._best = min(self._best, loss)
        yield replace(
            record, validation_loss=loss, validation_accuracy=accuracy, validation_count=len(images),
            validation_step=self.step, whole=True, seconds_left=self._left(0.0),
        )  # fmt: skip

    def test(self, record: Progress) -> Iterator[Progress]:
        """Measure all test pictures, in the same way."""
        for share, _, accuracy in self.measuring(  # noqa: B007 -- the last one is wanted
            self.seen.test_images, self.seen.test_labels
        ):
            if share < 1:
                yield replace(record, measured=share, whole=False, seconds_left=self._pace.left(0, 0, 1 - share))
        yield replace(record, test_accuracy=accuracy)

    def looks_long(self) -> bool:
        """Whether to measure all validation and test pictures would keep somebody waiting who has asked to stop."""
        return self._pace.seconds_for(len(self.dataset.validation_images) + len(self.dataset.test_images)) > 4

    def _ends_early(self) -> bool:
        """Whether patience or the server's time is at an end; the note says so."""
        patience, limits = self.settings.patience, self.limits
        if patience is not None and self._waited >= patience:
            self.note = f"it ended early: the validation loss has not fallen for {self._waited} epochs"
            return True
        if limits is not None and self._pace.busy > limits.seconds:
            self.note = f"it ended early: this server computes one training for at most {limits.seconds:,} seconds"
            return True
        return False

    # --- steps -------------------------------------------------------------------------------------------------

    def _steps(self, count: int) -> tuple[float, int, int]:
        """Make steps; the mean loss, how many pictures were right, and how many were seen."""
        size = self.settings.batch_size
        rows = self.order[self.position * size : (self.position + count) * size]
        self._sums.assign([0.0, 0.0])
        for first in range(0, len(rows), size):
            some = rows[first : first + size]
            squares = (
                self._train_batch(*self._made(some)) if self.images is None else self._train_rows(tf.constant(some))
            )
        self._gradients = squares.numpy()
        loss, correct = self._sums.numpy()
        return float(loss / len(rows)), int(correct), len(rows)

    def _made(self, rows: np.ndarray) -> tuple[Any, Any]:
        """A batch whose pictures are augmented now, or whose features are remembered."""
        labels = tf.gather(self.labels, rows)
        if not self.settings.augmentation:
            return tf.constant(self.seen.train_images[rows]), labels
        rng = np.random.default_rng([self.settings.seed, self.epoch, int(rows[0])])
        images = augmentation.augment(self.dataset.train_images[rows], rng=rng, **self.settings.augmentation)
        return tf.constant(images), labels

    def _train_chosen(self, rows: Any) -> Any:
        return self._train_one(tf.gather(self.images, rows), tf.gather(self.labels, rows))

    def _train_one(self, images: Any, labels: Any) -> Any:
        """One step; the squares of each variable's gradient, added up."""
        with tf.GradientTape() as tape:
            losses, correct = self._losses(images, labels, training=True)
            total = tf.reduce_mean(losses) + (tf.add_n(self.model.losses) if self.model.losses else 0.0)
        variables = self.model.trainable_variables
        gradients = tape.gradient(total, variables)
        for index, variable in enumerate(variables):
            if variable.path in self.masks:  # a gradient of 0 leaves a number as it is, with each of `OPTIMIZERS`
                gradients[index] *= self.masks[variable.path]
        self._update(gradients, variables)
        self._sums.assign_add(tf.stack([tf.reduce_sum(losses), correct]))
        return tf.stack([tf.constant(0.0) if one is None else tf.reduce_sum(tf.square(one)) for one in gradients])

    def _update(self, gradients: list[Any], variables: list[Any]) -> None:
        """What `optimizer.apply` does, variable by variable: after that, TensorFlow would keep the graph for ever."""
        rate = tf.cast(self.optimizer.learning_rate, tf.float32)
        for gradient, variable in zip(gradients, variables, strict=True):
            if gradient is not None:
                self.optimizer.update_step(gradient, variable.value, rate)
                if variable.constraint is not None:
                    variable.assign(variable.constraint(variable.value))
        self.optimizer.iterations.assign_add(1)

    def _measured(self, images: Any, labels: Any) -> tuple[Any, Any]:
        losses, correct = self._losses(images, labels, training=False)
        return tf.reduce_sum(losses), correct

    def _losses(self, images: Any, labels: Any, *, training: bool) -> tuple[Any, Any]:
        """Cross-entropy of every picture, and how many are right."""
        low, high = self.network.card.value_range if self._learner is self.model else (0.0, 255.0)
        batch = tf.cast(images, tf.float32) * ((high - low) / 255.0) + low
        logits, _ = tracing.before_activation(self._learner(batch, training=training))
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
        *_, (_, loss, accuracy) = self.measuring(images, labels)
        return loss, accuracy

    def measuring(self, images: np.ndarray, labels: np.ndarray) -> Iterator[tuple[float, float, float]]:
        """The same bit by bit: (part of the pictures looked at, their mean loss, accuracy), about four a second."""
        loss = correct = self._spent = told = 0.0
        size = pictures_at_once(self.network.card)
        for first in range(0, len(images), size):
            began = time.monotonic()
            batch, truth = images[first : first + size], labels[first : first + size]
            sums = self._measure(tf.constant(batch), tf.constant(truth, tf.int32))
            loss, correct, done = loss + float(sums[0]), correct + float(sums[1]), first + len(batch)
            self._spent += time.monotonic() - began
            if done == len(images) or self._spent - told > RECORD_SECONDS:
                told = self._spent
                yield done / len(images), loss / done, correct / done

    def change(self, changes: Mapping[str, Any]) -> None:
        """New settings, from the next step on; a new batch size begins with the next epoch's share of pictures."""
        if "watch" in changes:
            self._watch = changes["watch"]
            self._pace.watch(0.0 if self._watch is None else self._watch.seconds)
        allowed = {name: changes[name] for name in ("learning_rate", "batch_size", "epochs") if name in changes}
        if not allowed:
            return
        seen = self.position * self.settings.batch_size
        settings = replace(self.settings, **allowed)
        self.settings = settings if self.limits is None else self.limits.cut(settings)
        check(self.network, self.dataset, self.settings, self.limits)
        self.optimizer.learning_rate = self.settings.learning_rate
        self.position = min(seen // self.settings.batch_size, self.steps_per_epoch - 1)

    def _draw(self) -> None:
        """Draw the inside if somebody watches and it is not too soon; what was drawn stays meanwhile."""
        if self._watch is None or not self._pace.watches():
            self._display = None
        elif self._pace.may_draw():
            began = time.monotonic()
            self._display = self.drawn()
            self._pace.drew(time.monotonic() - began)

    def drawn(self) -> Display:
        """The inside as it is now."""
        self._drawer = self._drawer or Drawer(self.network, self.dataset)
        variables = self.model.trainable_variables
        gradients = {id(one): float(square) for one, square in zip(variables, self._gradients, strict=True)}
        return self._drawer.draw(self._watch or Watch(), self.step, gradients)

    def _shuffled(self) -> np.ndarray:
        """The order of the pictures in this epoch; it depends on the seed and the epoch alone."""
        rng = np.random.default_rng([self.settings.seed, self.epoch])
        return rng.permutation(len(self.dataset.train_images)).astype(np.int32)

    # --- what is kept ------------------------------------------------------------------------------------------

    def weights(self) -> bytes:
        """The network's numbers alone."""
        return packed(numbers(self.model, self._kept))

    def _keep_moment(self) -> None:
        """Now and then, densely at the beginning, and at the end of each epoch: the weights for who looks back."""
        if self.step >= self._next_moment or self.at_epochs_end:
            data = self.weights()
            self._moments.append((self.step, data))
            self._next_moment = int(self.step * (1.6 if len(data) > _LARGE else 1.15)) + 1

    def snapshot_is_due(self) -> bool:
        """Whether the next record should carry one."""
        if self.settings.snapshot_every is not None:
            return self.step - self._snapshot_step >= self.settings.snapshot_every
        return self.epoch > self._snapshot_epoch or time.monotonic() - self._snapshot_time > _SNAPSHOT_SECONDS

    def snapshot(self) -> bytes:
        """The whole state: weights, optimizer, position."""
        self._snapshot_time, self._snapshot_step, self._snapshot_epoch = time.monotonic(), self.step, self.epoch
        arrays = numbers(self.model, self._kept)
        arrays |= {f"optimizer_{index}": np.asarray(one) for index, one in enumerate(self.optimizer.variables)}
        arrays["where"] = np.array([self.step, self.epoch, self.position, self.settings.batch_size, self._next_moment])
        arrays["measured"] = np.array([*self._looked, self._best, self._waited, self._pace.busy])
        return packed(arrays)

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot."""
        with np.load(io.BytesIO(snapshot), allow_pickle=False) as arrays:
            assign(self.model, arrays)
            for index, variable in enumerate(self.optimizer.variables):
                variable.assign(arrays[f"optimizer_{index}"])
            self.step, self.epoch, self.position, size, self._next_moment = (int(one) for one in arrays["where"])
            loss, accuracy, count, step, self._best, waited, self._pace.busy = arrays["measured"].tolist()
        self._looked, self._waited = (loss, accuracy, int(count), int(step)), int(waited)
        self.settings = replace(self.settings, batch_size=size)
        self._snapshot_epoch, self._snapshot_step = self.epoch, self.step
        self._moments = []
        self.order = self._shuffled()
