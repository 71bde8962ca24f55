"""Every address of the portal: each room brings its own."""

from django.urls import include, path

from portal import views, xray_views
from portal.health import healthz

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("agents/<slug:slug>/", views.agent_detail, name="agent_detail"),
    path("x-rays/", xray_views.xrays, name="xrays"),
    path("account/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("", include("registry.urls")),
    path("", include("signals.urls")),
    path("", include("approvals.urls")),
    path("", include("releases.urls")),
    path("", include("evidence.urls")),
    path("api/v1/", include("portal.api")),
]
