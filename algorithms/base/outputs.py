# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run writes: where each output goes, and how a layer looks and is called when QGIS loads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    Qgis,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
)

from .rasters.raster_files import RasterStorage

if TYPE_CHECKING:
    from ..bridge.files.run_files import RunFiles
    from ..bridge.layers.layer_names import Title
    from ..bridge.layers.styling import Style
    from ..bridge.raster.formats.raster_format import RasterFormat
    from .parameters import ParameterValues


class RunOutputs:
    """The outputs of one run.

    QGIS is asked for each destination once, and while the algorithm works: it makes up another temporary name each time
    and would load both, and it forgets what was asked in another thread, when the run was prepared.
    """

    def __init__(self, algorithm: QgsProcessingAlgorithm, files: RunFiles) -> None:
        """Nothing is written yet.

        Args:
            algorithm: Whose outputs they are. It is not kept: two that hold each other would outlive QGIS.
            files: Named before the run.
        """
        self._files = files
        provider = algorithm.provider()
        self._plugin = f"MTMSD for QGIS {provider.versionInfo() if provider else ''}".strip()
        self._kinds = {each.name(): each.description() for each in algorithm.destinationParameterDefinitions()}
        self._destinations: dict[str, str] = {}
        self._formats: dict[str, RasterFormat] = {}
        self._inside: list[Path] = []
        self._styles: list[tuple[str, Style]] = []
        self._titles: list[tuple[str, Title]] = []

    def file(self, values: ParameterValues, name: str) -> Path | None:
        """Where a file goes; None where it is not wanted."""
        if name not in self._destinations:
            self._destinations[name] = values.output_file(name)
        return Path(self._destinations[name]) if self._destinations[name] else None

    def raster(self, values: ParameterValues, name: str) -> Path | None:
        """Where a raster goes; None where it is not wanted.

        Raises:
            QgsProcessingException: It cannot be stored as the user wants it.
        """
        if name not in self._destinations:
            self._destinations[name] = values.output_raster(name)
            if self._destinations[name]:
                self._formats[name] = RasterStorage.read(values, name)
        return Path(self._destinations[name]) if self._destinations[name] else None

    def format(self, name: str) -> RasterFormat:
        """How a raster is stored; one that is wanted."""
        return self._formats[name]

    def add_layer(self, name: str, destination: str) -> None:
        """A layer of features that was written."""
        self._destinations[name] = destination

    def beside(self, report: Path, suffix: str) -> Path:
        """A file for the content of a report in another format: of its name, where that is free or ours."""
        from ..bridge.files.owned_files import beside

        return beside(report, suffix, lambda path: not self._files.uses(path))

    def refuse_inside(self, name: str, paths: Iterable[Path]) -> None:
        """Check the files that are to be written into the folder of an output, before the first one is.

        Raises:
            QgsProcessingException: One would replace an input, or another output.
        """
        inside = list(paths)
        self._files.refuse_inside(name, inside)
        self._inside += inside

    def style(self, name: str, style: Style) -> None:
        """Have a layer styled, where QGIS loads it after the run, and the style kept with its file."""
        self._styles.append((self._destinations[name], style))

    def style_file(self, path: Path, style: Style) -> None:
        """Have a style kept with a file that the run has written into its folder."""
        self._styles.append((str(path), style))

    def title(self, name: str, scene: str, group: str = "") -> None:
        """Have a layer named after what it is and its scene, and put into a group, where QGIS loads it after the run.

        Args:
            name: Of the output.
            scene: Name of the raster or layer it is made from.
            group: Of layers, with "{scene}" in it; empty for none.
        """
        from ..bridge.layers.layer_names import Title, scene_of

        title = Title(self._kinds[name], scene, group.format(scene=scene_of(scene)))
        self._titles.append((self._destinations[name], title))

    def report_facts(self, rows: Mapping[str, str]) -> dict[str, str]:
        """Rows of a report, and behind them those on plugin and QGIS."""
        return {**rows, "Plugin": self._plugin, "QGIS": Qgis.QGIS_VERSION}

    def apply(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Hand titles and styles to QGIS, and new content to layers that are open already, at the end of the run."""
        from ..bridge.files.file_places import FilePlace
        from ..bridge.layers.layer_names import name_layer
        from ..bridge.layers.open_layers import read_anew
        from ..bridge.layers.saved_styles import on_main_thread, save_styles
        from ..bridge.layers.styling import Styler

        for sentence in save_styles(self._styles):
            feedback.pushWarning(sentence)
        project, written = context.project(), [*self._files.written, *map(FilePlace.of, self._inside)]
        on_main_thread(lambda: read_anew(project, written, self._styles))
        for destination, title in self._titles:
            name_layer(context, destination, title)
        for destination, style in self._styles:
            Styler.attach(context, destination, style)
