"""Every address of the API, version 1: each room brings its own, and the document that describes them."""

from django.urls import include, path
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView

from web.api import Nowhere

urlpatterns = [
    path("", include("registry.api")),
    path("", include("registry.api_answers")),
    path("", include("registry.api_imports")),
    path("", include("registry.api_proposals")),
    path("", include("registry.ownership_api")),
    path("", include("registry.catalogue_api")),
    path("", include("approvals.api")),
    path("", include("approvals.api_renewing")),
    path("", include("signals.api")),
    path("", include("signals.api_packets")),
    path("", include("signals.incidents.api")),
    path("", include("signals.unregistered.api")),
    path("", include("portal.xrays.api")),
    path("openapi.json", SpectacularAPIView.as_view(renderer_classes=[OpenApiJsonRenderer]), name="api_schema"),
    path("<path:rest>", Nowhere.as_view()),
]
