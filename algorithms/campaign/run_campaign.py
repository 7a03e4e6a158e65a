# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:runcampaign: campaign folder -> the same folder with model, classifier and maps, on this machine."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingFeedback, QgsProcessingOutputFolder, QgsProcessingOutputNumber

from ..base.parameters import ParameterValues, rare_number
from .campaign_folder import CampaignAlgorithm, CampaignFolder


class RunCampaign(CampaignAlgorithm):
    """Works off the steps of a campaign with a pool of workers."""

    def name(self) -> str:
        """Fixed id."""
        return "runcampaign"

    def displayName(self) -> str:
        """Title."""
        return self.tr("2 Run campaign on this computer")

    def tags(self) -> list[str]:
        """Words to find it by."""
        return self.tr("cluster,tiles,mosaic,parallel,many scenes,large,resume,torch").split(",")

    def about(self) -> str:
        """What it does."""
        return self.tr(
            "Trains the model of a campaign, learns its classifier and maps all its scenes, with one worker for each "
            "graphics card or for each core of the processor. A cancelled or killed run loses seconds: run it again, "
            "here or on a cluster, and it goes on. 'Collect campaign' makes maps and report of the result."
        )

    def initAlgorithm(self, config: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        self.declare_groups(CampaignFolder())
        self.declare(
            rare_number("WORKERS", self.tr("Workers"), default=None),
            self.tr(
                "Processes that map at the same time; each takes about 1 GB of memory. Not set: one for each graphics "
                "card, else one for each core."
            ),
            advanced=True,
        )
        self.addOutput(QgsProcessingOutputFolder("OUTPUT", self.tr("Campaign folder")))
        self.addOutput(QgsProcessingOutputNumber("SCENES", self.tr("Scenes mapped")))

    def collect(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> None:
        """Read the campaign."""
        self._folder, self._campaign = CampaignFolder().read(values)

    def compute(self, values: ParameterValues, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Step after step."""
        from ...mtmsd_qgis.campaign.steps import STEPS, state_of
        from ..bridge.campaign.worker_pool import Pool, run_step
        from ..bridge.feedback import ProgressRange
        from ..bridge.worker import interpreter

        folder, campaign = self._folder, self._campaign
        python = interpreter.find(self.MODULE, feedback)
        facts, device = interpreter.probe(python, feedback, fresh=True), campaign.classify.device
        pool = Pool.of(python.path, facts, device, values.optional_integer("WORKERS") or 0)
        where = f"{pool.cards} graphics cards" if pool.cards else f"the processor, {pool.threads} cores"
        feedback.pushInfo(f"{len(campaign.scenes)} scenes, {pool.workers} workers on {where}.")
        start = 0.0
        for step in STEPS.values():
            state = state_of(folder, campaign, step)
            stop = start + 100 * _SHARES[step.name]
            feedback.setProgressText(f"Step '{step.name}': {step.purpose}")
            if state.complete:
                feedback.pushInfo("Complete.")
            else:
                if state.done:
                    feedback.pushInfo(f"{state.done} of {state.total} parts are done already.")
                run_step(folder, campaign, step, pool, ProgressRange(feedback, start, stop))
            start = stop
            feedback.setProgress(start)
        return {"OUTPUT": str(folder), "SCENES": len(campaign.scenes)}


# Of the bar; training and mapping take most of the time, which of them depends on the campaign.
_SHARES = {
    "moments": 0.03,
    "pretrain": 0.37,
    "statistics": 0.03,
    "gather": 0.05,
    "learn": 0.02,
    "map": 0.48,
    "judge": 0.02,
}
