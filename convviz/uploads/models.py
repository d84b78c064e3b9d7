"""A visitor's Keras model, whole: read as data, vetted, built anew from what was vetted, and tried."""

from __future__ import annotations

import errno
import io
import json
import re
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

from convviz import ConvvizError, lazy, zoo
from convviz.uploads import configs, legacy, refusals, trial, weights
from convviz.uploads.zips import Archive

keras = lazy.load("keras")

LARGEST_FILE = 200_000_000  # bytes
MOST_MEMBERS = 1_000  # of an archive
ZIP = b"PK\x03\x04"  # how an archive begins
_CONFIG, _WEIGHTS, _METADATA = "config.json", "model.weights.h5", "metadata.json"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SAVE = "save the whole network with model.save('name.keras') and open that"


def open_model(data: bytes) -> Any:
    """A Keras model from outside, ready to predict.

    Keras' own safe mode is no sandbox, so nothing of the file reaches Keras before it is vetted: the archive's table of
    contents, the description as plain JSON, of which only layers in a catalogue of ours with sensible sizes may be
    made, and the weights' HDF5. Keras then gets a new file with just these. The model is not compiled. Networks that
    Keras 2 saved are described anew where Keras 3 cannot read them. Call it in a process of its own with limits on
    memory and time: what can be built at all is still the visitor's choice.

    Args:
        data: a ``.keras`` file, or a whole model as ``.h5``, at most 200 MB.

    Returns:
        A built ``keras.Model`` that has predicted once.

    Raises:
        ConvvizError: another kind of file, weights alone, a layer of the visitor's own, too large, or damaged.

    Source:
        Keras security advisories CVE-2025-1550, -8747, -9905, -9906, -12058, CVE-2026-0897, -1462, -1669.
    """
    data = bytes(data)
    if len(data) > LARGEST_FILE:
        raise ConvvizError(
            f"this file has {len(data) / 1e6:.0f} MB, more than {LARGEST_FILE // 1_000_000} MB; save the network "
            "without its optimizer, or a smaller one"
        )
    if data.startswith(ZIP):
        name, clean = "model.keras", _clean_keras(data)
    elif data.startswith(b"\x89HDF\r\n\x1a\n"):
        name, clean = "model.h5", _clean_h5(data)
    else:
        raise ConvvizError(_foreign(data))
    del data
    return _build(name, clean)


def _foreign(data: bytes) -> str:
    """The sentence that names what a file is instead of a model."""
    if not data:
        return f"this file is empty; {_SAVE}"
    if data[4:8] == b"TFL3":
        return f"this is a TensorFlow Lite file, which keeps no Keras layers; {_SAVE}"
    if data.startswith(b"\x80"):
        return f"this is a Python pickle, which can run any program and is never opened here; {_SAVE}"
    if data[:100].lstrip().startswith(b"{"):
        return f"this is a description without weights; {_SAVE}"
    return f"this file is no Keras model; {_SAVE}"


def _clean_keras(data: bytes) -> bytes:
    """A ``.keras`` archive written anew from the vetted description and the vetted weights."""
    archive = Archive(data, most_members=MOST_MEMBERS)
    members = {member.filename: member for member in archive.members}
    if not {_CONFIG, _WEIGHTS} <= set(members) <= {_CONFIG, _WEIGHTS, _METADATA, zoo.NOTE}:
        raise ConvvizError(_wrong_members(set(members)))
    config = _vetted(archive.read(members[_CONFIG], most_bytes=configs.LARGEST_TEXT))
    numbers = archive.read(members[_WEIGHTS], most_bytes=weights.LARGEST_WEIGHTS)
    weights.vet_weights(numbers)
    clean = io.BytesIO()
    with zipfile.ZipFile(clean, "w", zipfile.ZIP_STORED) as written:
        written.writestr(_METADATA, "{}")
        written.writestr(_CONFIG, json.dumps(config))
        written.writestr(_WEIGHTS, numbers)
    return clean.getvalue()


def _wrong_members(names: set[str]) -> str:
    """The sentence for an archive that is no ``.keras`` file."""
    if any(name.endswith("data.pkl") for name in names):
        return f"this is a PyTorch file, not a Keras model; build the network with Keras and {_SAVE}"
    if any(name.endswith("saved_model.pb") for name in names):
        return f"this is TensorFlow's SavedModel; load it with Keras 2 and {_SAVE}"
    if any(name.endswith((".keras", ".h5")) and name != _WEIGHTS for name in names):
        return "this archive has a model file packed inside; unpack it and open that file"
    if {_CONFIG, _WEIGHTS} <= names:
        return "this model brings files of its own along; leave out the layers that look words up and save it again"
    return f"this archive is no Keras model; {_SAVE}"


def _clean_h5(data: bytes) -> bytes:
    """A whole model's ``.h5`` file with the vetted description in place of its own."""
    weights.vet_weights(data)
    try:
        with weights.open_file(data) as file:
            text, bare = file.attrs.get("model_config"), "model_weights" not in file
    except (OSError, RuntimeError, ValueError, TypeError) as error:  # h5py reads attributes only now
        raise ConvvizError("this model's description is damaged; save the model again") from error
    if text is None:
        raise ConvvizError(f"this file holds the weights alone, and which network they belong to is not in it; {_SAVE}")
    config = _vetted(text.encode(errors="surrogateescape") if isinstance(text, str) else bytes(text))
    if bare:
        raise ConvvizError(f"this file holds a network's description without its weights; {_SAVE}")
    clean = io.BytesIO(data)
    try:
        with weights.h5py.File(clean, "r+") as file:
            for name in [name for name in file.attrs if name.startswith(("model_config", "training_config"))]:
                del file.attrs[name]
            file.attrs["model_config"] = json.dumps(config)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise ConvvizError("this model's file is damaged; save the model again") from error
    return clean.getvalue()


def _vetted(text: bytes) -> dict[str, Any]:
    """A description in Keras 3's form that has passed."""
    try:
        config = legacy.modernize(configs.parse(text))
        _rename(config.get("config"))
        configs.vet(config)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError) as error:
        raise ConvvizError("this model's description is damaged; save the model again") from error
    return config


def _rename(settings: Any) -> None:
    """Give the whole model, which nothing refers to, a name that TensorFlow takes as that of a scope."""
    if isinstance(settings, dict) and isinstance(name := settings.get("name"), str):
        settings["name"] = re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip("_.-") or "model"


def _build(name: str, clean: bytes) -> Any:
    """The model that a clean file describes, after one prediction."""
    with trial.one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="Skipping nested container")  # its weights would stay nought
        try:
            return _load(name, clean)
        except ConvvizError:
            raise
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise ConvvizError("Keras cannot open this network's file; save the network again") from error
            raise ConvvizError(
                "the server has no room left on its disk to open this network; try again later, or tell who runs it"
            ) from error
        except MemoryError as error:
            raise ConvvizError(refusals.NO_MEMORY) from error
        except Exception as error:  # Keras and TensorFlow raise whatever a layer stumbles over
            raise ConvvizError(refusals.sentence(error)) from error


def _load(name: str, clean: bytes) -> Any:
    """The model of a clean file, which Keras wants on a disk."""
    with tempfile.TemporaryDirectory(prefix="convviz-") as folder:
        path = Path(folder, name)
        path.write_bytes(clean)
        with trial.budget():
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    trial.predict_once(model)
    return model
