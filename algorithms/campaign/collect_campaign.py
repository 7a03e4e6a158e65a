# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:collectcampaign: campaign folder -> GeoTIFFs, a virtual mosaic with one style, one report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputRasterLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
)

from ..base.classification_parameters import ACCURACY
from ..base.parameters import ParameterValues
from .campaign_folder import CampaignAlgorithm, CampaignFolder

if TYPE_CHECKING:
    from ...mtmsd_qgis.jobs.results import CampaignResult

_MOSAIC = "mosaic.vrt"
_MOST_NAMES = 5  # in a sentence


class CollectCampaign(CampaignAlgorithm):
    """Makes of a campaign's raw maps what QGIS shows."""

    MODULE = ""

    def name(self) -> str:
        """Fixed id."""
        return "collectcampaign"

    def displayName(self) -> str:
        """Title."""
        return self.tr("3 Collect campaign")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("cluster,tiles,mosaic,virtual raster,vrt,many scenes,report,accuracy").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Makes GeoTIFFs of the maps of a finished campaign, a virtual mosaic that shows them as one map with the "
            "classes' names and colours, and one report over all scenes: accuracy at the held-out samples, areas, and "
            "each scene's share. The campaign folder is not changed."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare_groups(CampaignFolder())
        self.declare(
            QgsProcessingParameterBoolean("CONFIDENCE", self.tr("Write the confidence too"), False),
            self.tr("For each scene a raster of the probability of the class on the map, 0 to 1."),
        )
        self.declare(
            QgsProcessingParameterFolderDestination("OUTPUT", self.tr("Folder of the maps")),
            self.tr(
                "A class map of each scene, named after its raster, and mosaic.vrt over them. Scenes in another CRS "
                "have a mosaic of their own, mosaic_2.vrt and so on."
            ),
        )
        self.declare(
            QgsProcessingParameterFileDestination(
                "REPORT", self.tr("Report"), fileFilter=self.tr("HTML files (*.html)"), optional=True
            ),
            self.tr("Accuracy, areas and what was learnt, over all scenes; the same as JSON and CSV goes beside it."),
        )
        self.addOutput(QgsProcessingOutputRasterLayer("MOSAIC", self.tr("Class map of all scenes")))
        self.addOutput(QgsProcessingOutputNumber("SCENES", self.tr("Scenes")))
        for name, title in ACCURACY.items():
            self.addOutput(QgsProcessingOutputNumber(name, self.tr(title)))

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Read the campaign and its result."""
        from ...mtmsd_qgis.campaign.folder import RESULT, SHARED
        from ...mtmsd_qgis.campaign.steps import next_step, state_of
        from ...mtmsd_qgis.jobs.results import CampaignResult
        from ..bridge.worker.worker_process import read_result

        self._folder, self._campaign = CampaignFolder().read(values)
        step = next_step(self._folder, self._campaign)
        if step is not None:
            state = state_of(self._folder, self._campaign, step)
            stands = f"of the step '{step.name}' {state.done} of {state.total} parts are done"
            if state.done == state.total:
                stands = f"the step '{step.name}' has no result yet"
            raise QgsProcessingException(
                f"A finished campaign was expected; {stands}. Finish it with 'Run campaign on this computer', or on "
                "the cluster."
            )
        path = self._folder / SHARED / RESULT
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise QgsProcessingException(
                f"{path} should hold the result of the campaign; it cannot be read ({error}). Remove the file, and "
                "finish the campaign with 'Run campaign on this computer'."
            ) from None
        self._result = read_result(CampaignResult, document)

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Write maps, mosaic and report."""
        from ...mtmsd_qgis.report.choice_parts import legend_of
        from ..bridge.campaign.campaign_maps import CampaignMaps, mosaics_of, pixel_area_m2
        from ..bridge.feedback import ProgressRange
        from ..bridge.layers.styling import class_map_style, share_style

        result: CampaignResult = self._result
        target = self.outputs.file(values, "OUTPUT").absolute()
        report = self.outputs.file(values, "REPORT")
        legend = legend_of(result.classes, result.choices)
        maps = CampaignMaps(self._campaign, self._folder, result, legend, target, values.boolean("CONFIDENCE"))
        scenes = maps.scene_maps()
        groups = mosaics_of(scenes, target / _MOSAIC)
        files = [file for each in scenes for file in (each.path, each.confidence) if file is not None]
        self.outputs.refuse_inside("OUTPUT", [*files, *groups])
        maps.refuse_foreign([*files, *groups])
        target.mkdir(parents=True, exist_ok=True)
        maps.write(scenes, ProgressRange(feedback, 0, 95, "Writing the maps"))
        for mosaic, group in groups.items():
            maps.write_mosaic(group, mosaic)
            feedback.pushInfo(f"Mosaic: {mosaic}.")
        mosaics, shown = list(groups), {each.path for group in groups.values() for each in group}
        alone = [each.path.name for each in scenes if each.path not in shown]
        if alone:
            more = f" and {len(alone) - _MOST_NAMES} more" if len(alone) > _MOST_NAMES else ""
            feedback.pushWarning(
                "In no mosaic, as they have no georeference, or are turned or upside down: "
                f"{', '.join(alone[:_MOST_NAMES])}{more}. These maps stand alone."
            )
        if mosaics:
            values.load_when_done(mosaics[0], self.tr("Class map of all scenes"), "MOSAIC")
            self.outputs.add_layer("MOSAIC", str(mosaics[0]))
            self.outputs.style("MOSAIC", class_map_style(legend))
        for path in (*mosaics[1:], *(each.path for each in scenes)):
            self.outputs.style_file(path, class_map_style(legend))
        for path in (each.confidence for each in scenes if each.confidence is not None):
            self.outputs.style_file(path, share_style)
        self._write_report(report, pixel_area_m2(scenes))
        return {
            "OUTPUT": str(target),
            "MOSAIC": str(mosaics[0]) if mosaics else None,
            "REPORT": str(report) if report else None,
            "SCENES": len(scenes),
            **{name: getattr(result.accuracy, name.lower(), None) for name in ACCURACY},
        }

    def _write_report(self, report: Path | None, area: float | None) -> None:
        """The report, where one is wanted, and its content as JSON and CSV beside it."""
        if report is None:
            return
        from ...mtmsd_qgis.report.campaign_report import campaign_csv, campaign_report
        from ...mtmsd_qgis.report.export import accuracy_json
        from ...mtmsd_qgis.report.reports import classification_notes
        from ..bridge.files.atomic_write import write_texts

        height, width = self._campaign.size
        scenes = self._campaign.scenes
        facts = self.outputs.report_facts(
            {
                "Campaign": str(self._folder),
                "Scenes": f"{len(scenes)}, {sum(scene.height * scene.width for scene in scenes)} pixels",
                "Mosaic": f"{width} x {height} pixels",
            }
        )
        result = self._result
        write_texts(
            {
                report: campaign_report(result, facts, area),
                self.outputs.beside(report, ".json"): accuracy_json(result, facts, area, classification_notes(result)),
                self.outputs.beside(report, ".csv"): campaign_csv(result, area),
            }
        )
