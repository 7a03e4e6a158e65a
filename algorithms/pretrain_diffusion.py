# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:pretraindiffusion: raster -> diffusion model."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.jobs.protocol import Job
from ..mtmsd_qgis.jobs.settings import to_json
from .base.algorithm import Parameters, is_given
from .base.pretraining_parameters import Pretraining


class PretrainDiffusion(Pretraining):
    """Trains the diffusion model on a scene, without labels."""

    def name(self) -> str:
        """Fixed id."""
        return "pretraindiffusion"

    def displayName(self) -> str:
        """Title."""
        return self.tr("1 Pretrain diffusion model")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("hyperspectral,deep learning,self-supervised,unsupervised,train,torch,features").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Trains a small diffusion model on a multi- or hyperspectral raster. No labels are needed: the model "
            "learns what the scene looks like by removing noise from patches of it. The result is a model file, "
            "from which 'Extract diffusion features' takes features for classification. A cancelled or killed run "
            "leaves a checkpoint beside the output; give it as 'Checkpoint to go on from' to finish the run."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare(
            QgsProcessingParameterRasterLayer("INPUT", self.tr("Raster")),
            self.tr("The scene to learn from: any number type, one band or thousands."),
        )
        self.declare_bands_and_mask()
        self.declare_preset()
        self.declare_pretraining_knobs()
        self.declare(
            QgsProcessingParameterFile(
                "RESUME",
                self.tr("Checkpoint to go on from"),
                optional=True,
                fileFilter=self.tr("MTMSD checkpoints (*.checkpoint);;All files (*.*)"),
            ),
            self.tr(
                "The file that an interrupted run left beside its output, ending in .checkpoint. With the same raster "
                "and settings, training goes on to the same result."
            ),
            advanced=True,
        )
        self.declare_seed_and_device()
        self.declare(
            QgsProcessingParameterFileDestination(
                "OUTPUT", self.tr("Diffusion model"), fileFilter=self.tr("MTMSD model (*.mtmsd)")
            ),
            self.tr("The model file: the network, and how the bands were prepared for it."),
        )
        self.declare(
            QgsProcessingParameterFileDestination(
                "REPORT", self.tr("Report"), fileFilter=self.tr("HTML files (*.html)"), optional=True
            ),
            self.tr("Loss curve, denoised samples at a few noise levels, settings, device and time."),
        )
        self.addOutput(QgsProcessingOutputNumber("FINAL_LOSS", self.tr("Final loss")))
        self.declare_worker_outputs()

    def check_settings(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Make the settings once, for their own checks."""
        self.pretraining_settings(parameters, context)

    def collect(self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Look at raster and mask."""
        from .bridge.raster.scene_export import refuse_same_file, refuse_small_raster
        from .bridge.raster.source import describe_raster

        self._settings = self.pretraining_settings(parameters, context)
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None or not layer.isValid():
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        self._source = describe_raster(layer)
        self._numbers, self._bad = self.chosen_bands(parameters, self._source, context)
        refuse_small_raster(self._source, self._settings.patch_size)
        for name in ("OUTPUT", "REPORT"):
            refuse_same_file(self._source, self.output_path(parameters, name, context))
        self._mask = self.chosen_mask(parameters, context)
        self._context = context.transformContext()

    def compute(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Copy the bands, train, report."""
        from .bridge.feedback import ProgressRange
        from .bridge.raster.disk_space import check_pretraining_space
        from .bridge.raster.geotiff import write_text
        from .bridge.raster.scene_export import announce, export_scene
        from .bridge.worker.worker_process import job_folder, run_worker

        output = self.output_path(parameters, "OUTPUT", context)
        report = self.output_path(parameters, "REPORT", context)
        settings = self._settings
        announce(
            self._source,
            feedback,
            f"Marked as bad in the metadata, left out: {', '.join(map(str, self._bad))}." if self._bad else "",
            f"Preset {settings.preset}, {settings.iterations} iterations of {settings.batch_size} patches of "
            f"{settings.patch_size} x {settings.patch_size} pixels, seed {settings.seed}.",
        )
        check_pretraining_space(self._source, self._numbers, settings.components, output, feedback)
        output.parent.mkdir(parents=True, exist_ok=True)
        checkpoint = output.with_name(output.name + ".checkpoint")
        with job_folder() as folder:
            scene = export_scene(
                self._source,
                self._numbers,
                self._mask,
                folder,
                self._context,
                ProgressRange(feedback, 0, 4, "Reading the raster"),
            )
            job = Job(
                task="pretrain",
                settings=to_json(settings),
                scene=scene,
                inputs=self._resume_from(parameters, context),
                outputs={"model": str(output.absolute()), "checkpoint": str(checkpoint.absolute())},
                options={"source_band_count": len(self._source.bands)},
            )
            try:
                values = run_worker(job, folder, self.MODULE, ProgressRange(feedback, 4, 99))
            except QgsProcessingException:
                self._tidy_up(output, checkpoint, feedback)
                raise
        if report is not None:
            from ..mtmsd_qgis.report.reports import pretraining_report

            write_text(
                pretraining_report(values, self.facts({"Raster": f"{self._source.name}, {self._source.size_text}"})),
                report,
            )
        feedback.setProgress(100)
        return {
            "OUTPUT": str(output),
            "REPORT": str(report) if report else None,
            "FINAL_LOSS": values["final_loss"],
            "SECONDS": values["seconds"],
            "DEVICE_USED": values["device"],
        }

    def _resume_from(self, parameters: Parameters, context: QgsProcessingContext) -> dict[str, str]:
        if not is_given(parameters, "RESUME"):
            return {}
        path = Path(self.parameterAsFile(parameters, "RESUME", context))
        if not path.is_file():
            raise QgsProcessingException(
                f"RESUME should be the checkpoint of an interrupted run; there is no file {path}."
            )
        return {"resume": str(path.absolute())}

    def _tidy_up(self, output: Path, checkpoint: Path, feedback: QgsProcessingFeedback) -> None:
        """After a failure: take away what a killed worker left half-written, and name what it kept."""
        for path in (output, checkpoint):
            with suppress(OSError):  # the folder may be gone, or be none any more
                path.with_name(path.name + ".partial").unlink()
        if checkpoint.is_file():
            feedback.pushInfo(f"The work done so far is kept in {checkpoint}; give it as RESUME to go on from there.")
