# SPDX-License-Identifier: GPL-2.0-or-later
"""A raster and a layer of labelled points or polygons -> a folder with the cube and the table of labelled pixels.

Runs in a Python that has QGIS, with the same code that the algorithms use: bands marked as bad, empty or constant are
left out, polygons become pixels, pixels on nodata are dropped.

    .venv/qgis/bin/python benchmarks/prepare_vector_scene.py RASTER REFERENCE FIELD FOLDER

Leaves in FOLDER: scene.raw with its header, samples.npy (scenes.py says what is in it) and scene.json.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Prepare the scene."""
    raster, reference, field, folder = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="mtmsd_prepare_") as place:
        plugins = Path(place) / "plugins"
        plugins.mkdir()
        (plugins / "mtmsd").symlink_to(ROOT, target_is_directory=True)  # the plugin under the name that QGIS gives it
        sys.path.insert(0, str(plugins))
        # Before anything of QGIS is imported: no screen, no settings of the user.
        own = dict.fromkeys(("HOME", "QGIS_CUSTOM_CONFIG_PATH", "XDG_RUNTIME_DIR"), place)
        os.environ.update(own, QT_QPA_PLATFORM="offscreen")
        from qgis.core import QgsApplication

        application = QgsApplication([], False)
        application.initQgis()
        try:
            prepare(raster, reference, field, Path(folder))
        finally:
            application.exitQgis()


def prepare(raster: str, reference: str, field: str, folder: Path) -> None:
    """Write the folder; a scene that the algorithms would refuse ends the program with their sentence."""
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.scene_export import SceneExport
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from mtmsd.algorithms.bridge.vector.labels import read_labels
    from mtmsd.algorithms.bridge.vector.sample_export import SampleExport
    from qgis.core import (
        QgsProcessingContext,
        QgsProcessingException,
        QgsProcessingFeatureSource,
        QgsProject,
        QgsRasterLayer,
        QgsVectorLayer,
    )

    image, labels = QgsRasterLayer(raster, Path(raster).stem), QgsVectorLayer(reference, Path(reference).stem)
    for layer, path in ((image, raster), (labels, reference)):
        if not layer.isValid():
            sys.exit(f"QGIS cannot open {path} as a {'raster' if layer is image else 'vector layer'}.")
    transforms = QgsProject.instance().transformContext()
    progress = ProgressRange(_feedback(), 0, 100)
    try:
        source = describe_raster(image)
        cube = SceneExport(source, folder, transforms).usable_bands(progress)
        features = QgsProcessingFeatureSource(labels, QgsProcessingContext())
        layer = read_labels(features, labels, field, source.grid.crs, transforms)
        training = SampleExport(source, cube, folder).training(layer, progress)
    except QgsProcessingException as error:
        sys.exit(str(error))
    document = {
        "cube": asdict(cube),
        "classes": [asdict(entry) for entry in training.classes],
        "source_bands": [asdict(band) for band in source.bands],
    }
    (folder / "scene.json").write_text(json.dumps(document), encoding="utf-8")


def _feedback() -> object:
    """Prints what the algorithms would write into the log."""
    from qgis.core import QgsProcessingFeedback

    class Printed(QgsProcessingFeedback):
        def pushInfo(self, text: str) -> None:  # noqa: N802
            print(text, flush=True)

        def pushWarning(self, text: str) -> None:  # noqa: N802
            print(text, flush=True)

    return Printed()


if __name__ == "__main__":
    main()
