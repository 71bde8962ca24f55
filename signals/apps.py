"""Sources, pulls, eval runs, cost lines, budgets."""

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    """The room `signals`."""

    name = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add this room's columns to the list of agents, its counts to the rail, its panel to an agent's page, what autonomy
        asks of evidence, what a packet promised to cost, what happened since, and what a packet can be filled from."""
        from registry import autonomy
        from registry.panels import agent_columns, agent_panels, moved_elsewhere, packet_fills
        from signals.columns import COLUMNS
        from signals.fills import FILLS
        from signals.incidents.queries import agent_panel, count_open, incidents_moved
        from signals.promise import cost_moved
        from signals.rungs import EVALS_FRESH
        from signals.unregistered.queries import count_waiting
        from web import nav

        nav.count("unregistered")(count_waiting)
        nav.count("incidents")(count_open)
        agent_columns.extend(COLUMNS)
        agent_panels.append(agent_panel)
        moved_elsewhere.extend([cost_moved, incidents_moved])
        packet_fills.extend(FILLS)
        autonomy.add(EVALS_FRESH)
