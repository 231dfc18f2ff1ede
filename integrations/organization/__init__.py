"""Application Permissions: one consent of an Office 365 admin, and everybody whom it connects."""
