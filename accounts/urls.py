"""Addresses of this room. Signing in and out is allauth's, under /account/."""

from django.urls import path

from accounts import machines, views
from web.views import theme

urlpatterns = [
    path("people/", views.people_list, name="people_list"),
    path("people/new", views.person_new, name="person_new"),
    path("people/<uuid:pk>/", views.person_detail, name="person_detail"),
    path("people/<uuid:pk>/role", views.person_role, name="person_role"),
    path("people/<uuid:pk>/team", views.person_team, name="person_team"),
    path("people/<uuid:pk>/deactivate", views.person_deactivate, name="person_deactivate"),
    path("teams/new", views.team_new, name="team_new"),
    path("me", views.person_me, name="person_me"),
    path("me/tokens", machines.token_list, name="token_list"),
    path("tokens/<uuid:pk>/revoke", machines.token_revoke, name="token_revoke"),
    path("services/", machines.service_list, name="service_list"),
    path("services/new", machines.service_new, name="service_new"),
    path("services/<uuid:pk>/", machines.service_detail, name="service_detail"),
    path("services/<uuid:pk>/retire", machines.service_retire, name="service_retire"),
    path("theme", theme, name="theme"),
]
