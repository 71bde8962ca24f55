"""Addresses of this room."""

from django.urls import path

from evidence import views

urlpatterns = [
    path("evidence/", views.evidence_list, name="evidence_list"),
    path("evidence/key.pem", views.evidence_key, name="evidence_key"),
    path("evidence/<slug:slug>/export/", views.evidence_export, name="evidence_export"),
    path("ledger/", views.ledger_list, name="ledger_list"),
    path("ledger/<int:pk>/", views.ledger_entry, name="ledger_entry"),
    path("ledger/<int:pk>/payload.json", views.ledger_entry_raw, name="ledger_entry_raw"),
    path("verify.py", views.verify_py, name="verify_py"),
]
