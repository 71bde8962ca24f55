"""What the ledger says of exports."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from ledger.kinds import Entry, Id, Sha256


class Head(BaseModel):
    """Where a stream stood when it was exported."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    stream: str
    seq: int
    hash: Sha256


class ExportCreated(Entry):
    kind = "export.created"
    sentence = "exported the evidence of an agent"
    agent: Id
    heads: list[Head]
    withheld: int
