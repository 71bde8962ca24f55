"""Addresses of this room."""

from django.urls import path

from signals import views
from signals.incidents import views as incidents
from signals.unregistered import views as unregistered

urlpatterns = [
    path("signals/", views.source_list, name="source_list"),
    path("signals/sources/new/", views.source_new, name="source_new"),
    path("signals/sources/<uuid:pk>/", views.source_detail, name="source_detail"),
    path("signals/sources/<uuid:pk>/pull/", views.source_pull, name="source_pull"),
    path("signals/pulls/<uuid:pk>/", views.pull_detail, name="pull_detail"),
    path("signals/runs/", views.eval_run_list, name="eval_run_list"),
    path("signals/runs/<uuid:pk>/", views.eval_run_detail, name="eval_run_detail"),
    path("packets/<uuid:pk>/propose-billed", views.packet_propose_billed, name="packet_propose_billed"),
    path("packets/<uuid:pk>/fill-from-run/<uuid:run>", views.packet_fill_from_run, name="packet_fill_from_run"),
    path(
        "packets/<uuid:pk>/fill-from-incidents",
        incidents.packet_fill_from_incidents,
        name="packet_fill_from_incidents",
    ),
    path("incidents/", incidents.incident_list, name="incident_list"),
    path("incidents/new/", incidents.incident_new, name="incident_new"),
    path("incidents/<uuid:pk>/", incidents.incident_detail, name="incident_detail"),
    path("incidents/<uuid:pk>/amend/", incidents.incident_amend, name="incident_amend"),
    path("incidents/<uuid:pk>/close/", incidents.incident_close, name="incident_close"),
    path("incidents/<uuid:pk>/reopen/", incidents.incident_reopen, name="incident_reopen"),
    path("agents/<slug:slug>/incidents/new/", incidents.incident_report, name="incident_report"),
    path("unregistered/", unregistered.unregistered, name="unregistered"),
    path("unregistered/<uuid:pk>/", unregistered.sighting_detail, name="sighting_detail"),
    path("unregistered/<uuid:pk>/map/", unregistered.sighting_map, name="sighting_map"),
    path("unregistered/<uuid:pk>/claim/", unregistered.sighting_claim, name="sighting_claim"),
    path("unregistered/<uuid:pk>/ignore/", unregistered.sighting_ignore, name="sighting_ignore"),
    path("unregistered/<uuid:pk>/unmap/", unregistered.sighting_unmap, name="sighting_unmap"),
    path("unregistered/<uuid:pk>/reopen/", unregistered.sighting_reopen, name="sighting_reopen"),
    path("unregistered/<uuid:pk>/register/", unregistered.sighting_register, name="sighting_register"),
    path("costs/", views.cost_list, name="cost_list"),
    path("costs/budgets/new/", views.budget_new, name="budget_new"),
    path("costs/rules/new/", views.cost_rule_new, name="cost_rule_new"),
    path("costs/rules/<uuid:pk>/move/", views.cost_rule_move, name="cost_rule_move"),
    path("costs/rules/<uuid:pk>/remove/", views.cost_rule_remove, name="cost_rule_remove"),
]
