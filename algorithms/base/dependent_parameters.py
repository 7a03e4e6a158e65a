# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters that count only where another one has a value, and what the log says of those that are set for nothing.

Every algorithm asks this before it works (algorithm.py), with all its parameters; a parameter or another one that it
does not have is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.core import QgsProcessingAlgorithm, QgsProcessingParameterDefinition, QgsProcessingParameterEnum

if TYPE_CHECKING:
    from .parameters import ParameterValues


@dataclass(frozen=True)
class Dependence:
    """Parameters that count with another one alone, or only without it.

    Attributes:
        parameters: That may be set for nothing.
        others: One of these must have a value; or none of them.
        words: Choices of the other parameter that count as a value; empty where any value does.
        without: Whether the parameters count only where none of the others has such a value.
    """

    parameters: tuple[str, ...]
    others: tuple[str, ...]
    words: tuple[str, ...] = ()
    without: bool = False

    def sentence(self, parameter: str, others: Iterable[str]) -> str:
        """That a parameter is set for nothing; of the others, those that the algorithm has."""
        words = " or ".join(f"'{word}'" for word in self.words)
        condition = f"{' or '.join(others)} {words}".rstrip()
        used = f"only without {condition}" if self.without else f"with {condition} alone"
        return f"{parameter} is used {used}; it is not used here."


_TRAINING = (
    "PRESET", "COMPONENTS", "ITERATIONS", "BATCH_SIZE", "PATCH_SIZE", "BASE_WIDTH", "LEARNING_RATE", "TRAIN_UP_TO",
    "BAND_SCALING",
)  # fmt: skip

DEPENDENCES = (
    Dependence(_TRAINING, ("MODEL",), without=True),
    Dependence(_TRAINING, ("FEATURES",), ("bands",), without=True),
    Dependence(("CLASS_FIELD", "OVERLAPS"), ("TRAINING", "REFERENCE", "SAMPLES")),
    Dependence(("OVERLAPS",), ("RASTER",)),
    Dependence(("EXTRA_USE",), ("EXTRA", "TEXTURE")),
    Dependence(("ENSEMBLE", "EPOCHS"), ("CLASSIFIER",), ("mtmsd", "transformer3d")),
    Dependence(("VALIDATION_SHARE",), ("VALIDATION",), without=True),
    Dependence(("VALIDATION_SHARE",), ("SPLIT",), ("none",), without=True),
    Dependence(("BLOCK_SIZE",), ("SPLIT",), ("random",), without=True),
    Dependence(("SUGGESTION_COUNT", "REACHABLE"), ("SUGGESTIONS",)),
    Dependence(("REACHABLE_DISTANCE",), ("REACHABLE",)),
    Dependence(("CLASS_AREA_FIELD",), ("CLASS_WEIGHTS",), ("area",)),
    Dependence(("SIEVE_UNIT",), ("SIEVE",)),
    Dependence(("LEVELS",), ("OUTPUT_LEVELS",)),
    Dependence(("INCLUDE_MODEL",), ("OUTPUT_CLASSIFIER",)),
    Dependence(("SHARE",), ("COUNT",), without=True),
    Dependence(("BLOCK_SIZE",), ("METHOD",), ("random",), without=True),
    Dependence(("INDEX_URL",), ("WHEELS",), without=True),
)


def unused_parameters(
    algorithm: QgsProcessingAlgorithm, values: ParameterValues, own: Sequence[Dependence] = ()
) -> Iterator[str]:
    """A sentence for each parameter that is set, not to its default, and does not count.

    Args:
        algorithm: Whose parameters they are.
        values: Of the run.
        own: Rules of this algorithm alone, beside DEPENDENCES.
    """
    definitions = {definition.name(): definition for definition in algorithm.parameterDefinitions()}
    for rule in (*DEPENDENCES, *own):
        others = [definitions[name] for name in rule.others if name in definitions]
        given = [name for name in rule.parameters if name in definitions and _is_set(definitions[name], values)]
        if given and others and any(_counts(other, rule, values) for other in others) == rule.without:
            yield from (rule.sentence(name, (other.name() for other in others)) for name in given)


def _counts(other: QgsProcessingParameterDefinition, rule: Dependence, values: ParameterValues) -> bool:
    if rule.words:
        return values.choice(other.name()) in rule.words
    return _is_set(other, values)


def _is_set(definition: QgsProcessingParameterDefinition, values: ParameterValues) -> bool:
    """Whether a parameter has a value that is not its default: dialogs hand over the default of each."""
    name = definition.name()
    default = definition.defaultValue()
    if not values.is_given(name) or values.raw(name) == []:
        return False
    if isinstance(definition, QgsProcessingParameterEnum):
        return values.choice(name) != default
    if isinstance(default, bool):
        return values.boolean(name) != default
    return values.number(name) != default if isinstance(default, (int, float)) else True
