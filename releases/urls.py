"""Addresses of this room."""

from django.urls import path

from releases import views

urlpatterns = [
    path("releases/", views.release_list, name="release_list"),
    path("packets/<uuid:pk>/promote/", views.promote, name="promote"),
    path("agents/<slug:slug>/suspend/", views.suspend, name="suspend"),
    path("releases/<uuid:pk>/ask-to-resume/", views.resume_ask, name="resume_ask"),
    path("releases/<uuid:pk>/resume/", views.resume, name="resume"),
]
