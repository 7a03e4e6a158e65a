# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:pretraindiffusion: raster -> diffusion model."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.jobs.protocol import Job
from ..mtmsd_qgis.jobs.results import PretrainResult
from ..mtmsd_qgis.jobs.settings import to_json
from .base.algorithm import MtmsdAlgorithm
from .base.parameters import Device, ParameterValues, Seed, WorkerOutputs
from .base.pretraining_parameters import BandsAndMask, Preset, PretrainingParameters
from .base.rasters.extra_scenes import ExtraScenes


class PretrainDiffusion(MtmsdAlgorithm):
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
        self.declare_groups(ExtraScenes(), BandsAndMask(), Preset(), PretrainingParameters())
        self.declare(
            QgsProcessingParameterFile(
                "RESUME",
                self.tr("Checkpoint to go on from"),
                optional=True,
                fileFilter=self.tr("MTMSD checkpoints (*.checkpoint);;All files (*)"),
            ),
            self.tr(
                "The file that an interrupted run left beside its output, ending in .checkpoint. With the same raster "
                "and settings, training goes on to the same result."
            ),
            advanced=True,
        )
        self.declare_groups(Seed(), Device())
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
            self.tr(
                "Loss curve, denoised samples at a few noise levels, features of a few timesteps and stages as "
                "pictures, settings, device and time."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber("FINAL_LOSS", self.tr("Final loss")))
        self.declare_groups(WorkerOutputs())

    def check_settings(self, values: ParameterValues) -> None:
        """Make the settings once, for their own checks."""
        PretrainingParameters().read(values)

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Look at raster and mask."""
        from .bridge.raster.scene_export import refuse_small_raster
        from .bridge.raster.source import describe_raster

        self._settings = PretrainingParameters().read(values)
        self._source = describe_raster(values.raster("INPUT"))
        self._bands = BandsAndMask().read_bands(values, self._source)
        self._extra = ExtraScenes().read(values, self._source, self._bands)
        self._bands = self._extra.bands
        refuse_small_raster(self._source, self._settings.patch_size)
        for extra in self._extra.scenes:
            refuse_small_raster(extra.source, self._settings.patch_size)
        self._mask = BandsAndMask().read_mask(values)

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Export the bands, train, report."""
        from ..mtmsd_qgis.io.cube import Cube
        from .bridge.feedback import ProgressRange
        from .bridge.files.atomic_write import link_target
        from .bridge.files.resume_folder import free_checkpoint
        from .bridge.raster.disk_space import SceneNeed, check_space, pretraining_need
        from .bridge.raster.scene_export import SceneExport, announce
        from .bridge.raster.valid_pixels import is_empty
        from .bridge.worker.worker_process import job_folder, read_result, run_worker

        output = self.outputs.file(values, "OUTPUT")
        source, settings = self._source, self._settings
        sentence = (
            f"Preset {settings.preset}, {settings.iterations} iterations of {settings.batch_size} patches of "
            f"{settings.patch_size} x {settings.patch_size} pixels, seed {settings.seed}."
        )
        announce(source, feedback, self._bands.sentence, sentence)
        self._extra.announce(feedback)
        needs = [
            SceneNeed(raster, numbers, settings.components)
            for raster, numbers in [(source, self._bands.used), *((s.source, s.numbers) for s in self._extra.scenes)]
        ]
        check_space(pretraining_need(needs, output), feedback)
        model = link_target(output).absolute()
        model.parent.mkdir(parents=True, exist_ok=True)
        resume = self._resume_from(values)
        checkpoint = free_checkpoint(model, resume)
        with job_folder() as folder:
            step = 4 / (1 + len(self._extra.scenes))
            reading = ProgressRange(feedback, 0, step, "Reading the raster")
            scene = SceneExport(source, folder, values.transforms).bands(self._bands.used, self._mask, reading)
            extra_scenes, used = [], []
            for number, extra in enumerate(self._extra.scenes, 1):
                reading = ProgressRange(feedback, number * step, (number + 1) * step, f"Reading {extra.source.name}")
                export = SceneExport(extra.source, folder, values.transforms, f"scene{number}", may_be_empty=True)
                cube = export.bands(extra.numbers, self._mask, reading)
                if is_empty(Cube(folder, cube)):
                    feedback.pushWarning(f"{extra.source.name} has no data, or none beside the mask; it is left out.")
                    continue
                extra_scenes.append(cube)
                used.append(extra)
            self._extra = replace(self._extra, scenes=tuple(used))
            job = Job(
                task="pretrain",
                settings=to_json(settings),
                scene=scene,
                inputs={"resume": str(resume)} if resume else {},
                outputs={"model": str(model), "checkpoint": str(checkpoint)},
                options={
                    "source_band_count": len(source.bands),
                    **({"gallery": True} if values.is_given("REPORT") else {}),
                },
                extra_scenes=tuple(extra_scenes),
            )
            try:
                found = run_worker(job, folder, self.MODULE, ProgressRange(feedback, 4, 99))
            except QgsProcessingException:
                self._tidy_up(model, checkpoint, feedback)
                raise
        result = read_result(PretrainResult, found)
        if self._extra.scenes:
            feedback.pushInfo(f"Valid pixels: {self._shares_text(result)}.")
        report = self._write_report(values, result)
        feedback.setProgress(100)
        return {
            "OUTPUT": str(output),
            "REPORT": str(report) if report else None,
            "FINAL_LOSS": result.final_loss,
            "SECONDS": result.seconds,
            "DEVICE_USED": result.computation.device,
        }

    def _write_report(self, values: ParameterValues, result: PretrainResult) -> Path | None:
        """The report, where one is wanted."""
        from ..mtmsd_qgis.report.reports import pretraining_report
        from .bridge.files.atomic_write import write_text

        path = self.outputs.file(values, "REPORT")
        if path is not None:
            rasters = {"Raster": f"{self._source.name}, {self._source.size_text}"}
            if self._extra.scenes:
                extra = "; ".join(f"{scene.source.name}, {scene.source.size_text}" for scene in self._extra.scenes)
                rasters.update({"Further rasters": extra, "Valid pixels": self._shares_text(result)})
            if self._mask is not None:
                rasters["Left out by the mask"] = self._mask.name
            write_text(pretraining_report(result, self.outputs.report_facts(rasters)), path)
        return path

    def _shares_text(self, result: PretrainResult) -> str:
        """How many pixels came from which raster."""
        from ..mtmsd_qgis.jobs.accuracy_results import percent_number

        names = [self._source.name, *(scene.source.name for scene in self._extra.scenes)]
        total = sum(result.scene_pixels)
        shares = [
            f"{pixels} ({percent_number(100 * pixels / total)} %) from {name}"
            for name, pixels in zip(names, result.scene_pixels)
        ]
        return ", ".join(shares)

    def _resume_from(self, values: ParameterValues) -> Path | None:
        path = values.file("RESUME")
        if path is not None and not path.is_file():
            raise QgsProcessingException(
                f"RESUME should be the checkpoint of an interrupted run; there is no file {path}."
            )
        return path.absolute() if path else None

    def _tidy_up(self, output: Path, checkpoint: Path, feedback: QgsProcessingFeedback) -> None:
        """After a failure: take away what a killed worker left half-written, and name what it kept."""
        for path in (output, checkpoint):
            with suppress(OSError):  # the folder may be gone, or be none any more
                path.with_name(path.name + ".partial").unlink()
        if checkpoint.is_file():
            feedback.pushInfo(f"The work done so far is kept in {checkpoint}; give it as RESUME to go on from there.")
