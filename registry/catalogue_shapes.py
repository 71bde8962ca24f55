"""What the catalogue's routes take and give, field by field: read for input, and for the OpenAPI document."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry.api_shapes import DataBody, ToolBody
from registry.models import DataContract
from registry.vocabulary import Classification, Effect, PacketState, ToolTag
from web.api import Strict


class DataChange(Strict):
    """What of a data source can be changed."""

    name = serializers.CharField(max_length=150)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)
    owner_email = serializers.EmailField(required=False, allow_null=True)
    classification = serializers.ChoiceField(Classification.choices, required=False)
    contract_version = serializers.CharField(
        max_length=50, required=False, allow_blank=True, help_text="Only as long as no contract is published."
    )
    fresh_on = serializers.DateField(required=False, allow_null=True)
    fresh_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=32767)
    never_leaves = serializers.ListField(child=serializers.CharField(max_length=200), required=False, max_length=30)


class ToolChange(Strict):
    """What of a tool can be changed."""

    name = serializers.CharField(max_length=150)
    system = serializers.CharField(max_length=150, required=False, allow_blank=True)
    owner_email = serializers.EmailField(required=False, allow_null=True)


class ToolConfirm(Strict):
    """What a call of a tool does and touches."""

    effect = serializers.ChoiceField(Effect.choices)
    tags = serializers.ListField(child=serializers.ChoiceField(ToolTag.choices))


class RetireOrder(Strict):
    """The end of an entry."""

    agents = serializers.IntegerField(min_value=0, help_text="How many agents are hit, as …/touching said.")


class MergeOrder(RetireOrder):
    """The merging of an entry into another."""

    into = serializers.CharField(max_length=80, help_text="The short name of the entry that stays.")


@extend_schema_field(OpenApiTypes.ANY)
class Schema(serializers.Field):
    """A schema as JSON, or as the text of a file."""

    def to_internal_value(self, data: Any) -> Any:
        """An object, a list or a text. Raises ValidationError."""
        if not isinstance(data, dict | list | str) or not data:
            raise serializers.ValidationError("This is a schema: an object, a list of fields, or the text of a file.")
        return data

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class ContractNew(Strict):
    """A version of a contract to publish."""

    version = serializers.CharField(
        max_length=50, required=False, default="", help_text="Without one, what the schema says."
    )
    note = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    schema = Schema(help_text="JSON Schema, Open Data Contract Standard (also as YAML text), or a list of fields.")


class ContractField(serializers.Serializer):
    """One field of a contract; null where the schema does not say."""

    name = serializers.CharField()
    type = serializers.CharField()
    meaning = serializers.CharField()
    sensitive = serializers.BooleanField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Its own fields, and the one whose name a serializer keeps for itself."""
        return {**super().get_fields(), "required": serializers.BooleanField(allow_null=True)}


class ContractBody(serializers.Serializer):
    """A published version of a contract."""

    number = serializers.IntegerField()
    version = serializers.CharField()
    note = serializers.CharField()
    format = serializers.ChoiceField(DataContract.Format.choices)
    sha256 = serializers.CharField(help_text="Of the schema as it came.")
    published_at = serializers.DateTimeField()
    published_by = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field]:
        """Its own fields, and the one of that very name."""
        return {**super().get_fields(), "fields": ContractField(many=True)}


class ContractList(serializers.Serializer):
    """Every version of a source's contract."""

    contracts = ContractBody(many=True)


class DataDetailBody(DataBody):
    """A data source."""

    contract = ContractBody(allow_null=True)
    upstream = serializers.ListField(child=serializers.SlugField())
    downstream = serializers.ListField(child=serializers.SlugField())


class ToolDetailBody(ToolBody):
    """A tool."""


class TouchLine(serializers.Serializer):
    """An agent whose packet asks for an entry."""

    agent = serializers.SlugField()
    owner = serializers.CharField()
    packet = serializers.UUIDField()
    version = serializers.CharField()
    state = serializers.ChoiceField(PacketState.choices)


class InForceLine(TouchLine):
    """An agent with a release in force that grants an entry."""

    environment = serializers.CharField()
    release = serializers.CharField()
    since = serializers.DateTimeField()


class TouchingBody(serializers.Serializer):
    """Who may touch an entry."""

    in_force = InForceLine(many=True)
    proposed = TouchLine(many=True)
    agents = serializers.IntegerField(help_text="How many agents there are, shown or not.")
    not_shown = serializers.IntegerField(help_text="How many of them are of teams whose packets are not yours to see.")
