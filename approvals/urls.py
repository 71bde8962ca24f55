"""Addresses of this room."""

from django.urls import path

from approvals import views

urlpatterns = [
    path("reviews/", views.review_list, name="review_list"),
    path("reviews/<uuid:pk>/", views.review_detail, name="review_detail"),
    path("reviews/<uuid:pk>/sign/", views.signoff, name="signoff"),
    path("reviews/<uuid:pk>/evaluate/", views.packet_evaluate, name="packet_evaluate"),
    path("packets/<uuid:pk>/submit/", views.packet_submit, name="packet_submit"),
    path("packets/<uuid:pk>/withdraw/", views.packet_withdraw, name="packet_withdraw"),
    path("packets/<uuid:pk>/renew/", views.packet_renew, name="packet_renew"),
    path("decisions/<uuid:pk>/", views.decision_detail, name="decision_detail"),
    path("policies/", views.policy_list, name="policy_list"),
]
