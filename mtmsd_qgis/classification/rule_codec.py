# SPDX-License-Identifier: GPL-2.0-or-later
"""Decision rules to named arrays and JSON values, and back.

Enters: frozen dataclasses of tensors, numbers, words, enumerations, networks and each other. Leaves: arrays and a
document that says how they belong together; and the same dataclasses from them. What may be in a file is what STORED
names, nothing else; each value must have the type that its field declares, and axes of one name one length.

Tensors are copied to memory of torch's own when they are read: how a product of matrices is summed may depend on where
its factors begin, and a map from a file shall be, byte for byte, that of the run that made the file.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..features.extras.column_recipe import ColumnRecipe
from ..jobs.json_dataclasses import is_number, is_whole, shown
from ..jobs.results import ModelSummary
from .auto.cross_validation import FittedModel
from .auto.discriminant import Discriminant, LinearScores
from .auto.ensemble import Ensemble
from .auto.feature_sets import FeatureSet
from .auto.kernel_ridge import KernelRidge, KernelScores
from .auto.model_library import ModelSpec
from .auto.predictor import EnsembleRule
from .auto.scene_scaling import FeatureScaling, SpectraScaling
from .choices.class_priors import PriorRule
from .extras.extras_rule import ExtendedEnsemble, ExtrasRule
from .fusion.fusion_ensemble import FittedFusion
from .fusion.reader import FusionRule, Purified
from .fusion.timestep_fusion import FusionClassifier
from .logistic_regression import FittedLogistic
from .predictor import DecisionRule
from .standardizer import Standardizer
from .transformer.patch_classifier import FeatureProjection, FittedPatches
from .transformer.patch_reader import PatchRule
from .transformer.spectral_spatial_transformer import SpectralSpatialTransformer

_DTYPES = {torch.float32: "float32", torch.float64: "float64", torch.int64: "int64"}
_MOST_SIDE = 1 << 20  # of a network's layer; far beyond any


@dataclass(frozen=True)
class Stored:
    """A class that may be in a file.

    Attributes:
        kind: The class: a frozen dataclass, an enumeration, or a network that keeps the arguments it is built with in
            its attribute "sizes".
        axes: Of each tensor, names of its axes, e.g. "F K": one name, one length. "*" and a name: any axes, alike.
    """

    kind: type
    axes: Mapping[str, str] = field(default_factory=dict)


STORED: Mapping[str, Stored] = {
    each.kind.__name__: each
    for each in (
        Stored(Standardizer, {"mean": "*S", "scale": "*S"}),
        Stored(FittedLogistic, {"weight": "F K", "bias": "K"}),
        Stored(FusionClassifier),
        Stored(FittedFusion),
        Stored(Purified, {"local": "D", "around": "D"}),
        Stored(FusionRule),
        Stored(SpectralSpatialTransformer),
        Stored(FeatureProjection, {"directions": "B C", "deviation": "C"}),
        Stored(FittedPatches),
        Stored(PatchRule),
        Stored(LinearScores, {"weight": "S F K", "bias": "S K"}),
        Stored(KernelScores, {"points": "N F", "coefficients": "W R N K", "offset": "K"}),
        Stored(Discriminant),
        Stored(KernelRidge),
        Stored(FeatureSet),
        Stored(ModelSpec),
        Stored(FittedModel),
        Stored(ModelSummary),
        Stored(Ensemble, {"log_prior": "K"}),
        Stored(
            SpectraScaling,
            {"mean": "B", "inverse": "B", "reduction": "R B", "components": "C B", "noise_whitening": "M M"},
        ),
        Stored(FeatureScaling, {"mean": "F", "whitening": "F F", "guide_mean": "D", "guide_axes": "G D"}),
        Stored(EnsembleRule),
        Stored(PriorRule, {"log_ratio": "K"}),
        Stored(ColumnRecipe, {"decibel": "B", "median": "C", "inverse": "C"}),
        Stored(ExtendedEnsemble),
        Stored(ExtrasRule),
    )
}
RULES = (EnsembleRule, FusionRule, PatchRule, PriorRule, ExtrasRule)


def pack(rule: DecisionRule, prefix: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """A document and the arrays that it is about, whose names begin with the prefix and a point."""
    arrays: dict[str, NDArray[Any]] = {}
    return _packed(rule, prefix, arrays), arrays


def unpack(document: object, arrays: Mapping[str, NDArray[Any]], prefix: str, device: torch.device) -> DecisionRule:
    """The decision rule that pack was given.

    Args:
        document: Of the file.
        arrays: All that the file has under this prefix.
        prefix: Of their names.
        device: For the tensors.

    Raises:
        ValueError: Something is missing, too much, unknown, or of another type or shape than it should be.
    """
    reader = _Reader(arrays, device)
    rule = reader.record(document, prefix, RULES)
    unused = sorted(set(arrays) - reader.used)
    if unused:
        raise ValueError(f"array {shown(unused[0])} belongs to nothing")
    return rule  # type: ignore[no-any-return]


def _packed(value: Any, name: str, arrays: dict[str, NDArray[Any]]) -> Any:  # noqa: ANN401 - any part of a rule
    if isinstance(value, Tensor):
        arrays[name] = _to_numpy(value)
        return {"tensor": name}
    if isinstance(value, nn.Module):
        kind = _stored_name(value)
        arrays.update({f"{name}.{key}": _to_numpy(weight) for key, weight in value.state_dict().items()})
        sizes: Any = value.sizes
        return {"network": kind, "sizes": list(sizes)}
    if isinstance(value, Enum):
        return {"choice": _stored_name(value), "name": value.name}
    if is_dataclass(value):
        parts = {f.name: _packed(getattr(value, f.name), f"{name}.{f.name}", arrays) for f in fields(value)}
        return {"class": _stored_name(value), **parts}
    if isinstance(value, (list, tuple)):
        return [_packed(each, f"{name}.{i}", arrays) for i, each in enumerate(value)]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"{name}: a part of a decision rule that can be stored was expected, found {type(value).__name__}")


def _stored_name(value: object) -> str:
    name = type(value).__name__
    if name not in STORED or STORED[name].kind is not type(value):
        raise TypeError(f"{name} is not among the classes that are stored")
    return name


def _to_numpy(tensor: Tensor) -> NDArray[Any]:
    if tensor.dtype not in _DTYPES:
        raise TypeError(f"a tensor of {', '.join(_DTYPES.values())} was expected, found {tensor.dtype}")
    return np.asarray(tensor.detach().cpu().numpy())


class _Reader:
    """Makes parts of a rule from a document; remembers which arrays were used."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], device: torch.device) -> None:
        self._arrays, self._device = arrays, device
        self.used: set[str] = set()

    def record(self, document: object, name: str, allowed: tuple[type, ...]) -> Any:  # noqa: ANN401 - one of allowed
        """A dataclass of one of some classes."""
        if not isinstance(document, dict):
            raise ValueError(f"{name} should be an object, found {shown(document)}")
        parts = dict(document)
        stored = _known(parts.pop("class", None), name, allowed)
        values = {}
        for each in fields(stored.kind):
            if each.name not in parts:
                raise ValueError(f"{name}.{each.name} is missing")
            annotation = _annotation(str(each.type))
            values[each.name] = self._value(parts.pop(each.name), f"{name}.{each.name}", annotation, stored.kind)
        if parts:
            raise ValueError(f"{name} has no part {shown(next(iter(parts)))}")
        _check_axes(stored, values, name)
        return stored.kind(**values)

    def _value(self, document: Any, name: str, annotation: ast.expr, owner: type) -> Any:  # noqa: ANN401
        if isinstance(annotation, ast.BinOp):  # X | Y
            choices = _choices(annotation)
            if document is None and any(_is_none(each) for each in choices):
                return None
            classes = [each for each in choices if not _is_none(each)]
            if len(classes) == 1:
                return self._value(document, name, classes[0], owner)
            return self.record(document, name, tuple(_class_of(each, owner) for each in classes))
        if isinstance(annotation, ast.Subscript):  # tuple[X, ...] or Sequence[X]
            return self._sequence(document, name, annotation, owner)
        word = ast.unparse(annotation)
        if word in _PLAIN:
            return _PLAIN[word](document, name)
        if word == "Tensor":
            return self._tensor(document, name)
        kind = _class_of(annotation, owner)
        if get_args(kind):
            return self.record(document, name, get_args(kind))
        if issubclass(kind, nn.Module):
            return self._network(document, name, kind)
        if issubclass(kind, Enum):
            return _choice(document, name, kind)
        return self.record(document, name, (kind,))

    def _sequence(self, document: Any, name: str, annotation: ast.Subscript, owner: type) -> tuple[Any, ...]:  # noqa: ANN401
        inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        if not isinstance(document, list):
            raise ValueError(f"{name} should be a list, found {shown(document)}")
        if isinstance(inner[-1], ast.Constant) or len(inner) == 1:  # of any length
            inner = [inner[0]] * len(document)
        if len(inner) != len(document):
            raise ValueError(f"{name} should have {len(inner)} entries, found {len(document)}")
        return tuple(
            self._value(each, f"{name}.{i}", kind, owner) for i, (each, kind) in enumerate(zip(document, inner))
        )

    def _tensor(self, document: Any, name: str) -> Tensor:  # noqa: ANN401
        if document != {"tensor": name}:
            raise ValueError(f"{name} should name its tensor, found {shown(document)}")
        return self._array(name).to(self._device)

    def _array(self, name: str) -> Tensor:
        if name not in self._arrays:
            raise ValueError(f"array {name} is missing")
        array = self._arrays[name]
        if array.dtype.name not in _DTYPES.values():
            raise ValueError(f"array {name} should be of {', '.join(_DTYPES.values())}, found {array.dtype}")
        if not np.isfinite(array).all():
            raise ValueError(f"array {name} holds something that is no number")
        self.used.add(name)
        return torch.from_numpy(array).clone()

    def _network(self, document: Any, name: str, kind: type[nn.Module]) -> nn.Module:  # noqa: ANN401
        """A network in evaluation mode; its shapes are compared before it takes any memory."""
        sizes = document.get("sizes") if isinstance(document, dict) else None
        if not isinstance(sizes, list) or not all(is_whole(n) and 1 <= n <= _MOST_SIDE for n in sizes):
            raise ValueError(f"{name} should be a network with its sizes, found {shown(document)}")
        if document != {"network": kind.__name__, "sizes": sizes} or kind.__name__ not in STORED:
            raise ValueError(f"{name} should be a {kind.__name__}, found {shown(document.get('network'))}")
        try:
            with torch.device("meta"):
                expected = kind(*sizes).state_dict()
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(f"{name} cannot be a network of the sizes {shown(str(sizes))}") from None
        weights = {}
        for key, weight in expected.items():
            weights[key] = self._array(f"{name}.{key}")
            if weights[key].shape != weight.shape or weights[key].dtype != weight.dtype:
                raise ValueError(
                    f"array {name}.{key} should be {tuple(weight.shape)} of {weight.dtype}, found "
                    f"{tuple(weights[key].shape)} of {weights[key].dtype}"
                )
        network = kind(*sizes)
        network.load_state_dict(weights)
        return network.eval().to(self._device)


def _known(name: object, place: str, allowed: tuple[type, ...]) -> Stored:
    stored = STORED.get(name) if isinstance(name, str) else None
    if stored is None or stored.kind not in allowed:
        names = " or ".join(kind.__name__ for kind in allowed)
        raise ValueError(f"{place} should be a {names}, found {shown(name)}")
    return stored


def _choice(document: Any, name: str, kind: type[Enum]) -> Enum:  # noqa: ANN401
    known = {"choice": kind.__name__, "name": document.get("name")} if isinstance(document, dict) else None
    if document != known or kind.__name__ not in STORED or document["name"] not in kind.__members__:
        raise ValueError(f"{name} should be a {kind.__name__}, found {shown(document)}")
    return kind[document["name"]]


def _check_axes(stored: Stored, values: Mapping[str, Any], place: str) -> None:
    """Axes of one name have one length.

    Raises:
        ValueError: They have not.
    """
    lengths: dict[str, Any] = {}
    for name, axes in stored.axes.items():
        if values[name] is None:
            continue
        shape = tuple(values[name].shape)
        expected = [(axes, shape)] if axes.startswith("*") else list(zip(axes.split(), shape))
        fits = axes.startswith("*") or len(axes.split()) == len(shape)
        if not fits or any(lengths.setdefault(axis, length) != length for axis, length in expected):
            raise ValueError(f"{place}.{name} should have the axes {axes}, found {shape}")


def _whole(document: Any, name: str) -> int:  # noqa: ANN401
    if not is_whole(document):
        raise ValueError(f"{name} should be a whole number, found {shown(document)}")
    return int(document)


def _number(document: Any, name: str) -> float:  # noqa: ANN401
    if not is_number(document) or not np.isfinite(document):
        raise ValueError(f"{name} should be a number, found {shown(document)}")
    return float(document)


def _boolean(document: Any, name: str) -> bool:  # noqa: ANN401
    if not isinstance(document, bool):
        raise ValueError(f"{name} should be true or false, found {shown(document)}")
    return document


def _text(document: Any, name: str) -> str:  # noqa: ANN401
    if not isinstance(document, str):
        raise ValueError(f"{name} should be a text, found {shown(document)}")
    return document


_PLAIN = {"int": _whole, "float": _number, "bool": _boolean, "str": _text}


@cache
def _annotation(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _choices(annotation: ast.expr) -> list[ast.expr]:
    """X, Y and Z of X | Y | Z."""
    if isinstance(annotation, ast.BinOp):
        return [*_choices(annotation.left), *_choices(annotation.right)]
    return [annotation]


def _is_none(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Constant) and annotation.value is None


def _class_of(annotation: ast.expr, owner: type) -> Any:  # noqa: ANN401 - a class, or a union of some
    return vars(sys.modules[owner.__module__])[ast.unparse(annotation)]
