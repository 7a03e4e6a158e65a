# SPDX-License-Identifier: GPL-2.0-or-later
"""What a look at the features of a scene has found: the content of its result message and report.

A cell is a timestep and a stage of the decoder. Enters: figures, pictures as data URIs. Leaves: frozen dataclasses;
json_dataclasses turns them into the JSON of a message and back. None is a figure that is not defined or not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..data_model import CubeFile
from ..json_dataclasses import INLINE, OMITTED_IF_NONE
from ..results import Computation
from ..settings import ExtractionSettings


@dataclass(frozen=True)
class CellFacts:
    """A timestep and stage.

    Attributes:
        timestep: Noise level.
        stage: Of the decoder.
        channels: Features of the cell.
        spectral_share: R² of ridge regression from the pixel's spectrum, at held-out blocks.
        range_pixels: Distance at which the autocorrelation falls to 0.5.
        range_is_larger: Whether it is larger than that, and how much is not known.
        draw_correlation: Of two noise draws.
        accuracy: Percent of held-out samples that a discriminant on this cell alone classifies right.
        accuracy_error: Its standard error.
        shown: Share of the variance that the picture shows.
        picture: PNG as a data URI.
    """

    timestep: int
    stage: int
    channels: int
    spectral_share: float | None
    range_pixels: float | None
    range_is_larger: bool
    draw_correlation: float | None
    accuracy: float | None
    accuracy_error: float | None
    shown: float
    picture: str


@dataclass(frozen=True)
class StageSimilarity:
    """How alike the timesteps of a stage are.

    Attributes:
        stage: Of the decoder.
        cka: (T, T) linear CKA.
        kept: The fewest timesteps that stand for all, as TIMESTEPS 'auto' would choose them for this stage alone.
    """

    stage: int
    cka: tuple[tuple[float, ...], ...]
    kept: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A pixel, row and column from 0 in the raster, and row and column of the picture."""

    row: int
    col: int
    picture_row: int
    picture_col: int


@dataclass(frozen=True)
class ChannelCard:
    """A channel that purification ranks among the first.

    Attributes:
        name: As in a feature raster, such as "s5 c012".
        stage: Of the decoder.
        timestep: At which it separates classes best, and is shown.
        separation: Share of its variance between classes there, 0 to 1.
        correlations: With known quantities of the spectrum.
        resembles: Those that it correlates with by 0.6 and more, regardless of the sign; the strongest first.
        highest: Places of the highest values.
        lowest: Places of the lowest.
        picture: PNG as a data URI.
    """

    name: str
    stage: int
    timestep: int
    separation: float
    correlations: Mapping[str, float]
    resembles: tuple[str, ...]
    highest: tuple[Place, ...]
    lowest: tuple[Place, ...]
    picture: str


@dataclass(frozen=True)
class TrainingFacts:
    """The samples that cells were judged by.

    Attributes:
        samples: That were held out once.
        groups: Polygons or blocks that they come from.
        unit: "polygons" or "blocks": what was held out together.
        classes: That were judged: with samples in two polygons or blocks of the tiles that were looked at.
        most_frequent: Percent of them that are of the most frequent class.
        spectral_accuracy: Percent right by the same discriminant on the components of the spectrum alone.
        spectral_error: Its standard error.
        all_classes: Of the training layer; 0 where that is not known.
    """

    samples: int
    groups: int
    unit: str
    classes: int
    most_frequent: float
    spectral_accuracy: float
    spectral_error: float | None
    all_classes: int = 0

    @property
    def classes_text(self) -> str:
        """How many classes were judged, for a sentence."""
        if self.classes >= self.all_classes:
            return f"{self.classes} classes"
        judged = f"{self.classes} of {self.all_classes} classes"
        return f"{judged} (those with samples in two {self.unit} of what was looked at)"


@dataclass(frozen=True)
class InspectionFacts:
    """What was looked at.

    Attributes:
        tiles: Of the network.
        scene_tiles: All of them.
        tiles_drawn_twice: With a second noise draw.
        pixels: In the pictures.
        step: Pixels from one to the next.
        picture_height: Of all pictures, pixels.
        picture_width: The same.
        natural_colours: Whether the picture of the scene has them; else three components stand for colours.
        quantities: Of the spectrum that its wavelengths allow to compute.
        class_source: "classes" or "clusters": what channels were ranked with.
    """

    tiles: int
    scene_tiles: int
    tiles_drawn_twice: int
    pixels: int
    step: int
    picture_height: int
    picture_width: int
    natural_colours: bool
    quantities: tuple[str, ...]
    class_source: str


@dataclass(frozen=True)
class GalleryRaster:
    """The pictures of all cells as a raster.

    Attributes:
        raster: Three bands a cell, 1 to 255, 0 where nothing was looked at.
        row: Of the scene, where its first row begins.
        col: The same of its first column.
        step: Lines and columns of the scene from one of its pixels to the next.
    """

    raster: CubeFile
    row: int
    col: int
    step: int


@dataclass(frozen=True)
class ExplorationResult:
    """What the features of a scene mean.

    Attributes:
        timesteps: Ascending.
        stages: Ascending.
        cells: Stage by stage, timestep by timestep.
        similarity: Of timesteps, by stage.
        cards: Of the first channels.
        training: Where there is a training layer that could be held out in part.
        inspection: What was looked at.
        scene_picture: PNG as a data URI.
        settings: Of the features.
        computation: Device and versions.
        seconds: The task took.
        gallery: Where it is asked for.
    """

    timesteps: tuple[int, ...]
    stages: tuple[int, ...]
    cells: tuple[CellFacts, ...]
    similarity: tuple[StageSimilarity, ...]
    cards: tuple[ChannelCard, ...]
    training: TrainingFacts | None
    inspection: InspectionFacts
    scene_picture: str
    settings: ExtractionSettings
    computation: Computation = field(metadata=INLINE)
    seconds: float = 0.0
    gallery: GalleryRaster | None = field(default=None, metadata=OMITTED_IF_NONE)
