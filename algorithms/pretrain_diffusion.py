# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:pretraindiffusion: raster -> diffusion model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBand,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMapLayer,
    QgsProcessingParameterRasterLayer,
)

from ..mtmsd_qgis.protocol import Job
from ..mtmsd_qgis.settings import PRESET_NAMES, PretrainSettings, pretrain_settings, to_json
from .algorithm import MtmsdAlgorithm, Parameters, is_given

_BAND_SCALING = ["none", "standard"]


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

    def shortHelpString(self) -> str:
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
            self.tr("The scene to learn from: any data type, at least two bands."),
        )
        self.declare(
            QgsProcessingParameterBand(
                "BANDS", self.tr("Bands"), parentLayerParameterName="INPUT", optional=True, allowMultiple=True
            ),
            self.tr(
                "Bands to use. Without a choice all are used, except those that the metadata marks as bad and those "
                "that are empty or constant; the log names them."
            ),
        )
        self.declare(
            QgsProcessingParameterMapLayer(
                "MASK",
                self.tr("Pixels to leave out"),
                optional=True,
                types=[QgsProcessing.SourceType.TypeRaster, QgsProcessing.SourceType.TypeVectorAnyGeometry],
            ),
            self.tr(
                "Raster: every value other than 0 and nodata is left out. Vector: what it covers is left out. "
                "Any CRS and resolution."
            ),
        )
        self.declare(
            QgsProcessingParameterEnum(
                "PRESET", self.tr("Preset"), list(PRESET_NAMES), False, PRESET_NAMES[0], usesStaticStrings=True
            ),
            self.tr(
                "quick: minutes on a processor with two cores. standard: a laptop's graphics card, under half an "
                "hour. paper: the published network and schedule, for a large graphics card."
            ),
        )
        self._declare_knobs()
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
        self.declare_facts()

    def _declare_knobs(self) -> None:
        number = self.declare_number
        number("COMPONENTS", self.tr("Principal components"), self.tr("Kept at most. Not set: by preset."))
        number("ITERATIONS", self.tr("Iterations"), self.tr("Steps of the optimiser. Not set: by preset."))
        number(
            "BATCH_SIZE", self.tr("Batch size"), self.tr("Patches a step; less takes less memory. Not set: by preset.")
        )
        number(
            "PATCH_SIZE",
            self.tr("Patch size (pixels)"),
            self.tr("Side of a training patch, a multiple of 4 from 16 on. Not set: by preset."),
            least=16,
        )
        number(
            "BASE_WIDTH",
            self.tr("Base width"),
            self.tr("Size of the network: 32, 64 or 128. Not set: by preset."),
            least=32,
        )
        number(
            "LEARNING_RATE", self.tr("Learning rate"), self.tr("Peak rate. Not set: by preset."), least=0, whole=False
        )
        self.declare(
            QgsProcessingParameterEnum(
                "BAND_SCALING", self.tr("Band scaling"), _BAND_SCALING, False, "none", usesStaticStrings=True
            ),
            self.tr("standard divides each band by its deviation first, for rasters whose bands have different units."),
            advanced=True,
        )
        self.declare(
            QgsProcessingParameterFile(
                "RESUME",
                self.tr("Checkpoint to go on from"),
                optional=True,
                fileFilter=self.tr("MTMSD checkpoints (*.checkpoint);;All files (*.*)"),
            ),
            self.tr("Of an interrupted run with the same raster and settings; it goes on to the same result."),
            advanced=True,
        )
        self.declare_seed_and_device()

    def check_settings(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Make the settings once, for their own checks."""
        self._settings_from(parameters, context)

    def collect(self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Look at raster and mask."""
        from .bridge.masks import describe_mask
        from .bridge.rasters import describe_raster
        from .bridge.scenes import refuse_single_band

        self._settings = self._settings_from(parameters, context)
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None or not layer.isValid():
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        self._source = describe_raster(layer)
        chosen = self.parameterAsInts(parameters, "BANDS", context) if is_given(parameters, "BANDS") else []
        self._refuse_missing_bands(chosen)
        count = len(self._source.bands)
        self._numbers = chosen or [n for n in range(1, count + 1) if n not in self._source.bad]
        self._bad = [] if chosen else sorted(self._source.bad)
        refuse_single_band(self._source, self._numbers)
        self._refuse_small_raster()
        mask = self.parameterAsLayer(parameters, "MASK", context) if is_given(parameters, "MASK") else None
        self._mask = describe_mask(mask) if mask is not None else None
        self._context = context.transformContext()

    def compute(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Copy the bands, train, report."""
        from .bridge.outputs import write_text
        from .bridge.progress import Stretch
        from .bridge.scenes import announce, bring_scene
        from .bridge.worker_process import job_folder, run_worker

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
        output.parent.mkdir(parents=True, exist_ok=True)
        checkpoint = output.with_name(output.name + ".checkpoint")
        with job_folder() as folder:
            scene = bring_scene(self._source, self._numbers, self._mask, folder, self._context, Stretch(feedback, 0, 4))
            job = Job(
                task="pretrain",
                settings=to_json(settings),
                scene=scene,
                inputs=self._resume_from(parameters, context),
                outputs={"model": str(output.absolute()), "checkpoint": str(checkpoint.absolute())},
                options={"source_band_count": len(self._source.bands)},
            )
            try:
                values = run_worker(job, folder, self.MODULE, Stretch(feedback, 4, 99))
            except QgsProcessingException:
                self._tidy_up(output, checkpoint, feedback)
                raise
        if report is not None:
            from ..mtmsd_qgis.report import pretraining_report

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

    def _settings_from(self, parameters: Parameters, context: QgsProcessingContext) -> PretrainSettings:
        return pretrain_settings(
            self.parameterAsEnumString(parameters, "PRESET", context),
            components=self.whole_number(parameters, "COMPONENTS", context),
            iterations=self.whole_number(parameters, "ITERATIONS", context),
            batch_size=self.whole_number(parameters, "BATCH_SIZE", context),
            patch_size=self.whole_number(parameters, "PATCH_SIZE", context),
            base_width=self.whole_number(parameters, "BASE_WIDTH", context),
            learning_rate=self.number(parameters, "LEARNING_RATE", context),
            band_scaling=self.parameterAsEnumString(parameters, "BAND_SCALING", context),
            seed=self.parameterAsInt(parameters, "SEED", context),
            device=self.parameterAsString(parameters, "DEVICE", context).strip(),
        )

    def _refuse_missing_bands(self, chosen: list[int]) -> None:
        count = len(self._source.bands)
        missing = [number for number in chosen if not 1 <= number <= count]
        if missing:
            raise QgsProcessingException(
                f"BANDS should be numbers from 1 to {count}, the bands of the raster {self._source.name}; found "
                f"{missing[0]}. Choose the bands again."
            )

    def _refuse_small_raster(self) -> None:
        grid, side = self._source.grid, self._settings.patch_size
        if min(grid.height, grid.width) < side:
            raise QgsProcessingException(
                f"The raster must be at least as large as a training patch, {side} x {side} pixels; "
                f"{self._source.name} has {grid.width} x {grid.height}. Choose a larger raster or a smaller PATCH_SIZE."
            )

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
            path.with_name(path.name + ".partial").unlink(missing_ok=True)
        if checkpoint.is_file():
            feedback.pushInfo(f"The work done so far is kept in {checkpoint}; give it as RESUME to go on from there.")
