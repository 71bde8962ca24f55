"""What the registry's routes take and give, field by field: read for input, and for the OpenAPI document."""

from rest_framework import serializers

from registry.vocabulary import (
    AgentStatus,
    Autonomy,
    Classification,
    Effect,
    Gate,
    PacketState,
    Relationship,
    RiskClass,
    ToolTag,
)
from web.api import PageQuery, Strict

WORDS = "Every word must occur, from its beginning or as an English word form."
RISKS, STATES = RiskClass.choices, AgentStatus.choices


class AgentQuery(PageQuery):
    """Filters of the list of agents."""

    q = serializers.CharField(required=False, allow_blank=True, help_text=WORDS)
    team = serializers.SlugField(required=False)
    status = serializers.ChoiceField(STATES, required=False)
    risk = serializers.ChoiceField(RISKS, required=False)
    gate = serializers.ChoiceField(Gate.choices, required=False)
    autonomy = serializers.ChoiceField(Autonomy.choices, required=False)
    owner = serializers.CharField(required=False, help_text="The owner's e-mail address, or `me`.")


class SearchQuery(Strict):
    """What a search's address says."""

    q = serializers.CharField(required=False, default="", allow_blank=True, help_text=WORDS)
    each = serializers.IntegerField(
        required=False, default=8, min_value=1, max_value=50, help_text="At most so many of a kind."
    )


class SearchHit(serializers.Serializer):
    """Something that a search found."""

    kind = serializers.ChoiceField(["agent", "packet", "tool", "data", "person"])
    key = serializers.CharField(help_text="An agent's slug; of all else the id.")
    title = serializers.CharField()
    detail = serializers.CharField()
    state = serializers.CharField(allow_null=True, help_text="Status of an agent, state of a packet, effect of a tool.")
    page = serializers.CharField(help_text="The address of its page.")


class SearchBody(serializers.Serializer):
    """What a search found."""

    found = SearchHit(many=True)


class CatalogueQuery(PageQuery):
    """Filters of the catalogue."""

    q = serializers.CharField(required=False, allow_blank=True, help_text=WORDS)


class AgentChange(Strict):
    """What of an agent's card can be changed."""

    name = serializers.CharField(max_length=150)
    summary = serializers.CharField(max_length=300)
    deputy_email = serializers.EmailField(required=False, allow_null=True)
    relationship = serializers.ChoiceField(Relationship.choices, required=False)
    autonomy = serializers.ChoiceField(Autonomy.choices, required=False)
    risk_class = serializers.ChoiceField(RISKS, required=False)
    support_path = serializers.CharField(max_length=300, required=False, allow_blank=True)
    next_review = serializers.DateField(required=False, allow_null=True)


class AgentNew(AgentChange):
    """An agent to register."""

    team = serializers.SlugField()
    owner_email = serializers.EmailField(required=False)
    slug = serializers.SlugField(max_length=80, required=False)


class PacketLine(serializers.Serializer):
    """A packet in its agent's answer."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    version = serializers.CharField()
    state = serializers.ChoiceField(PacketState.choices)


class AgentCard(serializers.Serializer):
    """An agent in a list."""

    id = serializers.UUIDField()
    slug = serializers.SlugField()
    name = serializers.CharField()
    summary = serializers.CharField()
    team = serializers.SlugField()
    owner = serializers.CharField()
    autonomy = serializers.ChoiceField(Autonomy.choices)
    risk_class = serializers.ChoiceField(RISKS)
    status = serializers.ChoiceField(STATES)
    stage = serializers.CharField()
    gate = serializers.ChoiceField(Gate.choices)


class AgentBody(AgentCard):
    """An agent."""

    owner_email = serializers.EmailField()
    deputy = serializers.CharField(allow_null=True)
    deputy_email = serializers.EmailField(allow_null=True)
    relationship = serializers.ChoiceField(Relationship.choices)
    support_path = serializers.CharField()
    next_review = serializers.DateField(allow_null=True)
    packets = PacketLine(many=True)


class AgentPage(serializers.Serializer):
    """A page of agents."""

    agents = AgentCard(many=True)
    next = serializers.CharField(allow_null=True)


class DataNew(Strict):
    """A data source to add."""

    name = serializers.CharField(max_length=150)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)
    owner_email = serializers.EmailField(required=False, allow_null=True)
    classification = serializers.ChoiceField(Classification.choices, required=False)
    contract_version = serializers.CharField(max_length=50, required=False, allow_blank=True)
    fresh_on = serializers.DateField(required=False, allow_null=True)
    fresh_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=32767)
    never_leaves = serializers.ListField(child=serializers.CharField(max_length=200), required=False, max_length=30)


class DataBody(serializers.Serializer):
    """A data source."""

    id = serializers.UUIDField()
    slug = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField()
    owner = serializers.CharField(allow_null=True)
    owner_email = serializers.EmailField(allow_null=True)
    classification = serializers.CharField()
    contract_version = serializers.CharField()
    fresh_on = serializers.DateField(allow_null=True)
    fresh_days = serializers.IntegerField(allow_null=True)
    never_leaves = serializers.ListField(child=serializers.CharField(), help_text="What may never leave, rule by rule.")
    retired_at = serializers.DateTimeField(allow_null=True)
    merged_into = serializers.SlugField(allow_null=True, help_text="The entry that stays, where this was merged.")


class DataPage(serializers.Serializer):
    """A page of data sources."""

    data_sources = DataBody(many=True)
    next = serializers.CharField(allow_null=True)


class ToolNew(Strict):
    """A tool to add."""

    slug = serializers.CharField(max_length=80, help_text="As the agent calls it, for example claims.search.")
    name = serializers.CharField(max_length=150, required=False)
    system = serializers.CharField(max_length=150, required=False, allow_blank=True)
    owner_email = serializers.EmailField(required=False, allow_null=True)
    effect = serializers.ChoiceField(Effect.choices, required=False)
    tags = serializers.ListField(child=serializers.ChoiceField(ToolTag.choices), required=False)


class ToolBody(serializers.Serializer):
    """A tool."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    system = serializers.CharField()
    owner = serializers.CharField(allow_null=True)
    owner_email = serializers.EmailField(allow_null=True)
    effect = serializers.ChoiceField(Effect.choices)
    tags = serializers.ListField(child=serializers.ChoiceField(ToolTag.choices))
    confirmed_at = serializers.DateTimeField(allow_null=True)
    retired_at = serializers.DateTimeField(allow_null=True)
    merged_into = serializers.CharField(allow_null=True, help_text="The entry that stays, where this was merged.")


class ToolPage(serializers.Serializer):
    """A page of tools."""

    tools = ToolBody(many=True)
    next = serializers.CharField(allow_null=True)


class PacketNew(Strict):
    """A packet to start."""

    version = serializers.CharField(max_length=50)
    copies = serializers.UUIDField(
        required=False, help_text="A packet of the agent to begin as a copy of; without it the last that was approved."
    )


class SectionLine(serializers.Serializer):
    """A section in its packet's answer."""

    number = serializers.IntegerField()
    title = serializers.CharField()
    version = serializers.IntegerField(help_text="How often it was saved; its ETag.")
    problems = serializers.ListField(child=serializers.CharField())
    not_needed = serializers.ListField(
        child=serializers.CharField(), help_text="What the agent's risk class does not ask for, with the reasons."
    )


class PacketBody(PacketLine):
    """A packet."""

    agent = serializers.SlugField()
    revision = serializers.IntegerField()
    digest = serializers.CharField(allow_null=True, help_text="Of the newest frozen revision.")
    sections = SectionLine(many=True)


class SectionNew(Strict):
    """A section's whole content."""

    content = serializers.DictField(
        help_text='{"sheet": {field: value}, kind of row: [{…}, …], "not_applicable": {key: reason}}'
    )


class SectionBody(SectionLine):
    """A section."""

    content = serializers.DictField()
    rows = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="What the rows that are always there are about, in their order.",
    )
    may_not_apply = serializers.DictField(
        child=serializers.CharField(),
        help_text="The keys that `content.not_applicable` takes here, each with what it is about.",
    )
