# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier that is learnt from a prepared scene, written to its file and applied, by the worker's own tasks.

Enters: a scene, samples, a quick model or none. Leaves: the classifier's file, maps and what is said of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import Scene
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.data_model import CubeFile, FeatureLayout
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.results import ApplyResult, ExtractionResult, MapResult
from mtmsd_qgis.jobs.settings import ClassificationSettings, extraction_settings, pretrain_settings, to_json
from mtmsd_qgis.jobs.transfer_results import TransferFacts
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable, write_samples
from mtmsd_qgis.tasks.run import run as run_task

Mask = NDArray[np.bool_]
MOST_TRAINING = 1500  # pixels
CLASSIFIER = "classifier.mtmsdc"


@dataclass(frozen=True)
class Applied:
    """A map by a classifier from a file.

    Attributes:
        classes: (H, W) class ids, 0 where there is none.
        inside: (H, W) whether a pixel lies inside the area of applicability.
        sure: (H, W) whether it lies inside and is sure; nowhere where that is not known.
        facts: What the report says.
    """

    classes: NDArray[np.int64]
    inside: Mask
    sure: Mask
    facts: TransferFacts


@dataclass(frozen=True)
class Learner:
    """Learns classifiers of a scene and applies them.

    Attributes:
        scene: To learn from.
        model: A diffusion model; where None the raster's bands are classified as they are.
        layout: What they are, where they are features.
    """

    scene: Scene
    model: Path | None = None
    layout: FeatureLayout | None = None

    @property
    def classifier(self) -> Path:
        """The file learnt last."""
        return self.scene.folder / CLASSIFIER

    @classmethod
    def of_features(cls, scene: Scene, model: Path, timesteps: tuple[int, ...] = ()) -> Learner:
        """With the features of a scene extracted once, chosen without its samples; of all timesteps, or of some."""
        settings = extraction_settings("quick")
        settings = replace(settings, timesteps=timesteps or settings.timesteps)
        found = run_task(
            Job("extract", to_json(settings), scene.cube, inputs={"model": str(model)}), scene.folder, silent
        )
        if not isinstance(found, ExtractionResult):
            raise TypeError(f"features were expected, found {type(found).__name__}")
        return cls(replace(scene, folder=Path(found.folder), cube=found.raster), layout=found.layout)

    def learn(
        self, samples: SampleTable, settings: ClassificationSettings, *, include_model: bool = False
    ) -> MapResult:
        """Map the scene and write the classifier file."""
        folder, classes = self.scene.folder, self.scene.classes
        write_samples(samples, folder, "chosen.npy")
        values: dict[str, Any] = to_json(settings)
        if self.model is not None:
            values = {"extract": to_json(extraction_settings("quick")), "classify": values}
        job = Job(
            "classify" if self.model is None else "mapscene",
            values,
            self.scene.cube,
            samples="chosen.npy",
            classes=classes,
            layout=self.layout,
            inputs={} if self.model is None else {"model": str(self.model)},
            outputs={"classifier": str(self.classifier)},
            options={"include_model": include_model},
        )
        result = run_task(job, folder, silent)
        if not isinstance(result, MapResult):
            raise TypeError(f"a map was expected, found {type(result).__name__}")
        return result

    def apply(self, folder: Path, cube: CubeFile, adapt: str = "none", *, applicability: bool = True) -> Applied:
        """Map a raster with the classifier learnt last."""
        inputs = {"classifier": str(self.classifier)}
        if self.model is not None:
            inputs["model"] = str(self.model)
        options = {"applicability": applicability}
        job = Job("applyclassifier", {"adapt": adapt}, cube, inputs=inputs, options=options)
        result = run_task(job, folder, silent)
        if not isinstance(result, ApplyResult):
            raise TypeError(f"a map was expected, found {type(result).__name__}")
        place = Path(result.folder)
        inside = np.zeros((cube.height, cube.width), dtype=bool)
        sure = np.zeros_like(inside)
        if result.applicability is not None:
            inside, _, *more = read(place, result.applicability) == 1
            sure = more[0] if more else sure
        return Applied(read(place, result.map)[0].astype(np.int64), inside, sure, result.transfer)


def read(folder: Path, cube: CubeFile, bands: tuple[int, ...] | None = None) -> NDArray[np.float32]:
    """The whole raster (bands, H, W), 0 where there is no data."""
    return np.nan_to_num(Cube(folder, cube).read(whole(cube.height, cube.width), bands))


def masked(scene: Scene, mask: Mask, name: str) -> CubeFile:
    """The scene's raster, of which only the pixels of a mask (H, W) may be used."""
    mask.astype(np.uint8).tofile(scene.folder / f"{name}.mask")
    return replace(scene.cube, mask=f"{name}.mask")


def ids_of(scene: Scene, samples: SampleTable) -> NDArray[np.int64]:
    """Class ids (N,) of samples."""
    return np.array([entry.id for entry in scene.classes])[samples.class_index]


def percent(right: Mask) -> float:
    """Percent true; NaN of none."""
    return 100 * float(right.mean()) if right.size else float("nan")


def with_its_classes(scene: Scene, samples: SampleTable) -> tuple[Scene, SampleTable]:
    """The scene with the classes of these samples alone, and the samples."""
    known = np.unique(samples.class_index)
    numbered = samples.with_classes(np.searchsorted(known, samples.class_index))
    return replace(scene, classes=tuple(scene.classes[k] for k in known)), numbered


@dataclass(frozen=True)
class ModelTraining:
    """How a diffusion model is trained.

    Attributes:
        seed: Of its weights, patches and noise.
        iterations: The preset's where None.
        others: More scenes of the sensor, to train on as well.
    """

    seed: int = 0
    iterations: int | None = None
    others: Sequence[Scene] = ()

    def name_for(self, scene: Scene) -> str:
        """Of the model's file."""
        names = [scene.name, *(other.name for other in self.others)]
        parts = ["+".join(names), *([f"i{self.iterations}"] if self.iterations else [])]
        return "-".join([*parts, *([str(self.seed)] if self.seed else [])])


def model_of(scene: Scene, folder: Path, training: ModelTraining | None = None) -> Path:
    """A quick model of the scene, trained where the folder has none."""
    how = training or ModelTraining()
    path = folder / f"{how.name_for(scene)}.mtmsd"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        settings = to_json(pretrain_settings("quick", seed=how.seed, iterations=how.iterations))
        extra = tuple(linked(other, scene.folder) for other in how.others)
        outputs = {"model": str(path)}
        run_task(Job("pretrain", settings, scene.cube, outputs=outputs, extra_scenes=extra), scene.folder, silent)
    return path


def linked(scene: Scene, folder: Path) -> CubeFile:
    """The scene's raster for a job in another folder, where links to its files are made."""
    names = {}
    for name in (scene.cube.file, scene.cube.mask):
        if name is not None:
            names[name] = f"{scene.name}-{name}"
            (folder / names[name]).unlink(missing_ok=True)
            (folder / names[name]).symlink_to((scene.folder / name).absolute())
    mask = None if scene.cube.mask is None else names[scene.cube.mask]
    return replace(scene.cube, file=names[scene.cube.file], mask=mask)
