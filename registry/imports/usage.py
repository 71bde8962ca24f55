"""What a run used of its models, counted in its spans by the OpenTelemetry GenAI conventions (`gen_ai.usage.*`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from registry.imports.otlp import Span

MODEL_CALLS = ("chat", "text_completion", "generate_content")
NOT_MODEL_CALLS = ("embeddings", "execute_tool", "retrieval", "invoke_agent", "create_agent", "invoke_workflow", "plan")
OLDER = {"input": "prompt", "output": "completion"}
"""Names of before, `gen_ai.usage.prompt_tokens` and `gen_ai.usage.completion_tokens`."""


@dataclass(frozen=True)
class Usage:
    """One run: its model calls, and tokens over all of them. None where not every call says so: a part is no total."""

    calls: int
    tokens_in: int | None
    tokens_out: int | None
    cached: int | None
    """Those of `tokens_in` that came from a cache."""

    def figures(self) -> dict[str, int]:
        """What section 8 asks of a run: model calls, tokens in and out a call (rounded up), and the cached share of
        tokens in, in percent (rounded down, as it makes a run cheaper). Without what is not known."""
        if not self.calls:
            return {}
        found = {"calls_per_run": self.calls}
        if self.tokens_in is not None:
            found["tokens_in"] = -(-self.tokens_in // self.calls)
        if self.tokens_out is not None:
            found["tokens_out"] = -(-self.tokens_out // self.calls)
        if self.tokens_in and self.cached is not None and self.cached <= self.tokens_in:
            found["cached_percent"] = self.cached * 100 // self.tokens_in
        return found


def usage_of(spans: Iterable[Span]) -> Usage:
    """What the run of these spans used. Only spans of model calls are counted: that of an agent sums up those within it."""
    calls = model_calls(spans)
    read = [span.attributes.get("gen_ai.usage.cache_read.input_tokens") for span in calls]
    return Usage(
        calls=len(calls),
        tokens_in=_sum(tokens(span, "input") for span in calls),
        tokens_out=_sum(tokens(span, "output") for span in calls),
        cached=_sum(read),
    )


def model_calls(spans: Iterable[Span]) -> list[Span]:
    """The calls of models among these spans, each once: where a framework and the client below it both report a call, the
    client's span, which is the other's child."""
    calls = [span for span in spans if calls_a_model(span)]
    reported_below = {span.parent_id for span in calls}
    return [span for span in calls if span.span_id not in reported_below]


def calls_a_model(span: Span) -> bool:
    """Whether the span is one call of a model."""
    operation = str(span.attributes.get("gen_ai.operation.name") or "")
    if operation:
        return operation in MODEL_CALLS or (
            operation not in NOT_MODEL_CALLS and "gen_ai.response.model" in span.attributes
        )
    return "gen_ai.request.model" in span.attributes or "gen_ai.response.model" in span.attributes


def tokens(span: Span, way: str) -> int | None:
    """The tokens of one call, `input` or `output`; None where the span does not say."""
    said = span.attributes
    return _count(said.get(f"gen_ai.usage.{way}_tokens", said.get(f"gen_ai.usage.{OLDER[way]}_tokens")))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _sum(values: Iterable[Any]) -> int | None:
    counts = [_count(value) for value in values]
    return sum(one for one in counts if one is not None) if counts and None not in counts else None
