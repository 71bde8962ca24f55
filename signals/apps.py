"""Sources, pulls, eval runs, cost lines, budgets."""

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    """The room `signals`."""

    name = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add this room's columns to the list of agents, its count to the rail, what autonomy asks of evidence,
        what a packet promised to cost, and what a packet can be filled from."""
        from registry import autonomy
        from registry.panels import agent_columns, moved_elsewhere, packet_fills
        from signals.columns import COLUMNS
        from signals.fills import bill, newest_run
        from signals.promise import cost_moved
        from signals.rungs import EVALS_FRESH
        from signals.unregistered.queries import count_waiting
        from web import nav

        nav.count("unregistered")(count_waiting)
        agent_columns.extend(COLUMNS)
        moved_elsewhere.append(cost_moved)
        packet_fills.extend([newest_run, bill])
        autonomy.add(EVALS_FRESH)
