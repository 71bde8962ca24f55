"""What an entry may say: one closed pydantic schema a kind, so that nothing slips into the ledger unseen."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

KINDS: dict[str, type["Entry"]] = {}

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.@:-]{0,99}$")]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"), AfterValidator(str)]


class Entry(BaseModel):
    """Base of all entries. A subclass names its `kind` and the `sentence` that pages show, with its fields in braces."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: ClassVar[str]
    sentence: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if cls.kind in KINDS:
            raise TypeError(f"the kind {cls.kind} has a schema already: {KINDS[cls.kind]}")
        KINDS[cls.kind] = cls


def sentence(kind: str, data: dict[str, Any]) -> str:
    """What the entry says, in words; the kind itself where a later version no longer knows it."""
    schema = KINDS.get(kind)
    if schema is None:
        return kind
    try:
        return schema.sentence.format_map(data)
    except (KeyError, IndexError):
        return kind
