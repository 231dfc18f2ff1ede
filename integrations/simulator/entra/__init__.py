"""Entra ID v2: discovery, the pages people see, tokens."""
