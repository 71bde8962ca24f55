"""The registry's rows. The sections' own rows stand with their forms in `registry/sections/`."""

from registry.models.agents import Agent, CatalogueEntry, DataSource, Handover, Tool
from registry.models.answering import Acceptance, LaunchReview
from registry.models.answers import AnswerUse, TeamAnswer, TeamAnswerVersion
from registry.models.attachments import Attachment, StoredFile
from registry.models.contracts import DataContract, SourceLink
from registry.models.demands import NotApplicable
from registry.models.finding import AgentCount, SavedView
from registry.models.imports import ImportedManifest
from registry.models.packets import Contribution, Packet, Revision, SectionState
from registry.models.proposals import Proposal
from registry.models.risk import RiskAnswers
from registry.models.signed import SignedCard, SignedSource, SignedTool

from registry import sections  # noqa: F401  isort: skip  (makes Django see the sections' models)

__all__ = [
    "Acceptance",
    "Agent",
    "AnswerUse",
    "Attachment",
    "AgentCount",
    "CatalogueEntry",
    "Contribution",
    "DataContract",
    "DataSource",
    "Handover",
    "ImportedManifest",
    "LaunchReview",
    "NotApplicable",
    "Packet",
    "Proposal",
    "Revision",
    "SavedView",
    "RiskAnswers",
    "SectionState",
    "SignedCard",
    "SignedSource",
    "SignedTool",
    "StoredFile",
    "SourceLink",
    "TeamAnswer",
    "TeamAnswerVersion",
    "Tool",
]
