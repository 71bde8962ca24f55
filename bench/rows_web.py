"""Pages, held against a bare view on the same server."""

from __future__ import annotations

import json

from django.conf import settings

from bench.ground import Visitor, median_ms, row, signed_in, web_server


@row("web.home", "ms", "a bare view on the same server")
def home() -> tuple[float, float]:
    """The home page of the demo's first person, one request after another on one connection."""
    people = json.loads((settings.VAR_DIR / "demo-sign-ins.json").read_text())
    email = next(iter(people.values()))["email"]
    with web_server() as port:
        visitor, bare = signed_in(port, email), Visitor(port)
        return median_ms(lambda: visitor.get("/")), median_ms(lambda: bare.get("/bench/bare"))
