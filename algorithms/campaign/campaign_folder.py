# SPDX-License-Identifier: GPL-2.0-or-later
"""CAMPAIGN, the folder that the algorithms of a campaign hand to each other, and their heading in the toolbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsProcessingException, QgsProcessingParameterFile

from ..base.algorithm import MtmsdAlgorithm
from ..base.parameters import ParameterValues
from ..base.translation import tr

if TYPE_CHECKING:
    from ...mtmsd_qgis.campaign.folder import Campaign

_NAME = "CAMPAIGN"


class CampaignAlgorithm(MtmsdAlgorithm):
    """What the algorithms of a campaign have in common."""

    def group(self) -> str:
        """Heading in the toolbox."""
        return self.tr("Many scenes (campaigns)")

    def groupId(self) -> str:
        """Fixed id of the heading."""
        return "campaigns"


class CampaignFolder:
    """CAMPAIGN."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it."""
        algorithm.declare(
            QgsProcessingParameterFile(_NAME, tr("Campaign folder"), QgsProcessingParameterFile.Behavior.Folder),
            tr("The folder that 'Prepare campaign' has written."),
        )

    def read(self, values: ParameterValues) -> tuple[Path, Campaign]:
        """The folder, and what its campaign.json says.

        Raises:
            QgsProcessingException: There is none.
            FileFormatError: It cannot be read.
        """
        from ...mtmsd_qgis.campaign.folder import is_campaign, read_campaign

        folder = values.file(_NAME)
        if folder is None or not is_campaign(folder):
            raise QgsProcessingException(
                f"CAMPAIGN should be a folder with a campaign.json; found {folder or 'nothing'}. Make one with "
                "'Prepare campaign'."
            )
        return folder.absolute(), read_campaign(folder)
