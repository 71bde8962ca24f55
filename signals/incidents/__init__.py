"""Incidents: what an agent did wrong, who was told, and what was done about it."""
