# SPDX-License-Identifier: GPL-2.0-or-later
"""The campaign folder: scenes of one mosaic, settings, and what the steps leave.

    campaign.json        a Campaign (this module)
    scenes/0001/         a job folder a scene: job.json, scene.raw + .hdr, mask.raw, samples.npy; its maps at the end
    shared/              what all scenes share: moments, model, statistics, samples' features, classifier, result
    progress/            what each worker is telling

A campaign is one raster that is too large for one file: each scene has its place in the mosaic, and everything that is
learnt or computed belongs to the mosaic. docs/campaign_folder.md describes the folder.

Enters: a Campaign and its scenes' jobs from QGIS. Leaves: the same for the worker, or one sentence on what is wrong.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from ..errors import FileFormatError, MtmsdError
from ..jobs.data_model import ClassEntry, check_file_names, message_of
from ..jobs.json_dataclasses import from_json, shown, to_json
from ..jobs.protocol import Job, read_job, write_job
from ..jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings

VERSION = 1
CAMPAIGN_FILE = "campaign.json"
SCENES, SHARED, PROGRESS = "scenes", "shared", "progress"
SCENE_TASK = "campaign"  # of a scene's job.json; the steps are the campaign's

MOMENTS = "moments.part"
MODEL = "model.mtmsd"
FEATURES = "features.part"
CLASSIFIER = "classifier.mtmsdc"
RESULT = "result.json"
BEGUN = "begun.json"  # the campaign.json that the first step has seen
MAP, CONFIDENCE, PROBABILITIES = "map", "confidence", "probabilities"  # rasters in a scene's folder

_CLASSIFIER = "auto"  # what samples of many scenes are gathered for
_FARTHEST = 2**31 - 2**20  # row or column of a mosaic that noise is still a function of


@dataclass(frozen=True)
class Scene:
    """A scene and its place in the mosaic.

    Attributes:
        folder: Its folder's name under scenes/, e.g. "0001".
        row: Of its first pixel in the mosaic, from 0.
        col: Likewise.
        height: Rows.
        width: Columns.
        samples: Training samples in its table; 0 where it has none.
        name: Of its raster, for log and report.
    """

    folder: str
    row: int
    col: int
    height: int
    width: int
    samples: int = 0
    name: str = ""


@dataclass(frozen=True)
class Campaign:
    """Scenes that are mapped as one raster.

    Attributes:
        scenes: In the order in which everything is added up; where two overlap, the earlier one counts.
        classes: In the order of the class indices of the samples.
        pretrain: Settings of the training.
        extract: Settings of the features.
        classify: Settings of the classification; the classifier is "auto".
        source_band_count: Bands of the user's rasters, left-out ones included; 0: those of the scenes.
        strip_rows: Rows of a scene that are mapped as one unit of work.
        probabilities: Whether one band a class is written beside map and confidence.
    """

    scenes: tuple[Scene, ...]
    classes: tuple[ClassEntry, ...]
    pretrain: PretrainSettings = field(default_factory=PretrainSettings)
    extract: ExtractionSettings = field(default_factory=ExtractionSettings)
    classify: ClassificationSettings = field(default_factory=ClassificationSettings)
    source_band_count: int = 0
    strip_rows: int = 512
    probabilities: bool = False

    @classmethod
    def from_json(cls, values: object) -> Campaign:
        """The campaign from the values of a JSON object.

        Raises:
            ValueError: A part is missing, of the wrong type or out of range.
            SettingsError: A setting is out of range.
        """
        campaign = from_json(cls, values)
        _check_scenes(campaign.scenes)
        if len(campaign.classes) < 2:
            raise ValueError(f"two classes or more were expected, found {len(campaign.classes)}")
        if campaign.classify.classifier != _CLASSIFIER:
            raise ValueError(
                f"a campaign learns the classifier '{_CLASSIFIER}', found '{shown(campaign.classify.classifier)}'"
            )
        if campaign.classify.finish is not None:
            raise ValueError("a campaign maps every pixel with data; leave out classify.finish")
        if campaign.strip_rows < 1:
            raise ValueError(f"strip_rows should be 1 or more, found {shown(campaign.strip_rows)}")
        return campaign

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the mosaic."""
        return max(s.row + s.height for s in self.scenes), max(s.col + s.width for s in self.scenes)


def write_campaign(campaign: Campaign, folder: Path) -> None:
    """Write campaign.json, with the folders that belong to it.

    Raises:
        ValueError: The campaign could not be read again.
        OSError: The folder cannot be written.
    """
    document = to_json(campaign)
    Campaign.from_json(document)
    for name in (SCENES, SHARED, PROGRESS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_text(folder / CAMPAIGN_FILE, json.dumps({"version": VERSION, **document}, ensure_ascii=False, indent=1))


def read_campaign(folder: Path) -> Campaign:
    """Read campaign.json.

    Raises:
        FileFormatError: There is none, it is of a newer version, or a part is missing or wrong.
    """
    path = folder / CAMPAIGN_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version = document.pop("version")
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise FileFormatError(f"{path} should describe a campaign; it cannot be read ({message_of(error)}).") from None
    if version != VERSION:
        raise FileFormatError(f"{path} is of version {shown(version)}, this plugin reads {VERSION}. Update the plugin.")
    try:
        return Campaign.from_json(document)
    except (ValueError, MtmsdError) as error:
        raise FileFormatError(f"{path} is not a complete campaign: {message_of(error)}. Prepare it anew.") from None


def is_campaign(folder: Path) -> bool:
    """Whether a folder is that of a campaign."""
    return (folder / CAMPAIGN_FILE).is_file()


def scene_folder(folder: Path, scene: Scene) -> Path:
    """Where a scene lies."""
    return folder / SCENES / scene.folder


def write_scene(job: Job, folder: Path, scene: Scene) -> None:
    """Write job.json of a scene, whose raster and samples lie in its folder already.

    Args:
        job: Names raster and samples; its task is SCENE_TASK.
        folder: Of the campaign.
        scene: Which one.
    """
    write_job(job, scene_folder(folder, scene))


def read_scene(folder: Path, scene: Scene) -> Job:
    """Read job.json of a scene.

    Raises:
        FileFormatError: It cannot be read, or does not fit campaign.json.
    """
    place = scene_folder(folder, scene)
    job = read_job(place)
    found = job.scene
    if found is None or (found.height, found.width) != (scene.height, scene.width):
        size = "none" if found is None else f"{found.width} x {found.height} pixels"
        raise FileFormatError(
            f"{place} should hold a raster of {scene.width} x {scene.height} pixels, as {CAMPAIGN_FILE} says; found "
            f"{size}. Prepare the campaign anew."
        )
    return job


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A file of a name of its own, which takes its place when the block ends well.

    Workers on any machine may write the same file at the same time, with the same content.

    Args:
        path: Of the file.
    """
    aside = path.with_name(f"{path.name}.{uuid4().hex}.partial")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text beside its place and rename it when it is complete."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def _check_scenes(scenes: tuple[Scene, ...]) -> None:
    """Each has a folder and a place of its own.

    Raises:
        ValueError: One has not.
    """
    if not scenes:
        raise ValueError("one scene or more was expected, found none")
    check_file_names(*(scene.folder for scene in scenes))
    folder, times = Counter(scene.folder.lower() for scene in scenes).most_common(1)[0]
    if times > 1:
        raise ValueError(f"each scene should have a folder of its own, {shown(folder)} is named {times} times")
    for scene in scenes:
        if min(scene.row, scene.col, scene.samples) < 0 or min(scene.height, scene.width) < 1:
            raise ValueError(f"scene {scene.folder} should have pixels and a place from row 0 and column 0")
        if max(scene.row + scene.height, scene.col + scene.width) > _FARTHEST:
            raise ValueError(f"scene {scene.folder} lies beyond row or column {_FARTHEST} of the mosaic")
