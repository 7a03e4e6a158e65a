# SPDX-License-Identifier: GPL-2.0-or-later
"""A trained diffusion model and an unfinished training, to and from files.

Enters: preprocessor, network weights, settings. Leaves: model files (everything needed to run again) and checkpoints
(everything needed to go on).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import FileFormatError, SettingsError
from ..io.array_file import (
    KIND_CHECKPOINT,
    KIND_MODEL,
    Shape,
    first_side,
    read_arrays,
    read_shapes,
    write_file,
)
from ..io.model_file import read_model_header
from ..jobs.data_model import Band
from ..jobs.json_dataclasses import is_number, is_whole, shown
from ..jobs.settings import PretrainSettings, from_json, to_json
from .preprocessing import MAX_BANDS, Preprocessor
from .scene_statistics import StoredStatistics, expected_shapes, from_arrays
from .training_state import TIMESTEP_EDGES, Anchor, TrainingState, new_training
from .unet import UNet

log = logging.getLogger(__name__)

_PREPROCESSOR_ARRAYS = ("mean", "scale", "axes", "deviation")
_STATE_PREFIXES = ("network.", "average.", "exp_avg.", "exp_avg_sq.")  # of the arrays of a checkpoint
_ANCHOR_PREFIXES = ("anchor.", "anchor_average.")
_LONGEST_CURVE = 1_000_000  # points; a hundred are stored and at most a hundredth of the iterations wait
# Settings that may differ when a training goes on. Another rate is what a training needs that diverged.
_FREE_ON_RESUME = ("device", "checkpoint_seconds", "learning_rate")


@dataclass(frozen=True)
class DiffusionModel:
    """What extraction needs.

    Attributes:
        preprocessor: From bands to components.
        network: On the CPU, with the averaged weights.
        settings: Of the pretraining.
        source_band_count: Bands of the raster it was trained on, left-out ones included.
        statistics: Of the scene it was trained on; None where the file has none.
    """

    preprocessor: Preprocessor
    network: UNet
    settings: PretrainSettings
    source_band_count: int
    statistics: StoredStatistics | None


def save_model(
    path: Path,
    state: TrainingState,
    description: Mapping[str, Any],
    preprocessor: Preprocessor,
    statistics: StoredStatistics | None = None,
) -> None:
    """Write the averaged weights with all that is needed to use them; description is what describe made."""
    arrays = {f"network.{name}": _to_numpy(weight) for name, weight in state.average.items()}
    arrays.update(_preprocessor_arrays(preprocessor))
    facts = {**description, **_training_facts(state)}
    if statistics:
        arrays.update(statistics.arrays())
        facts["statistics"] = statistics.describe()
    write_file(path, KIND_MODEL, facts, arrays)


def load_model(path: Path) -> DiffusionModel:
    """Read a model file.

    Raises:
        FileFormatError: It is no model, broken, or its parts do not fit together.
    """
    description = read_model_header(path)
    try:
        return model_from(description, read_shapes(path), lambda: read_arrays(path))
    except (KeyError, TypeError, ValueError, RuntimeError, SettingsError) as error:
        raise FileFormatError(f"{path} is not a complete diffusion model ({error}). Train a new one.") from None


def model_from(
    description: Mapping[str, Any], shapes: Mapping[str, Shape], arrays_of: Callable[[], Mapping[str, NDArray[Any]]]
) -> DiffusionModel:
    """A model from what a file says of it, wherever it lies.

    Args:
        description: Checked by check_model_description.
        shapes: Name, type and shape of each array.
        arrays_of: Reads them; called once their shapes are known to be right.

    Raises:
        KeyError, TypeError, ValueError, RuntimeError, SettingsError: Its parts do not fit together.
    """
    settings = from_json(PretrainSettings, description["settings"])
    _check_shapes(description, settings, shapes, ("network.",))
    arrays = arrays_of()
    preprocessor = _preprocessor_from(description, arrays)
    network = UNet(preprocessor.components, settings.base_width)
    _load_weights(network, arrays, "network.")
    statistics = from_arrays(description, arrays)
    return DiffusionModel(preprocessor, network, settings, description["source_band_count"], statistics)


def save_checkpoint(
    path: Path, state: TrainingState, description: Mapping[str, Any], preprocessor: Preprocessor
) -> None:
    """Write weights, average, optimiser and position, and the state to go back to where the training diverges."""
    arrays = _preprocessor_arrays(preprocessor)
    for name, weight in state.network.named_parameters():
        memory = state.optimizer.state[weight]
        arrays[f"network.{name}"] = _to_numpy(weight.detach())
        arrays[f"average.{name}"] = _to_numpy(state.average[name])
        for key in ("exp_avg", "exp_avg_sq"):
            arrays[f"{key}.{name}"] = _to_numpy(memory[key]) if memory else np.zeros(tuple(weight.shape), np.float32)
    arrays.update(_curve(state, ""))
    anchor = state.anchor
    if anchor:
        for prefix, tensors in zip(_ANCHOR_PREFIXES, (anchor.weights, anchor.average)):
            arrays.update({prefix + name: _to_numpy(tensor) for name, tensor in tensors.items()})
        arrays.update(_curve(anchor, "anchor_"))
    position = {
        "iteration": state.iteration,
        "anchor": anchor.iteration if anchor else None,
        "rollbacks": state.rollbacks,
        "restarted": state.restarted,
    }
    write_file(path, KIND_CHECKPOINT, {**description, **position}, arrays)


def _curve(state: TrainingState | Anchor, which: str) -> dict[str, NDArray[np.float64]]:
    losses = np.array(state.losses, dtype=np.float64).reshape(-1, 2)
    arrays = {f"{which}interval": np.array(state.interval, dtype=np.float64), f"{which}losses": losses}
    return arrays if state.by_timestep is None else {**arrays, f"{which}by_timestep": state.by_timestep}


def load_checkpoint(
    path: Path, settings: PretrainSettings, device: torch.device, rasters: Sequence[str] = ()
) -> tuple[TrainingState, Preprocessor]:
    """Read a checkpoint to go on with the same settings.

    Args:
        path: Of the checkpoint.
        settings: Of the training.
        device: To train on.
        rasters: Fingerprints of the rasters that are learnt from; none where they are not asked for.

    Raises:
        FileFormatError: It is no checkpoint, broken, or of a training with other settings or on other rasters.
    """
    description = read_model_header(path, KIND_CHECKPOINT)
    try:
        theirs = description["settings"]
        if not isinstance(theirs, dict):
            raise ValueError(f"its settings are {shown(theirs)}")
        ours = to_json(settings)
        keys = [key for key in {**ours, **theirs} if key not in _FREE_ON_RESUME]
        other = [key for key in keys if theirs.get(key) != ours.get(key)]
        if other:
            differences = ", ".join(
                f"{shown(key)} {shown(theirs.get(key))} instead of {shown(ours.get(key))}" for key in other
            )
            raise FileFormatError(
                f"{path} is a checkpoint of a training with other settings: {differences}. Give the same settings, or "
                "start without RESUME."
            )
        known = description.get("rasters", [])  # checkpoints of earlier versions do not say
        if rasters and known and list(rasters) != known:
            raise FileFormatError(
                f"{path} is a checkpoint of a training on other rasters. Give the same INPUT, BANDS, MASK and "
                "EXTRA_INPUTS with the same no data values, or start without RESUME."
            )
        position = _position(description, settings)
        prefixes, curves = [*_STATE_PREFIXES], [""]
        if position["anchor"] is not None:
            prefixes, curves = [*prefixes, *_ANCHOR_PREFIXES], [*curves, "anchor_"]
        _check_shapes(description, settings, read_shapes(path, KIND_CHECKPOINT), prefixes, curves)
        arrays = read_arrays(path, KIND_CHECKPOINT)
        preprocessor = _preprocessor_from(description, arrays)
        state = new_training(preprocessor.components, settings, device)
        _restore(state, arrays, position)
        if theirs.get("learning_rate") != settings.learning_rate:
            log.info(
                "Going on with a learning rate of %g instead of %g.", settings.learning_rate, theirs["learning_rate"]
            )
            state.rollbacks = 0
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise FileFormatError(f"{path} is not a complete checkpoint ({error}). Start without RESUME.") from None
    return state, preprocessor


def describe(settings: PretrainSettings, preprocessor: Preprocessor, source_band_count: int) -> dict[str, Any]:
    """The description that model and checkpoint share; JSON-ready, the same for the same inputs."""
    return {
        "preset": settings.preset,
        "settings": to_json(settings),
        "patch_size": settings.patch_size,
        "components": preprocessor.components,
        "explained_share": preprocessor.explained_share,
        "bands": [asdict(band) for band in preprocessor.bands],
        "source_band_count": source_band_count,
        "torch": str(torch.__version__),
    }


def _training_facts(state: TrainingState) -> dict[str, Any]:
    rollbacks = {"rollbacks": state.rollbacks} if state.rollbacks else {}
    return {**rollbacks, "iterations": state.iteration, "loss_curve": [[i, round(loss, 6)] for i, loss in state.losses]}


def _preprocessor_arrays(preprocessor: Preprocessor) -> dict[str, NDArray[Any]]:
    return {f"preprocessor.{name}": getattr(preprocessor, name) for name in _PREPROCESSOR_ARRAYS}


def _check_shapes(
    description: Mapping[str, Any],
    settings: PretrainSettings,
    shapes: Mapping[str, Shape],
    prefixes: Sequence[str],
    curves: Sequence[str] = (),
) -> None:
    """Compare the arrays of a file with what its settings and bands ask for, before one of them is read.

    Raises:
        ValueError: One is missing, too much, or of another type or shape.
    """
    bands, components = len(description["bands"]), first_side(shapes, "preprocessor.axes")
    if bands > MAX_BANDS or not 1 <= components <= min(bands, settings.components):
        raise ValueError(f"{components} components of {bands} bands")
    expected: dict[str, Shape] = {
        "preprocessor.mean": ("F64", bands),
        "preprocessor.scale": ("F64", bands),
        "preprocessor.axes": ("F64", components, bands),
        "preprocessor.deviation": ("F64", components),
    }
    with torch.device("meta"):  # shapes without memory
        network = UNet(components, settings.base_width)
    for prefix in prefixes:
        expected.update({f"{prefix}{n}": ("F32", *weight.shape) for n, weight in network.named_parameters()})
    expected.update(expected_shapes(network, description, shapes))
    for which in curves:
        points, waiting = (first_side(shapes, which + name) for name in ("losses", "interval"))
        if max(points, waiting) > _LONGEST_CURVE:
            raise ValueError(f"a loss curve of {max(points, waiting)} points")
        expected.update({f"{which}losses": ("F64", points, 2), f"{which}interval": ("F64", waiting)})
        if f"{which}by_timestep" in shapes:  # checkpoints of earlier versions have none
            expected[f"{which}by_timestep"] = ("F64", 2, len(TIMESTEP_EDGES) - 1)
    wrong = sorted(name for name in expected.keys() | shapes.keys() if expected.get(name) != shapes.get(name))
    if wrong:
        name = wrong[0]
        raise ValueError(f"array {shown(name)} should be {expected.get(name, 'absent')}, found {shapes.get(name)}")


def _preprocessor_from(description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Preprocessor:
    bands = tuple(Band.from_json(band) for band in description["bands"])
    fitted = {name: arrays[f"preprocessor.{name}"] for name in _PREPROCESSOR_ARRAYS}
    for name, array in fitted.items():
        if not np.isfinite(array).all() or (name in ("scale", "deviation") and array.min() <= 0):
            raise ValueError(f"preprocessor.{name} should be finite, and a deviation above 0")
    share = description["explained_share"]
    if not is_number(share) or not 0 <= share <= 1 + 1e-6:
        raise ValueError(f"explained_share should lie between 0 and 1, found {shown(share)}")
    return Preprocessor(bands=bands, explained_share=float(share), **fitted)


def _load_weights(network: UNet, arrays: Mapping[str, NDArray[Any]], prefix: str) -> None:
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"array {shown(name)} holds something that is no number")
    weights = {
        name[len(prefix) :]: torch.from_numpy(array) for name, array in arrays.items() if name.startswith(prefix)
    }
    network.load_state_dict(weights, strict=True)


def _position(description: Mapping[str, Any], settings: PretrainSettings) -> dict[str, Any]:
    """Iterations and rollbacks of a checkpoint, checked.

    Raises:
        ValueError: One is missing or out of range.
    """
    position = {name: description[name] for name in ("iteration", "anchor", "rollbacks", "restarted")}
    for name, value in position.items():
        if not (value is None and name == "anchor") and not (is_whole(value) and 0 <= value <= settings.iterations):
            raise ValueError(f"{name} should be a number of iterations, found {shown(value)}")
    return position


def _restore(state: TrainingState, arrays: Mapping[str, NDArray[Any]], position: Mapping[str, Any]) -> None:
    _load_weights(state.network, arrays, "network.")
    state.iteration, state.rollbacks, state.restarted = (position[n] for n in ("iteration", "rollbacks", "restarted"))
    for name, weight in state.network.named_parameters():
        state.average[name].copy_(torch.from_numpy(arrays[f"average.{name}"]))
        state.optimizer.state[weight] = {
            "step": torch.tensor(float(state.iteration - state.restarted)),
            **{key: torch.from_numpy(arrays[f"{key}.{name}"]).to(weight.device) for key in ("exp_avg", "exp_avg_sq")},
        }
    state.losses, state.interval, state.by_timestep = _curve_from(arrays, "")
    if position["anchor"] is not None:
        weights, average = (_tensors(arrays, prefix, state) for prefix in _ANCHOR_PREFIXES)
        state.anchor = Anchor(position["anchor"], weights, average, *_curve_from(arrays, "anchor_"))


def _tensors(arrays: Mapping[str, NDArray[Any]], prefix: str, state: TrainingState) -> dict[str, torch.Tensor]:
    """A tensor for each weight, where the weights are."""
    return {name: torch.from_numpy(arrays[prefix + name]).to(weight.device) for name, weight in state.average.items()}


def _curve_from(
    arrays: Mapping[str, NDArray[Any]], which: str
) -> tuple[list[tuple[int, float]], list[float], NDArray[np.float64] | None]:
    losses = [(int(i), float(loss)) for i, loss in arrays[f"{which}losses"]]
    return losses, [float(loss) for loss in arrays[f"{which}interval"]], arrays.get(f"{which}by_timestep")


def _to_numpy(tensor: torch.Tensor) -> NDArray[Any]:
    return np.asarray(tensor.detach().cpu().numpy())
