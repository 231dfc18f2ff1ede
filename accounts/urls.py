"""Addresses of the ground floor. A page's template is named as its view and its address."""

from __future__ import annotations

from django.urls import URLPattern, path

from accounts.views import audit, groups, invitations, people, profile, settings

urlpatterns: list[URLPattern] = [
    path("profile/", profile.profile, name="profile"),
    path("profile/edit/", profile.profile_edit, name="profile_edit"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.people_invite, name="people_invite"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/role/", people.person_role, name="person_role"),
    path("people/<int:pk>/deactivate/", people.person_deactivate, name="person_deactivate"),
    path("people/<int:pk>/reactivate/", people.person_reactivate, name="person_reactivate"),
    path("people/<int:pk>/invite-again/", people.person_invite_again, name="person_invite_again"),
    path("people/<int:pk>/withdraw/", people.person_withdraw, name="person_withdraw"),
    path("groups/", groups.groups, name="groups"),
    path("groups/create/", groups.group_create, name="group_create"),
    path("groups/<int:pk>/", groups.group, name="group"),
    path("groups/<int:pk>/rename/", groups.group_rename, name="group_rename"),
    path("groups/<int:pk>/delete/", groups.group_delete, name="group_delete"),
    path("groups/<int:pk>/members/add/", groups.group_member_add, name="group_member_add"),
    path("groups/<int:pk>/members/<int:person_pk>/remove/", groups.group_member_remove, name="group_member_remove"),
    path("groups/<int:pk>/members/<int:person_pk>/admin/", groups.group_admin, name="group_admin"),
    path("account/settings/", settings.account_settings, name="account_settings"),
    path("account/settings/<slug:page>/", settings.account_settings, name="account_settings_page"),
    path("account/settings/<slug:page>/<str:key>/", settings.account_setting, name="account_setting"),
    path("account/audit/", audit.audit, name="audit"),
    path("invitation/", invitations.invitation, name="invitation"),
    path("invitation/<str:token>/", invitations.invitation_link, name="invitation_link"),
]
