"""Commands of Exchange Online PowerShell that limit an application to some mailboxes (RBAC for Applications). Pure."""

from __future__ import annotations

import re

SCOPE_NAME = "Meridian mailboxes"
# PowerShell takes the typographic ones for quotation marks too.
_QUOTES = re.compile("(['‘’‚‛])")


def scope(*, group: str = "", filtered_by: str = "") -> str:
    """Of the members of a group or by a filter: made, or pointed at other mailboxes than before."""
    name = quoted(SCOPE_NAME)
    if group:
        filtered = (
            f"$group = (Get-Recipient -Identity {quoted(group)}).DistinguishedName\n"
            '$filter = "MemberOfGroup -eq \'" + $group.Replace("\'", "\'\'") + "\'"'
        )
    else:
        filtered = f"$filter = {quoted(filtered_by)}"
    return (
        f"{filtered}\n"
        f"if (Get-ManagementScope | Where-Object Name -eq {name}) {{\n"
        f"  Set-ManagementScope -Identity {name} -RecipientRestrictionFilter $filter\n"
        f"}} else {{\n"
        f"  New-ManagementScope -Name {name} -RecipientRestrictionFilter $filter }}"
    )


def assign(app_id: str, name: str) -> str:
    """Unless it is assigned for this scope already."""
    return (
        f"if (-not ({assigned(app_id, name)} | Where-Object CustomResourceScope -eq {quoted(SCOPE_NAME)})) {{\n"
        f"  New-ManagementRoleAssignment -App {quoted(app_id)} -Role {quoted(f'Application {name}')} "
        f"-CustomResourceScope {quoted(SCOPE_NAME)} }}"
    )


def assign_instead(app_id: str, name: str, wider: str) -> str:
    """For as many scopes as the wider one has."""
    return (
        f"{assigned(app_id, wider)} | ForEach-Object {{\n"
        "  $scope = @{}; if ($_.CustomResourceScope) { $scope.CustomResourceScope = $_.CustomResourceScope }\n"
        f"  New-ManagementRoleAssignment -App {quoted(app_id)} -Role {quoted(f'Application {name}')} @scope }}"
    )


def assigned(app_id: str, name: str = "") -> str:
    """Its roles at Exchange. By the literal id, for a variable that is empty would mean everybody’s."""
    role = f" -Role {quoted(f'Application {name}')}" if name else ""
    return f"Get-ManagementRoleAssignment -RoleAssignee {quoted(app_id)}{role}"


def tried(app_id: str, *addresses: str) -> str:
    """Whether Exchange would open these mailboxes."""
    return "\n".join(
        f"Test-ServicePrincipalAuthorization -Identity {quoted(app_id)} -Resource {quoted(one)}" for one in addresses
    )


def quoted(text: str) -> str:
    """As PowerShell takes it literally."""
    return "'" + _QUOTES.sub(r"\1\1", text) + "'"
