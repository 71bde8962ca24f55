"""Sources, pulls, eval runs, cost lines, budgets."""

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    """The room `signals`."""

    name = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add this room's columns to the list of agents, its count to the rail, what autonomy asks of evidence,
        what a packet promised to cost, and filling a packet from a run."""
        from registry import autonomy
        from registry.panels import agent_columns, moved_elsewhere, packet_acts
        from signals.columns import COLUMNS, run_to_fill_from
        from signals.promise import cost_moved
        from signals.rungs import EVALS_FRESH
        from signals.unregistered.queries import count_waiting
        from web import nav

        nav.count("unregistered")(count_waiting)
        agent_columns.extend(COLUMNS)
        moved_elsewhere.append(cost_moved)
        packet_acts.append(run_to_fill_from)
        autonomy.add(EVALS_FRESH)
