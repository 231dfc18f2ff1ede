from __future__ import annotations

from django.urls import path

from calendaring import views

urlpatterns = [
    path("meetings/", views.meetings, name="meetings"),
    path("meetings/agenda/", views.agenda, name="agenda"),
]
