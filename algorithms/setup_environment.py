# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:setupenvironment: builds the plugin's own environment with torch; only ever when the user runs it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputString,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from ..mtmsd_qgis.errors import SettingsError
from .base.algorithm import MtmsdAlgorithm
from .base.newer_qgis import qgis_member
from .base.parameters import ParameterValues

if TYPE_CHECKING:
    from .bridge.environment.builder import EnvironmentPlan
    from .bridge.environment.network_proxy import Proxy

_BUILDS = ("auto", "cpu", "cuda")


class SetupEnvironment(MtmsdAlgorithm):
    """Builds, beside QGIS and apart from it."""

    MODULE = ""

    _proxy: Proxy | None = None

    def name(self) -> str:
        """Fixed id."""
        return "setupenvironment"

    def displayName(self) -> str:
        """Title."""
        return self.tr("Set up environment")

    def group(self) -> str:
        """Heading in the toolbox."""
        return self.tr("Data and environment")

    def groupId(self) -> str:
        """Fixed id of the heading."""
        return "dataenvironment"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("torch,python,cuda,gpu,install,pip,offline").split(",")

    def flags(self) -> QgsProcessingAlgorithm.Flags:
        """QGIS warns before it is run from a file of others: it downloads programs, and runs the Python it is given."""
        risk = qgis_member("ProcessingAlgorithmFlag", "SecurityRisk")
        return super().flags() if risk is None else super().flags() | risk

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Makes a Python of the plugin's own, with torch, numpy and scipy, apart from QGIS; the Python of "
            "QGIS is left as it is. About 0.3 GB are downloaded for the processor (1.1 GB on the disk), about 3 GB for "
            "an NVIDIA card (7 GB on the disk), from PyPI and PyTorch's index, or where pip is configured to look. "
            "The log says place, size and source before anything is downloaded. It can be cancelled, and run again. "
            "Without a network, give a folder of wheels."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        build = QgsProcessingParameterEnum(
            "BUILD", self.tr("Build of torch"), list(_BUILDS), defaultValue="auto", usesStaticStrings=True
        )
        self.declare(
            build,
            self.tr(
                "cuda: the build for NVIDIA cards that fits card and driver. cpu: for the processor. auto: cuda where "
                "there is a card, else cpu; a card that cannot be used is reported, not passed over."
            ),
        )
        folder = QgsProcessingParameterFile.Behavior.Folder
        self.declare(
            QgsProcessingParameterFile("FOLDER", self.tr("Folder for the environment"), folder, optional=True),
            self.tr(
                "Where it goes. Empty: 'mtmsd' in the user's folder for application data, or the folder that the "
                "environment variable MTMSD_HOME names."
            ),
        )
        self.declare(
            QgsProcessingParameterFile("WHEELS", self.tr("Folder of wheels (no network)"), folder, optional=True),
            self.tr(
                "Packages that were downloaded elsewhere, with the command that the log of a run with a network ends "
                "with. Given, the network is not used at all."
            ),
        )
        self._declare_rare_knobs()
        self.addOutput(QgsProcessingOutputFile("PYTHON", self.tr("Python of the environment")))
        self.addOutput(QgsProcessingOutputString("TORCH_VERSION", self.tr("Version of torch")))

    def _declare_rare_knobs(self) -> None:
        self.declare(
            QgsProcessingParameterString("INDEX_URL", self.tr("Package index for torch"), optional=True),
            self.tr(
                "An index that has torch, in place of PyTorch's own, such as a mirror, or the index of another CUDA "
                "version."
            ),
            advanced=True,
        )
        self.declare(
            # Without a filter of its own, QGIS takes only names with a dot in them.
            QgsProcessingParameterFile(
                "BASE_PYTHON", self.tr("Python to make it from"), optional=True, fileFilter=self.tr("Programs (*)")
            ),
            self.tr(
                "Empty: the Python of QGIS, which stays as it is. Needed where QGIS has none that can be started, as "
                "QGIS 4 for macOS, or one that torch does not support."
            ),
            advanced=True,
        )

    def check_settings(self, values: ParameterValues) -> None:
        """Look at what was typed.

        Raises:
            SettingsError: It will not do.
        """
        from .bridge.environment.pip_requirements import wheels_trouble

        index = values.text("INDEX_URL")
        if index and "://" not in index:
            raise SettingsError(f"INDEX_URL should be an address such as https://...; found {index}.")
        wheels = values.text("WHEELS")
        if wheels and index:
            raise SettingsError("WHEELS does without a network and INDEX_URL needs one: give one of them.")
        trouble = wheels_trouble(Path(wheels).expanduser()) if wheels else ""
        if trouble:
            raise SettingsError(trouble)

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """QGIS's proxy, on the main thread: it may ask for the master password."""
        from .bridge.environment.network_proxy import qgis_proxy

        self.check_settings(values)
        self._proxy = qgis_proxy()

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Say what will be done, do it, and say what it means."""
        from .bridge.environment.builder import build_environment
        from .bridge.environment.pip_requirements import download_line
        from .bridge.feedback import ProgressRange

        plan = self._plan(values, feedback)
        self._announce(plan, feedback)
        built = build_environment(plan, ProgressRange(feedback, 0, 100))
        state = "is ready" if built.is_new else "was there already, and works"
        feedback.pushInfo(f"The environment {state}: torch {built.torch}, {built.device}.\n{built.python}")
        if built.is_new and plan.source.wheels is None:
            feedback.pushInfo(
                "For a machine without a network, of the same system and Python, this fills a folder for WHEELS:\n"
                + download_line(plan.build)
            )
        self._warn_where_unused(built.python, feedback)
        return {"PYTHON": str(built.python), "TORCH_VERSION": built.torch}

    def _plan(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> EnvironmentPlan:
        from .bridge.environment.base_python import find_base
        from .bridge.environment.builder import EnvironmentPlan
        from .bridge.environment.pip_requirements import PackageSource
        from .bridge.environment.torch_builds import CUDA_BUILDS, Choice, choose_build, graphics_cards
        from .bridge.worker import python_locations

        wheels = Path(values.text("WHEELS")).expanduser() if values.text("WHEELS") else None
        source = PackageSource(wheels, values.text("INDEX_URL"))
        wanted = values.text("BUILD") or "auto"
        cards, trouble = graphics_cards()
        for card in cards:
            feedback.pushInfo(f"Graphics card: {card.label}")
        if wanted == "cuda" and source.index:
            choice = Choice(CUDA_BUILDS[0], "asked for, from the index that was named")
        else:
            choice = choose_build(wanted, cards, trouble)
        feedback.pushInfo(f"Build of torch: {choice.build.tag} ({choice.reason})")
        for card in choice.unused:
            feedback.pushWarning(f"{card.label} cannot be used with this build.")
        folder = Path(values.text("FOLDER")).expanduser() if values.text("FOLDER") else python_locations.home()
        base = find_base(values.text("BASE_PYTHON"))
        proxy = self._proxy.environment if self._proxy and wheels is None else {}
        return EnvironmentPlan(folder.absolute(), base, choice.build, source, proxy)

    def _announce(self, plan: EnvironmentPlan, feedback: QgsProcessingFeedback) -> None:
        from .bridge.environment.builder import refuse_without_space
        from .bridge.environment.pip_failures import without_credentials

        source = "pip's configured index (PyPI where nothing else is set)"
        if plan.source.wheels is not None:
            source = f"the wheels in {plan.source.wheels}; no network is used"
        else:
            index = without_credentials(plan.source.index) or plan.build.index
            source += f", and {index} for torch"
        download, installed = plan.build.download_bytes / 2**30, plan.build.installed_bytes / 2**30
        feedback.pushInfo(f"Place: {plan.folder / plan.name}")
        feedback.pushInfo(f"Size: about {download:.1f} GiB of packages, {installed:.1f} GiB on the disk")
        feedback.pushInfo(f"Source: {source}")
        feedback.pushInfo(f"Made from: {plan.base.path} (Python {plan.base.version_text})")
        if self._proxy and plan.source.wheels is None:
            if self._proxy.note:
                feedback.pushInfo(self._proxy.note)
            if self._proxy.warning:
                feedback.pushWarning(self._proxy.warning)
        refuse_without_space(plan)

    def _warn_where_unused(self, python: Path, feedback: QgsProcessingFeedback) -> None:
        from .bridge.worker.interpreter import candidates

        first = candidates()[0]
        if os.path.normcase(first.path) != os.path.normcase(python):
            feedback.pushWarning(
                f"It is not used yet: {first.origin} names {first.path}, which comes first. Clear that to use this one."
            )
