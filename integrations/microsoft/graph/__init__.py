"""Microsoft Graph v1.0: one file per outside job, and `provider`, which puts them behind the contract."""
